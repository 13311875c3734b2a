"""Random values that a JSON schema accepts, and values near them that it may not; all from one seeded source of chance.

Own strategies and not hypothesis-jsonschema: a document then depends on the seed and its number alone, so one of ten thousand can be
made again by itself; a document takes a millisecond; and most values sit at the edges of the chart's own rules.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from jsonschema import Draft7Validator

_parse: Callable[[str], Any] = functools.cache(re._parser.parse)  # type: ignore[attr-defined]
Schema = dict[str, Any]

HOSTILE = ["null", "~", "true", "False", "yes", "no", "on", "off", "y", "n", "NULL", "0", "1", "-1", "00", "010", "0x10", "0o17", "0b1"]
HOSTILE += ["1E5", "1e3", "1_000", "1.0", "1.50", ".5", "1.", "inf", ".inf", ".nan", "NaN", "2026-01-05", "12:30:45", "1:2", "<<", "=", "-"]
HOSTILE += [
    "9007199254740993",
    "123456789012345678901234567890",
    "é",
    "null.null",
    "0.0.0.0",
    "a--b",
    "x" * 63,
    "a.b.c",
    "e1",
    "1a",
    "A",
    "a",
]
"""Words that readers of YAML take for something else, where they stand without quotes."""
TEXTS = [
    "",
    " ",
    "a: b",
    "# x",
    "a #b",
    "- a",
    "{{ .Values }}",
    "{a: b}",
    "[a]",
    "'",
    '"',
    "\\",
    "|",
    ">",
    "%",
    "@",
    "`",
    "&a",
    "*a",
    "!a",
    "a\nb",
]
TEXTS += [
    "\n",
    "a\n",
    "\na",
    "  a\n b\n",
    "\t",
    "a\tb",
    "é",
    "😀",
    "\u2028",
    "\x85",
    "\x7f",
    "\ufeff",
    "\x01",
    "---",
    "...",
    "? a",
    "a\r\nb",
    "$x",
]


def is_valid(schema: Schema, value: Any) -> bool:
    """Whether the schema accepts the value."""
    if id(schema) not in _VALIDATORS:
        _VALIDATORS[id(schema)] = (schema, Draft7Validator(schema))
    return bool(_VALIDATORS[id(schema)][1].is_valid(value))


_VALIDATORS: dict[int, tuple[Schema, Any]] = {}
"""By the schema's identity, which stays its own as long as it is kept here: parts of one schema are asked again and again."""


