"""Random defaults, files of values and `--set` arguments, as texts: what is tried is how they are read and merged."""

from __future__ import annotations

import json
from dataclasses import dataclass
from random import Random

import yaml
from documents import accepted, mutated
from rendering_many import CHART

PLAIN = [
    "1",
    "0",
    "-1",
    "+1",
    "42",
    "100000",
    "100000000000",
    "9007199254740992",
    "-9007199254740992",
    "1.5",
    "-0.25",
    "0.1",
    "1.0",
    "3.25",
]
PLAIN += [
    "true",
    "false",
    "True",
    "FALSE",
    "null",
    "~",
    "Null",
    "a",
    "abc",
    "x-y",
    "a.b",
    "HG0105a",
    "é",
    "1a",
    "a b",
    "http://x/y",
    "-a",
    "v1.2.3",
]
PLAIN += ["nope", "yess", "nul", "0a", "1.2.3", "1-2", "a: b".replace(": ", ":"), "=", "a#b", "t", "truE", "0.000001", "123456.789", "2.0"]
AMBIGUOUS = [
    "1e3",
    "1E5",
    "0x10",
    "0o17",
    "017",
    "0b11",
    "1_000",
    "yes",
    "No",
    "on",
    "off",
    "y",
    "n",
    ".5",
    "5.",
    "1.50",
    "2026-01-05",
    "12:30",
]
AMBIGUOUS += [
    "9007199254740993",
    "-9007199254740993",
    "123456789012345678901",
    ".inf",
    "-.inf",
    ".nan",
    "1e400",
    "1:2:3",
    "089",
    "0.10",
    "1__0",
]
QUOTED = [
    "",
    " ",
    "1",
    "true",
    "null",
    "yes",
    "1e3",
    "a: b",
    "# a",
    "é",
    "😀",
    "\u2028",
    "\t",
    "\\",
    '"',
    "'",
    "a\nb",
    "\x7f",
    "0x10",
    "- a",
    "{}",
    "{{x}}",
]
KEYS = ["a", "b", "c", "d", "list", "map", "global", "é", "k8s.io/x", "a.b", "x-y", "A", "_", "a b"]
ODD_KEYS = ["1", "true", "null", "y", "1e3", "<<", "", "a: b", "~", "0x1", "-"]
SET_WORDS = [
    "1",
    "0",
    "-5",
    "007",
    "0x10",
    "1e3",
    "1.5",
    "true",
    "False",
    "NULL",
    "null",
    "",
    " ",
    "a",
    "é",
    "a b",
    "=",
    "a=b",
    "a.b",
    "yes",
    "+1",
]
SET_WORDS += [
    "9007199254740992",
    "-9007199254740992",
    "00",
    "-0",
    "1_000",
    "nil",
    "~",
    "😀",
    "tRue",
    "[]",
    "a}b",
    "{",
    "}",
    "x]",
    '"a"',
    "'1'",
    "\t",
]
TOO_LARGE = ["9007199254740993", "123456789012345678901234567890", "-9223372036854775809"]


@dataclass(frozen=True)
class Pair:
    """The texts of one case."""

    defaults: str
    file: str
    sets: tuple[str, ...]


def pair(seed: str, number: int) -> Pair:
    """One case; every third is over the chart's own defaults."""
    chance = Random(f"{seed}/merged/{number}")
    if number % 3 == 0:
        document = accepted(f"{seed}/merged", number) if chance.random() < 0.5 else mutated(f"{seed}/merged", number)[0]
        if isinstance(document.get("secrets"), dict) and document["secrets"].get("mode") == "versioned":
            del document["secrets"]  # helmtool then names a version of the Secret itself, above all other layers
        text = yaml.safe_dump(document, allow_unicode=True) if chance.random() < 0.5 else json.dumps(document, ensure_ascii=False)
        keys = [_dotted(path) for path in _leaves(yaml.safe_load((CHART / "values.yaml").read_text()), ())]
        return Pair((CHART / "values.yaml").read_text(), text, tuple(_set(chance, keys) for _ in range(chance.randint(0, 4))))
    ambiguous = chance.choice([0.0, 0.0, 0.0, 0.0, 0.1])
    writer = _Writer(chance, ambiguous)
    return Pair(writer.file(), writer.file(), tuple(_set(chance, []) for _ in range(chance.choice([0, 0, 1, 1, 2, 4]))))


