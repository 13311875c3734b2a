#!/usr/bin/env python3
"""Writes helmtool/model/data/kubernetes-openapi.json from an API server's own schemas (its path /openapi/v3).

`python tools/fetch_openapi.py KUBECONFIG` writes, with `--check` it only says whether the file is current; `helmtool local up` gives a
cluster of the pinned version. Kept are the kinds that the chart renders and what they refer to, as a JSON schema (draft 7) in which an
unknown field is an error; left out are descriptions, and what only the server writes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from helmtool.adapters import process, toolbox

Schema = dict[str, Any]

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "helmtool" / "model" / "data" / "kubernetes-openapi.json"
COMMAND = "python tools/fetch_openapi.py KUBECONFIG"
KINDS = {
    "api/v1": ("ConfigMap", "PersistentVolumeClaim", "Pod", "Secret", "Service", "ServiceAccount"),
    "apis/apps/v1": ("Deployment",),
    "apis/networking.k8s.io/v1": ("Ingress", "NetworkPolicy"),
    "apis/storage.k8s.io/v1": ("StorageClass",),
}
KEPT = ("type", "format", "enum", "required", "x-kubernetes-list-map-keys")
# Types that OpenAPI describes as alternatives, in words that give one clear message.
TYPES: Mapping[str, Schema] = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {"type": ["string", "number"], "format": "quantity"},
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"type": ["integer", "string"]},
}
SERVER_ONLY = {"status", "managedFields"}
REFERENCE = "#/components/schemas/"


def fetch(kubeconfig: Path) -> tuple[str, dict[str, dict[str, Schema]]]:
    """The server's version, and for each API group the schemas by name. Raises OSError where kubectl fails."""
    version = json.loads(_get(kubeconfig, "/version"))["gitVersion"].removeprefix("v")
    return version, {group: json.loads(_get(kubeconfig, f"/openapi/v3/{group}"))["components"]["schemas"] for group in KINDS}


def reduce(version: str, groups: Mapping[str, Mapping[str, Schema]]) -> Schema:
    """The document that helmtool keeps: `kubernetes`, `kinds` (apiVersion/kind to definition) and `definitions`."""
    every = {name: schema for schemas in groups.values() for name, schema in schemas.items()}
    kinds = {f"{group.partition('/')[2]}/{kind}": _find(groups[group], group, kind) for group, names in KINDS.items() for kind in names}
    definitions: dict[str, Schema] = {}
    wanted = list(kinds.values())
    while wanted:
        name = wanted.pop()
        if name not in definitions:
            definitions[name] = dict(TYPES[name]) if name in TYPES else _clean(every[name])
            wanted += _references(definitions[name])
    return {"kubernetes": version, "kinds": dict(sorted(kinds.items())), "definitions": dict(sorted(definitions.items()))}


def render(document: Schema) -> str:
    """The text of the data file: one definition on a line, so that a difference can be read."""
    lines = ",\n".join(f"{json.dumps(name)}:{_compact(schema)}" for name, schema in document["definitions"].items())
    head = f'"kubernetes":{json.dumps(document["kubernetes"])},\n"kinds":{_compact(document["kinds"])},\n'
    return "{" + head + '"definitions":{\n' + lines + "\n}}\n"


def _get(kubeconfig: Path, path: str) -> bytes:
    done = process.run([str(toolbox.find("kubectl")), "--kubeconfig", str(kubeconfig), "get", "--raw", path], timeout=60)
    if done.returncode:
        raise OSError(done.stderr.decode(errors="replace").strip())
    return done.stdout


def _find(schemas: Mapping[str, Schema], group: str, kind: str) -> str:
    *_, name, version = ("", "", *group.split("/")[1:])
    expected = {"group": name, "version": version, "kind": kind}
    for key, schema in schemas.items():
        if expected in schema.get("x-kubernetes-group-version-kind", []):
            return key
    raise LookupError(f"{group} has no {kind}")


def _clean(schema: Schema) -> Schema:
    """The schema without words and defaults; an object that names its fields has no others."""
    if "$ref" in schema:
        return {"$ref": schema["$ref"].replace(REFERENCE, "#/definitions/")}
    if len(schema.get("allOf", [])) == 1:
        return _clean(schema["allOf"][0])
    kept: Schema = {key: schema[key] for key in KEPT if key in schema}
    if "properties" in schema:
        kept["properties"] = {name: _clean(inner) for name, inner in schema["properties"].items() if name not in SERVER_ONLY}
        kept["additionalProperties"] = False
    kept |= {key: _clean(schema[key]) for key in ("items", "additionalProperties") if isinstance(schema.get(key), dict)}
    return kept


def _references(node: Any) -> list[str]:
    inner: Iterable[Any] = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    own = [node["$ref"].removeprefix("#/definitions/")] if isinstance(node, dict) and isinstance(node.get("$ref"), str) else []
    return own + [name for part in inner for name in _references(part)]


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def main(arguments: list[str]) -> int:
    """Writes the file, or with `--check` compares it; gives the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("kubeconfig", type=Path)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args(arguments)
    text = render(reduce(*fetch(options.kubeconfig)))
    current = TARGET.read_text(encoding="utf-8") if TARGET.is_file() else ""
    if current != text and not options.check:
        TARGET.write_text(text, encoding="utf-8")
    if current != text:
        what = f"differs from what the API server says; run: {COMMAND}" if options.check else "written"
        print(f"{TARGET.relative_to(ROOT)}: {what}", file=sys.stderr)
    return 1 if options.check and current != text else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