class Words:
    """Values of a schema. `size` (0 to 1) is how full maps, lists and texts get."""

    def __init__(self, chance: Random, size: float) -> None:
        self.chance = chance
        self.size = size
        self._room = 0
        """How many characters the text that is being made may still have where its pattern does not ask for more."""

    def value(self, schema: Schema) -> Any:
        """One value that the schema accepts."""
        if "enum" in schema:
            return self.chance.choice(schema["enum"])
        make = {"object": self._map, "array": self._list, "integer": self._integer, "string": self.text, "boolean": self._boolean}
        return make[schema["type"]](schema)

    def overlay(self, schema: Schema, density: float) -> dict[str, Any]:
        """A map that lies over the defaults of the schema's keys: any of them may be left out."""
        made = {}
        for name, inner in schema["properties"].items():
            if self.chance.random() >= density:
                continue
            if inner["type"] == "object" and inner.get("properties") and "default" not in inner:
                made[name] = self.overlay(inner, density)
            elif "default" in inner and name not in schema.get("required", []) and self.chance.random() < 0.3:
                made[name] = None
            else:
                made[name] = self.value(inner)
        return made

    def _boolean(self, _schema: Schema) -> bool:
        return self.chance.random() < 0.5

    def _integer(self, schema: Schema) -> int:
        low, high = schema["minimum"], schema["maximum"]
        edges = [low, high, min(low + 1, high), max(high - 1, low), int(low + (high - low) ** self.chance.random())]
        return int(self.chance.choice([*edges, self.chance.randint(low, high), *schema.get("examples", [])]))

    def _count(self, low: int, high: int) -> int:
        if self.chance.random() < 0.02 * self.size:
            return high
        return min(high, max(low, int(self.chance.expovariate(1 / (0.5 + 2 * self.size)))))

    def _map(self, schema: Schema) -> dict[str, Any]:
        if "properties" in schema:
            required = schema.get("required", [])
            chosen = [name for name in schema["properties"] if name in required or self.chance.random() < 0.6]
            if len(chosen) < schema.get("minProperties", 0):
                chosen = [self.chance.choice(list(schema["properties"]))]
            return {name: self.value(schema["properties"][name]) for name in chosen}
        if not isinstance(schema.get("additionalProperties"), dict):
            return {}
        count = self._count(schema.get("minProperties", 0), schema["maxProperties"])
        return {self.text(schema["propertyNames"]): self.value(schema["additionalProperties"]) for _ in range(count)}

    def _list(self, schema: Schema) -> list[Any]:
        count = self._count(schema.get("minItems", 0), schema["maxItems"])
        made: dict[str, Any] = {}
        for _ in range(count * 3):
            if len(made) < count:
                item = self.value(schema["items"])
                made.setdefault(json.dumps(item, sort_keys=True), item)
        return list(made.values())

    def text(self, schema: Schema) -> str:
        """One text that the schema of a text, or of the names of a map, accepts."""
        for _ in range(40):
            text = self._any_text(schema)
            if is_valid(schema, text):
                return text
        return str(self.chance.choice(schema.get("examples", [schema.get("default", "a")])))

    def _any_text(self, schema: Schema) -> str:
        dice = self.chance.random()
        if "pattern" not in schema and not _pattern(schema):
            length = schema["maxLength"] if dice < 0.01 * self.size else 0
            return "x" * length or "".join(self.chance.choices(TEXTS + HOSTILE, k=self.chance.randint(0, 3)))
        if dice < 0.15:
            return self.chance.choice(HOSTILE)
        if dice < 0.3 and schema.get("examples"):
            return str(self.chance.choice(schema["examples"]))
        self._room = min(int(schema.get("maxLength", 300)), 600) if dice > 0.9 else 12
        return "".join(self._parts(_parse(_pattern(schema)), 70 if dice > 0.9 else 4))[: int(schema.get("maxLength", 4096))]

    def _parts(self, parsed: Any, most: int) -> Iterator[str]:
        for op, argument in parsed:
            name = str(op)
            if name in ("LITERAL", "IN"):
                self._room -= 1
                yield chr(argument) if name == "LITERAL" else self._one_of(argument)
            elif name == "BRANCH":
                yield from self._parts(self.chance.choice(argument[1]), most)
            elif name == "SUBPATTERN":
                yield from self._parts(argument[3], most)
            elif name == "MAX_REPEAT":
                low, high, inner = argument
                top = min(int(high), max(low, most))
                for count in range(top if most > 4 and self.chance.random() < 0.6 else self.chance.randint(low, top)):
                    if count >= low and self._room <= 0:
                        break
                    yield from self._parts(inner, most)
            else:
                assert name == "AT", name

    def _one_of(self, items: Any) -> str:
        name, argument = str((item := self.chance.choice(items))[0]), item[1]
        if name == "LITERAL":
            return chr(argument)
        assert name == "RANGE", name
        edges = [argument[0], argument[1], self.chance.randint(*argument)]
        return chr(self.chance.choice(edges))


def _pattern(schema: Schema) -> str:
    """The pattern, also where it is hidden in the rules of a secret value."""
    if "pattern" in schema:
        return str(schema["pattern"])
    hidden = schema.get("not", {}).get("anyOf", [])
    return next((str(rule["not"]["pattern"]) for rule in hidden if "not" in rule), "")
