"""How the tests call helm, and how they look at what it rendered."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from helmtool.adapters import process, toolbox
from helmtool.model.values import to_helm_json

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "newdqmgui"
VALUES = ROOT / "values"
ENVIRONMENTS = ("test4", "preprod", "prod", "local")
TAG = "HG0105a"
DIGEST = "sha256:" + "5a" * 32

Object = dict[str, Any]


class Refused(Exception):
    """Helm ended with an error; the text is what it said."""


def merge(*layers: dict[str, Any]) -> dict[str, Any]:
    """Maps merged key by key, later ones winning, as Helm merges values files."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            both_maps = isinstance(value, dict) and isinstance(merged.get(key), dict)
            merged[key] = merge(merged[key], value) if both_maps else value
    return merged


def nested(dotted: dict[str, Any]) -> dict[str, Any]:
    """`{"image.tag": 1}` as `{"image": {"tag": 1}}`."""
    values: dict[str, Any] = {}
    for path, value in dotted.items():
        values = merge(values, functools.reduce(lambda inner, part: {part: inner}, reversed(path.split(".")), value))
    return values


@dataclass(frozen=True)
class Helm:
    """The helm program; `template` gives the rendered text and remembers it for the session."""

    program: str
    _rendered: dict[str, str] = field(default_factory=dict, compare=False)

    @classmethod
    def find(cls) -> Helm:
        return cls(os.environ.get("HELM") or str(toolbox.find("helm")))

    def run(self, *arguments: str | Path, values: dict[str, Any] | None = None) -> str:
        """Standard output of helm; `values` go over standard input. Raises Refused when helm does not end with 0."""
        argv = [self.program, *map(str, arguments)]
        text = to_helm_json(values) if values is not None else None
        done = process.run([*argv, "-f", "-"] if values is not None else argv, input=text, timeout=60)
        if done.returncode:
            raise Refused(done.stderr.decode() + done.stdout.decode())
        return done.stdout.decode()

    def template(self, environment: str = "", values: dict[str, Any] | None = None, *flags: str) -> str:
        """The manifests for an environment's file and further values; a tag is always given unless the values empty it."""
        given = merge({"image": {"tag": TAG}}, values or {})
        key = json.dumps([environment, given, flags], sort_keys=True)
        if key not in self._rendered:
            files = ("-f", VALUES / f"{environment}.yaml") if environment else ()
            self._rendered[key] = self.run("template", "newdqmgui", CHART, "-n", "dqm", *files, *flags, values=given)
        return self._rendered[key]

    def objects(self, environment: str = "", values: dict[str, Any] | None = None, *flags: str) -> dict[str, Object]:
        """The rendered objects by `Kind/name`, without the hooks of `helm test`."""
        return by_name(loaded for loaded in documents(self.template(environment, values, *flags)) if not is_hook(loaded))

    def hooks(self, environment: str = "", values: dict[str, Any] | None = None) -> dict[str, Object]:
        """The rendered hooks by `Kind/name`."""
        return by_name(loaded for loaded in documents(self.template(environment, values)) if is_hook(loaded))


def documents(text: str) -> Iterator[Object]:
    return (document for document in yaml.safe_load_all(text) if document)


def by_name(objects: Iterable[Object]) -> dict[str, Object]:
    return {f"{item['kind']}/{item['metadata']['name']}": item for item in objects}


def is_hook(item: Object) -> bool:
    return "helm.sh/hook" in item["metadata"].get("annotations", {})


@functools.cache
def chart_defaults() -> dict[str, Any]:
    loaded = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


LIST_KEYS = ("name", "mountPath")


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every scalar (and empty map or list) with its path; lists of named things are keyed by name, or mount path."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            plain = key.replace("-", "").replace("_", "").isalnum()
            yield from leaves(item, f"{path}.{key}".lstrip(".") if plain else f'{path}["{key}"]')
    elif isinstance(value, list) and value:
        for key, item in zip(_list_keys(value), value, strict=True):
            yield from leaves(item, f"{path}[{key}]")
    else:
        yield path, value


def _list_keys(items: list[Any]) -> list[str]:
    for name in reversed(LIST_KEYS):
        keys = [item.get(name) for item in items if isinstance(item, dict)]
        if len(keys) == len(items) == len(set(keys)) and all(isinstance(key, str) for key in keys):
            return [str(key) for key in keys]
    return [str(number) for number in range(len(items))]


def pod_spec(objects: dict[str, Object]) -> dict[str, Any]:
    spec = objects["Deployment/newdqmgui"]["spec"]["template"]["spec"]
    assert isinstance(spec, dict)
    return spec


def container(objects: dict[str, Object]) -> dict[str, Any]:
    only = pod_spec(objects)["containers"][0]
    assert isinstance(only, dict)
    return only


def pod_annotations(objects: dict[str, Object]) -> dict[str, str]:
    annotations = objects["Deployment/newdqmgui"]["spec"]["template"]["metadata"]["annotations"]
    assert isinstance(annotations, dict)
    return annotations


def mounts(objects: dict[str, Object]) -> dict[str, str]:
    """Mount path to volume name."""
    return {mount["mountPath"]: mount["name"] for mount in container(objects)["volumeMounts"]}


def volumes(objects: dict[str, Object]) -> dict[str, dict[str, Any]]:
    """Volume name to its source."""
    return {volume["name"]: volume for volume in pod_spec(objects)["volumes"]}
