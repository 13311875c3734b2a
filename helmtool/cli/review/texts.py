"""Words and lines of a review's document, as both pages show them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from helmtool.model.manifest import dump_manifest
from helmtool.model.text import visible

MOST_LINES = 3
"""A value of more lines is told by their number: its text is in the diff."""
MOST_CHARACTERS = 300


def printable(text: str) -> str:
    """The text on one line, with an escape for whatever cannot be seen."""
    return visible(text, besides="\t")


def title(document: Mapping[str, Any]) -> str:
    """What is compared, in a few words."""
    return f"{document['environment']}: {document['base']} → {document['target']}"


def counts(document: Mapping[str, Any]) -> str:
    """How many objects change in which way, in a few words."""
    summary = document["summary"]
    told = [f"{summary[name]} {name}" for name in ("added", "changed", "removed") if summary[name]]
    number = summary["objects"]
    return f"{number} object{'' if number == 1 else 's'}: {', '.join(told)}" if number else "0 objects"


def object_name(change: Mapping[str, Any]) -> str:
    """The object as people name it."""
    return f"{change['kind']}/{change['name']}"


def causes(change: Mapping[str, Any]) -> list[str]:
    """What made an object's fields differ, each once."""
    return list(dict.fromkeys(told(source) for field in change["fields"] for source in field["provenance"]))


def told(source: Mapping[str, Any]) -> str:
    """One source of a change in words."""
    return f"{source['text']}{' (a guess: equal text)' if source['guess'] else ''}"


def brief(field: Mapping[str, Any], side: str) -> str:
    """One side of a field on one line, or how many lines it has; empty where the side does not have it."""
    if side not in field:
        return ""
    value = field[side]
    text = value if isinstance(value, str) else dump_manifest(value).removesuffix("...\n").strip() if value else str(value)
    number = len(text.splitlines())
    return f"({number} lines)" if number > MOST_LINES else printable(text.strip() if number == 1 else text)[:MOST_CHARACTERS]


def lines(change: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The lines of a diff, each as its sign (`-`, `+`, space, or `@` for the head of a hunk) and its text."""
    for line in change["diff"][2:]:
        sign = line[:1] if line[:1] in ("-", "+", " ", "@") else " "
        yield sign, printable(line if sign == "@" else line[1:])
