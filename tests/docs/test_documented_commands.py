"""What the pages tell people to type exists: commands, options, make targets, files, links."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from blocks import ALL, CHECKOUT, PAGES, Command

from helmtool.cli.app import app

READ_FILES = ("helm", "kubectl", "docker", "python", "python3", "source")
SEPARATORS = {"|", "||", "&&", ";", "&"}
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(#[^)\s]*)?\)")


def simple_commands(text: str) -> Iterator[list[str]]:
    """The words of every single command of a shell line, those inside `$(…)` too, without redirections and variables before it."""
    for inner in re.findall(r"\$\(([^()]*)\)", text):
        yield from simple_commands(inner)
    lexer = shlex.shlex(re.sub(r"\$\([^()]*\)", "SUBSTITUTED", text), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if word not in SEPARATORS:
            words.append(word)
            continue
        if words:
            yield _without_shell(words)
        words = []


def _without_shell(words: list[str]) -> list[str]:
    while words and re.match(r"^\w+=", words[0]):
        words = words[1:]
    redirected = [number for number, word in enumerate(words) if set(word) <= {">", "<", "&"} or word in ("2>", "1>")]
    gone = {n for number in redirected for n in (number, number + 1)}
    return [word for number, word in enumerate(words) if number not in gone]


def parse(arguments: list[str]) -> None:
    """Parses a command line of helmtool as the program does, and runs nothing. Raises typer's usage errors."""
    group: Any = typer.main.get_command(app)
    context = None
    name = "helmtool"
    while True:
        try:
            context = group.make_context(name, list(arguments), parent=context)
        except (typer.Exit, SystemExit):
            return  # --help, --version and --show-completion end here
        if not hasattr(group, "commands"):
            return
        left = [*getattr(context, "_protected_args", []), *context.args]
        name, group, arguments = group.resolve_command(context, left)


def test_there_are_commands_to_check() -> None:
    assert len([c for c in ALL if "helmtool " in c.text]) > 30


@pytest.mark.parametrize("command", ALL, ids=str)
def test_command(command: Command) -> None:
    for words in simple_commands(command.text):
        if words[0] == "helmtool":
            parse(words[1:])
        elif words[0] == "make":
            assert_targets(words[1:])
        elif words[0].startswith(".venv/bin/") or words[0] in READ_FILES:
            assert_files(words[1:])


INLINE = re.compile(r"`(helmtool(?: [a-z]+){1,2})[^`]*`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_commands_within_sentences(page: Path) -> None:
    """The command's name alone: in a sentence, arguments are often left away."""
    for text in set(INLINE.findall(page.read_text(encoding="utf-8"))):
        group: Any = typer.main.get_command(app)
        for word in text.split()[1:]:
            if not hasattr(group, "commands"):
                break
            assert word in group.commands, text
            group = group.commands[word]


def assert_targets(words: list[str]) -> None:
    targets = re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE)
    assert {word for word in words if "=" not in word and not word.startswith("-")} <= set(targets)


def assert_files(words: list[str]) -> None:
    """Every argument that names a place in a folder of the checkout exists."""
    tops = {path.name for path in CHECKOUT.iterdir() if path.is_dir() and not path.name.startswith(".")}
    for word in words:
        if word.split("/", 1)[0] in tops:
            assert (CHECKOUT / word).exists(), word


@pytest.mark.parametrize(
    "line",
    ["helmtool relase local HG0105a", "helmtool release local HG0105a --wiat", "helmtool diff", "helmtool env shwo prod", "make tests"],
)
def test_a_mistake_is_found(line: str) -> None:
    with pytest.raises(Exception):  # noqa: B017 - typer's own, or an assertion
        test_command(Command("page", line, ""))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_links(page: Path) -> None:
    for target, anchor in LINK.findall(re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)):
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), target
        if anchor:
            assert anchor in headings(file), f"{target}{anchor}"


def headings(page: Path) -> set[str]:
    """The anchors of a page, as GitHub makes them from its headings."""
    found = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {"#" + re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


def test_every_page_is_in_the_index() -> None:
    index = (CHECKOUT / "docs/README.md").read_text(encoding="utf-8")
    pages = [page.relative_to(CHECKOUT / "docs") for page in CHECKOUT.glob("docs/*/*.md")]
    assert [str(page) for page in pages if f"({page})" not in index] == []
