"""Rendered objects against Kubernetes' own OpenAPI schemas, without a cluster.

The schemas come with the package, for the version in `kubernetes_version()`; tools/fetch_openapi.py made them from an API server.
A few rules that OpenAPI only names are checked too: quantities, base64, the range of numbers, and items of a list that must differ
in their keys. Values are never quoted, but for a word that is none of those allowed, and never from a Secret.
"""

from __future__ import annotations

import base64
import binascii
import difflib
import functools
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import resources
from typing import Any

from helmtool.errors import Problem
from helmtool.model.path import Path, dotted

# A ValidationError or a validator of jsonschema, which is imported only where it is needed.
_Any = Any

# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
_QUANTITY = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?")
_RANGES = {"int32": 2**31, "int64": 2**63}
# The API server fills it in before it compares the ports of a list.
_KEY_DEFAULTS = {"protocol": "TCP"}
_LONGEST_SHOWN = 40
_TYPE_NAMES = ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"), (list, "array"), (dict, "object"))


def check_objects(objects: Sequence[Mapping[str, Any]]) -> list[Problem]:
    """Every way in which the objects break the API's schemas, in their order; `path` is `Deployment/newdqmgui: spec.replicas`."""
    return [problem for item in objects for problem in _check(without_nulls(item))]


def kubernetes_version() -> str:
    """The version whose schemas are used, without the leading `v`."""
    return str(_document()["kubernetes"])


def schema_of(item: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The schema of an object's kind; None if the kind is not known here."""
    name = _document()["kinds"].get(f"{item.get('apiVersion')}/{item.get('kind')}")
    found: Mapping[str, Any] | None = _document()["definitions"].get(name)
    return found


def child(schema: Mapping[str, Any], key: str | int) -> Mapping[str, Any]:
    """The schema of a field, or of a list's items; an empty one if there is none."""
    inner = schema.get("items", {}) if isinstance(key, int) else schema.get("properties", {}).get(key) or schema.get("additionalProperties")
    found: Mapping[str, Any] = inner or {}
    return _document()["definitions"][found["$ref"].removeprefix("#/definitions/")] if "$ref" in found else found


def _check(item: Mapping[str, Any]) -> Iterator[Problem]:
    kind, version = str(item.get("kind", "?")), str(item.get("apiVersion", "?"))
    metadata = item.get("metadata")
    name = metadata.get("name", "?") if isinstance(metadata, dict) else "?"
    known = _document()["kinds"]
    if f"{version}/{kind}" not in known:
        yield Problem(f"`{version}` has no {kind} that is known here{_near(f'{version}/{kind}', known)}", path=f"{kind}/{name}")
        return
    for error in sorted(_validator(f"{version}/{kind}").iter_errors(item), key=lambda error: [str(part) for part in error.absolute_path]):
        for path, message in _described(error, secret=kind == "Secret"):
            place = dotted(path)
            yield Problem(message, path=f"{kind}/{name}: {place}" if place else f"{kind}/{name}")


def _described(error: _Any, *, secret: bool) -> Iterator[tuple[Path, str]]:
    """The place and the words of a broken rule; jsonschema's own message quotes values."""
    path: Path = tuple(error.absolute_path)
    if error.validator == "additionalProperties":
        fields = error.schema["properties"]
        yield from (((*path, str(key)), f"unknown field{_near(str(key), fields)}") for key in error.instance if key not in fields)
    elif error.validator == "required":
        yield from (((*path, name), error.message) for name in error.validator_value if name not in error.instance)
    elif error.validator == "type":
        expected = error.validator_value
        names = " or ".join(expected) if isinstance(expected, list) else expected
        yield path, f"expected {names}, found {_type_name(error.instance)}"
    elif error.validator == "enum":
        found = "" if secret or len(str(error.instance)) > _LONGEST_SHOWN else f", found {error.instance}"
        yield path, f"expected one of {', '.join(map(str, error.validator_value))}{found}"
    else:
        yield path, error.message


def _near(name: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f": did you mean {close[0]}?" if close else ""


def _type_name(value: Any) -> str:
    if value is None:
        return "null"
    return next((name for kind, name in _TYPE_NAMES if isinstance(value, kind)), "something else")


def without_nulls(value: Any) -> Any:
    """The object without the fields that are null: the API server does not store them."""
    if isinstance(value, Mapping):
        return {key: without_nulls(inner) for key, inner in value.items() if inner is not None}
    return [without_nulls(inner) for inner in value] if isinstance(value, list) else value


@functools.cache
def _document() -> dict[str, Any]:
    text = resources.files("helmtool.model").joinpath("data", "kubernetes-openapi.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


@functools.cache
def _validator(kind: str) -> _Any:
    """The validator of one `apiVersion/kind`; all share one resolver."""
    document = _document()
    return _root().evolve(schema={"$ref": f"#/definitions/{document['kinds'][kind]}", "definitions": document["definitions"]})


@functools.cache
def _root() -> _Any:
    from jsonschema import Draft7Validator, ValidationError, validators

    def rule(find: Callable[[Any, Any], str]) -> Callable[[_Any, Any, Any, _Any], Iterator[_Any]]:
        def check(_validator: _Any, wanted: Any, value: Any, _schema: _Any) -> Iterator[_Any]:
            if message := find(wanted, value):
                yield ValidationError(message)

        return check

    extend: _Any = validators.extend
    rules = {"format": rule(_broken_format), "required": rule(_incomplete), "x-kubernetes-list-map-keys": rule(_repeated)}
    return extend(Draft7Validator, rules)({"definitions": _document()["definitions"]})


def _incomplete(names: Sequence[str], value: Any) -> str:
    """One error for all missing fields, where jsonschema's own rule gives one for each."""
    return "is missing" if isinstance(value, dict) and any(name not in value for name in names) else ""


def _broken_format(wanted: str, value: Any) -> str:
    """What is wrong with a value of that OpenAPI format; nothing where it fits, or where its type is wrong already."""
    if wanted == "quantity" and isinstance(value, str) and not _QUANTITY.fullmatch(value):
        return "expected a quantity, such as 500m or 2Gi"
    if wanted == "byte" and isinstance(value, str) and not _is_base64(value):
        return "is not base64"
    if wanted in _RANGES and isinstance(value, int) and not -_RANGES[wanted] <= value < _RANGES[wanted]:
        return f"does not fit into {wanted}"
    return ""


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text.replace("\n", ""), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _repeated(keys: Sequence[str], items: Any) -> str:
    """Which items of a list that the API server merges by key have the same key."""
    seen: set[str] = set()
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict):
            identity = json.dumps([item.get(key, _KEY_DEFAULTS.get(key)) for key in keys], default=str)
            if identity in seen:
                return f"two items have the same {' and '.join(keys)}"
            seen.add(identity)
    return ""
