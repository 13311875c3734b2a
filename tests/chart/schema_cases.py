"""Derives, for each rule of a schema, documents that break only it; and documents at its edges, which keep all rules."""

from __future__ import annotations

import copy
import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

Where = tuple[str | int, ...]
Schema = dict[str, Any]

WRONG_TYPES: dict[str, list[Any]] = {
    "string": [7, True, ["a"], {"a": "b"}],
    "integer": ["7", 1.5, True, [1]],
    "boolean": ["true", 0, 1, "no"],
    "array": ["a", {}, 1],
    "object": ["a", [], 1],
}


def load_generator() -> Any:
    """tools/generate_schemas.py as a module; `tools` is a folder of scripts, not a package."""
    spec = importlib.util.spec_from_file_location("generate_schemas", ROOT / "tools" / "generate_schemas.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["generate_schemas"] = module
    spec.loader.exec_module(module)
    return module


@dataclass(frozen=True)
class Node:
    """One place of a schema, in the source's form, and where a complete document has it."""

    where: Where
    source: Schema
    names: bool = False

    def __str__(self) -> str:
        return ".".join(map(str, self.where)) + ("(names)" if self.names else "")


@dataclass(frozen=True)
class Case:
    """A value at a place; `rule` is the keyword that must refuse it, or nothing where it must be accepted."""

    node: Node
    value: Any
    rule: str = ""

    def __str__(self) -> str:
        return f"{self.node}-{self.rule or 'accepted'}-{str(self.value)[:40]!a}"


def sample(schema: Schema) -> Any:
    """A document that has every key, made of the examples."""
    if "properties" in schema:
        return {name: sample(inner) for name, inner in schema["properties"].items()}
    if isinstance(schema.get("additionalProperties"), dict):
        return {schema["propertyNames"]["examples"][0]: sample(schema["additionalProperties"])}
    if schema["type"] == "array":
        return [sample(schema["items"])]
    return schema["examples"][-1]


def nodes(schema: Schema, where: Where = ()) -> Iterator[Node]:
    """Every place of the schema, the whole first."""
    yield Node(where, schema)
    for name, inner in schema.get("properties", {}).items():
        yield from nodes(inner, (*where, name))
    if "items" in schema:
        yield from nodes(schema["items"], (*where, 0))
    if "propertyNames" in schema:
        yield Node(where, schema["propertyNames"], names=True)
        yield from nodes(schema["additionalProperties"], (*where, schema["propertyNames"]["examples"][0]))


def document(whole: Any, case: Case) -> Any:
    """The complete document with the case's value in its place; for a name, the map has that one entry."""
    value = case.value
    if case.node.names:
        value = {value: next(iter(_at(whole, case.node.where).values()))}
    if not case.node.where:
        return value
    changed = copy.deepcopy(whole)
    _at(changed, case.node.where[:-1])[case.node.where[-1]] = value
    return changed


def cases(schema: Schema) -> list[Case]:
    """What each place must refuse and accept."""
    whole = sample(schema)
    found: list[Case] = []
    for node in nodes(schema):
        value = node.source["examples"][0] if node.names else _at(whole, node.where)
        # A name is always a text.
        found += [Case(node, bad, rule) for rule, bad in _refused(node.source, value) if not (node.names and rule == "type")]
        found += [Case(node, good) for good in _accepted(node.source, value)]
    return found


def _at(whole: Any, where: Where) -> Any:
    for part in where:
        whole = whole[part]
    return whole


def _refused(schema: Schema, value: Any) -> Iterator[tuple[str, Any]]:
    secret = bool(schema.get("x-secret"))
    yield from (("type", wrong) for wrong in WRONG_TYPES.get(schema.get("type", ""), []))
    yield from (("enum", wrong) for wrong in ("", "neither", str(value) + " ") if "enum" in schema)
    if "pattern" in schema:
        yield from (("not" if secret else "pattern", wrong) for wrong in schema["x-refused"])
        yield from (("not", f"{good}\n") for good in schema["examples"])
    yield from _refused_sizes(schema, value, secret)
    if schema.get("additionalProperties") is False:
        yield "additionalProperties", {**value, "notAKey": 1}
    for name in schema.get("required", []):
        yield "required", {key: inner for key, inner in value.items() if key != name}


def _refused_sizes(schema: Schema, value: Any, secret: bool) -> Iterator[tuple[str, Any]]:
    if "minimum" in schema:
        yield "minimum", schema["minimum"] - 1
        yield "maximum", schema["maximum"] + 1
    if schema.get("minLength"):
        yield "minLength", str(value)[: schema["minLength"] - 1]
    if "maxLength" in schema:
        yield "not" if secret else "maxLength", "a" * (schema["maxLength"] + 1)
    if "minItems" in schema:
        yield "minItems", value[: schema["minItems"] - 1]
    if "maxItems" in schema:
        yield "maxItems", value * (schema["maxItems"] + 1)
    if "uniqueItems" in schema:
        yield "uniqueItems", value * 2
    if "minProperties" in schema:
        yield "minProperties", {}
    if "maxProperties" in schema:
        yield "maxProperties", {f"key{number}": next(iter(value.values())) for number in range(schema["maxProperties"] + 1)}


def _accepted(schema: Schema, value: Any) -> Iterator[Any]:
    yield value
    yield from schema.get("examples", [])
    yield from schema.get("enum", [])
    yield from (schema[key] for key in ("default", "minimum", "maximum") if key in schema)
    if schema.get("type") == "boolean":
        yield from (True, False)
    if "maxLength" in schema and "pattern" not in schema:
        yield "a" * schema["maxLength"]
    if "maxProperties" in schema:
        yield {f"key{number}": next(iter(value.values())) for number in range(schema["maxProperties"])}