class _Writer:
    """YAML as people write it, in all styles; `ambiguous` is how often a word is one that readers read differently."""

    def __init__(self, chance: Random, ambiguous: float) -> None:
        self.chance = chance
        self.ambiguous = ambiguous
        self.anchors: list[str] = []

    def file(self) -> str:
        """A file with keys and values at the top."""
        self.anchors = []
        if self.chance.random() < 0.05:
            return "{}\n"
        head = self.chance.choice(["", "", "# a comment\n", "---\n", "\n"])
        return head + self._block(0, self.chance.randint(1, 5))

    def _block(self, depth: int, count: int) -> str:
        keys = self.chance.sample(KEYS, min(count, len(KEYS)))
        lines = [self._entry(key if self.chance.random() > 0.05 else self._odd(), depth) for key in keys]
        return "".join(lines)

    def _odd(self) -> str:
        key = self.chance.choice(ODD_KEYS)
        return key if key and self.chance.random() < self.ambiguous else json.dumps(key)

    def _entry(self, key: str, depth: int) -> str:
        indent, dice = "  " * depth, self.chance.random()
        if depth < 4 and dice < 0.35:
            anchor = self._anchor()
            return f"{indent}{key}:{anchor}\n{self._block(depth + 1, self.chance.randint(1, 3))}"
        if dice < 0.45:
            items = "".join(f"{indent}{self.chance.choice(['', '  '])}- {self._flow(depth)}\n" for _ in range(self.chance.randint(1, 3)))
            return f"{indent}{key}:\n" + self._evenly(items, indent)
        if dice < 0.5:
            style = self.chance.choice(["|", "|-", ">", ">-", "|+"])
            return f"{indent}{key}: {style}\n{indent}  one\n{indent}  two # no comment\n"
        comment = self.chance.choice(["", "", "", "  # said"])
        return f"{indent}{key}: {self._flow(depth)}{comment}\n"

    def _evenly(self, items: str, indent: str) -> str:
        """The items of a list stand below each other."""
        return "".join(f"{indent}- {line.split('- ', 1)[1]}" for line in items.splitlines(keepends=True))

    def _anchor(self) -> str:
        if self.chance.random() > 0.1:
            return ""
        self.anchors.append(f"n{len(self.anchors)}")
        return f" &{self.anchors[-1]}"

    def _flow(self, depth: int) -> str:
        dice = self.chance.random()
        if self.anchors and dice < 0.1:
            return f"*{self.chance.choice(self.anchors[:-1] or self.anchors)}"
        if depth < 5 and dice < 0.2:
            merge = f"<<: *{self.anchors[0]}, " if len(self.anchors) > 1 and self.chance.random() < 0.3 else ""
            return (
                "{"
                + merge
                + ", ".join(f"{k}: {self._flow(depth + 1)}" for k in self.chance.sample("abcd", self.chance.randint(0, 3)))
                + "}"
            )
        if depth < 5 and dice < 0.3:
            return "[" + ", ".join(self._flow(depth + 1) for _ in range(self.chance.randint(0, 3))) + "]"
        if dice < 0.55:
            text = self.chance.choice(QUOTED)
            return (
                json.dumps(text, ensure_ascii=text.isascii() or ord(max(text)) < 0x10000)
                if "'" in text or not text.isprintable() or dice < 0.45
                else f"'{text}'"
            )
        return self.chance.choice(AMBIGUOUS if self.chance.random() < self.ambiguous else PLAIN)


def _set(chance: Random, keys: list[str]) -> str:
    """One `--set` argument with one to three assignments."""
    parts = []
    for _ in range(chance.choice([1, 1, 2, 3])):
        path = chance.choice(keys) if keys and chance.random() < 0.8 else _path(chance)
        parts.append(f"{path}={_value(chance)}")
    return ",".join(parts) + chance.choice(["", "", "", "", ","])


def _path(chance: Random) -> str:
    text = _key(chance)
    for _ in range(chance.choice([0, 0, 1, 1, 2, 3])):
        text += f"[{chance.choice([0, 0, 1, 2, 5])}]" if chance.random() < 0.25 else f".{_key(chance)}"
    return text


def _key(chance: Random) -> str:
    key = chance.choice(KEYS if chance.random() < 0.95 else [key for key in ODD_KEYS if key])
    return "".join(f"\\{letter}" if letter in "\\.,=[" else letter for letter in key)


def _value(chance: Random) -> str:
    if chance.random() < 0.2:
        return "{" + ",".join(_escaped(chance.choice(SET_WORDS), chance) for _ in range(chance.randint(0, 3))) + "}"
    return _escaped(chance.choice(TOO_LARGE if chance.random() < 0.01 else SET_WORDS), chance)


def _escaped(text: str, chance: Random) -> str:
    text = "".join(f"\\{letter}" if letter in "\\,{}" else letter for letter in text)
    return text.replace("a", "\\a") if chance.random() < 0.03 else text


def _leaves(value: object, path: tuple[str, ...]) -> list[tuple[str, ...]]:
    if isinstance(value, dict) and value:
        return [path, *(found for key, inner in value.items() for found in _leaves(inner, (*path, key)))][bool(not path) :]
    return [path]


def _dotted(path: tuple[str, ...]) -> str:
    return ".".join(part.replace(".", "\\.") for part in path)
