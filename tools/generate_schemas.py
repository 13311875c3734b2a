#!/usr/bin/env python3
"""Writes the chart's values.schema.json and README.md, and the schemas that editors read, from schemas/*.yaml.

`--check` only says whether they are current.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

Schema = dict[str, Any]

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "schemas" / "values.schema.yaml"
ENVIRONMENTS = ROOT / "schemas" / "environments.schema.yaml"
CHART = ROOT / "charts" / "newdqmgui"
FOR_EDITORS = ROOT / "schemas"
COMMAND = "python tools/generate_schemas.py"

# Python's `$` fits before a line break at the end, Go's does not; beside this rule both read a pattern alike.
NO_LINE_BREAK = {"pattern": "\n"}
SCHEMA_MAPS = ("properties", "definitions")
SCHEMA_KEYS = ("items", "additionalProperties", "propertyNames")


def load_source(file: Path = SOURCE) -> Schema:
    """The schema as people write it, with every `$ref` replaced by what it names (keys beside the `$ref` win) and the `x-…` keys kept."""
    source: Schema = yaml.safe_load(file.read_text(encoding="utf-8"))
    resolved: Schema = _resolve(source, source)
    resolved.pop("definitions", None)
    return resolved


def build(source: Schema) -> Schema:
    """The schema as Helm and helmtool read it: without `x-…` keys, with patterns that Go and Python read alike."""
    schema = {key: value for key, value in source.items() if not key.startswith("x-")}
    for key in SCHEMA_MAPS:
        if key in schema:
            schema[key] = {name: build(inner) for name, inner in schema[key].items()}
    for key in SCHEMA_KEYS:
        if isinstance(schema.get(key), dict):
            schema[key] = build(schema[key])
    if source.get("x-secret"):
        return _conceal(schema)
    if "pattern" in schema:
        schema["not"] = NO_LINE_BREAK
    return schema


def render_schema(source: Schema) -> str:
    """The text of values.schema.json, keys in the order of the source."""
    return _as_json(build(source))


def partial(schema: Schema) -> Schema:
    """The schema of a file that holds only what differs: nothing is required, but in the items of a list, which Helm replaces whole."""
    return {key: _partial(key, value) for key, value in schema.items() if key != "required"}


def _partial(key: str, value: Any) -> Any:
    if key in SCHEMA_MAPS:
        return {name: partial(inner) for name, inner in value.items()}
    return partial(value) if key == "additionalProperties" and isinstance(value, dict) else value


def _as_json(schema: Schema) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def render_readme(source: Schema) -> str:
    """The text of the chart's README: how to install it with plain Helm, and a table of all values."""
    rows = [_row(path, schema) for path, schema in leaves(source) if path]
    return INTRODUCTION + "\n".join(["| Key | Type | Default | Description |", "|---|---|---|---|", *rows]) + "\n"


def leaves(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Every key that has a value of its own, dotted, in the order of the source; `global` belongs to Helm and is left out."""
    if "default" in schema or not schema.get("properties"):
        yield path, schema
        return
    for name, inner in schema["properties"].items():
        if path or name != "global":
            yield from leaves(inner, f"{path}.{name}" if path else name)


def outputs() -> dict[Path, str]:
    """What each generated file must hold."""
    source = load_source()
    return {
        CHART / "values.schema.json": render_schema(source),
        CHART / "README.md": render_readme(source),
        FOR_EDITORS / "environment-values.schema.json": _as_json(partial(build(source))),
        FOR_EDITORS / "environments.schema.json": _as_json(build(load_source(ENVIRONMENTS))),
    }


def _resolve(node: Any, root: Schema) -> Any:
    if isinstance(node, list):
        return [_resolve(item, root) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        beside = {key: value for key, value in node.items() if key != "$ref"}
        node = beside | {key: value for key, value in _lookup(node["$ref"], root).items() if key not in beside}
        return _resolve(node, root)
    return {key: _resolve(value, root) for key, value in node.items()}


def _lookup(reference: str, root: Schema) -> Schema:
    found = root
    for name in reference.removeprefix("#/").split("/"):
        found = found[name]
    return found


def _conceal(schema: Schema) -> Schema:
    """Rules whose failure Helm reports as a bare `not`: its other messages quote the value, or give its length."""
    hidden: list[Schema] = [{"not": {"pattern": schema.pop("pattern")}}, NO_LINE_BREAK]
    if "maxLength" in schema:
        hidden.append({"minLength": schema.pop("maxLength") + 1})
    schema["not"] = {"anyOf": hidden}
    return schema


def _row(path: str, schema: Schema) -> str:
    kind = schema["type"]
    if kind == "array":
        kind = f"list of {schema['items']['type']}s"
    if "enum" in schema:
        kind = ", ".join(f"`{value}`" for value in schema["enum"])
    default = f"`{json.dumps(schema['default'], ensure_ascii=False)}`" if "default" in schema else ""
    description = " ".join(schema["description"].split())
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in (f"`{path}`", kind, default, description)) + " |"


INTRODUCTION = f"""\
# newdqmgui

The Offline DQM GUI of CMS on Kubernetes: its Deployment, Service, start script and network policy, and, where nobody else owns them,
its Ingress, claims, storage class, service account and Secret.

## Install it with Helm alone

Needs Helm 4.1 or later, and a namespace that holds the Secrets and claims of the table below.

```console
$ helm upgrade --install newdqmgui charts/newdqmgui --namespace dqm --reset-values \\
    --values values/test4.yaml --set image.tag=HG0105a --server-side=true --wait
$ helm test newdqmgui --namespace dqm
```

- The names of the objects are fixed, since the chart takes over what runs already: one installation in a namespace.
- `--reset-values`, because Helm otherwise goes on with the values of the last release when it gets none.
- Never `--rollback-on-failure` on the first installation: Helm then deletes what it has just taken over.

## Values

`image.tag` must be given. Every value is checked; an unknown key is an error. The rules, with bounds and examples, are in
`values.schema.json`. This page and that file are written by `{COMMAND}` from `schemas/values.schema.yaml`.

"""


def main(arguments: list[str]) -> int:
    """Writes the files, or with `--check` compares them; gives the exit code."""
    check = arguments == ["--check"]
    if arguments and not check:
        print(f"usage: {COMMAND} [--check]", file=sys.stderr)
        return 2
    stale = {file: text for file, text in outputs().items() if not file.is_file() or file.read_text(encoding="utf-8") != text}
    for file, text in stale.items():
        if not check:
            file.write_text(text, encoding="utf-8")
        print(f"{file.relative_to(ROOT)}: " + (f"differs from its source; run: {COMMAND}" if check else "written"), file=sys.stderr)
    return 1 if check and stale else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
