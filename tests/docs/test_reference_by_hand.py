"""What the pages of the reference that people write say of exit codes and JSON is what the program has."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from helmtool.cli.app import app
from helmtool.errors import HelmtoolError

CHECKOUT = Path(__file__).parents[2]
sys.path.insert(0, str(CHECKOUT / "tools"))
import generate_reference as generated  # noqa: E402

EXIT_CODES = (CHECKOUT / "docs/reference/exit-codes.md").read_text(encoding="utf-8")
JSON = (CHECKOUT / "docs/reference/json.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (.*?) \| (.*) \|$", re.MULTILINE)
SOURCES = "\n".join(file.read_text(encoding="utf-8") for file in sorted((CHECKOUT / "helmtool").rglob("*.py")))
NO_DOCUMENT = {"exec"}
"""Prints what the command in the pod prints."""


def rows(page: str, heading: str = "") -> list[tuple[str, str]]:
    """The rows of the first table below a heading, without its own heading."""
    table = re.search(r"(?:^\|.*\n)+", page[page.index(heading) :], re.MULTILINE)
    assert table
    return [row for row in ROW.findall(table[0])[1:] if not row[0].startswith("-")]


def has_key(word: str) -> bool:
    """Whether the program has a key of this name: in quotes, or the field of a class of which a document is made."""
    field = re.sub("([A-Z])", lambda capital: "_" + capital[1].lower(), word)
    return f'"{word}"' in SOURCES or bool(re.search(rf"^    {field}: ", SOURCES, re.MULTILINE))


def commands() -> Iterator[str]:
    root: Any = typer.main.get_command(app)
    for name, _ in generated._leaves("helmtool", root):
        yield name.removeprefix("helmtool ")


def test_exit_codes() -> None:
    """Every number but 0 is the code of an error."""
    generated._errors()  # imports every module that has one
    codes = {0} | {error.exit_code for error in generated._subclasses(HelmtoolError)}
    assert {int(code) for code, *_ in rows(EXIT_CODES)} == codes
    assert {int(code) for code, _ in generated.EXIT_CODES} == codes


def test_every_command_has_its_document() -> None:
    told = {command for cell, _ in rows(JSON, "## By command") for command in re.findall(r"`([^`]+)`", cell)}
    assert told - {"--version"} == set(commands()) - NO_DOCUMENT


def test_keys_are_those_of_the_program() -> None:
    words = {word for _, text in rows(JSON, "## By command") for word in re.findall(r"`(\w+)`", text)}
    assert len(words) > 100
    assert sorted(word for word in words if not has_key(word)) == []
    assert not has_key("lastStatuses")
