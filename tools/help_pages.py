"""The pages of `--help` as typer makes them at 80 columns, with colours."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from helmtool.cli.app import run
from helmtool.cli.help import WIDTH, page_of

WANTED = {"FORCE_COLOR": "1", "TERM": "xterm", "COLUMNS": str(WIDTH)}
UNWANTED = ("NO_COLOR", "TERMINAL_WIDTH", "COLORTERM", "LANG", "LC_ALL", "LANGUAGE")


def help_pages(root: Any) -> dict[Path, str]:
    """Each page by its file. It sets variables of this process, which typer reads when it first shows something."""
    for name in UNWANTED:
        os.environ.pop(name, None)
    os.environ.update(WANTED)
    return {Path(page_of(words)): _page(words) for words in _paths((), root)}


def _paths(words: tuple[str, ...], command: Any) -> Iterator[tuple[str, ...]]:
    yield words
    for name, below in getattr(command, "commands", {}).items():
        yield from _paths((*words, name), below)


def _page(words: tuple[str, ...]) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as written:
        if code := run([*words, "--help"]):
            raise SystemExit(f"helmtool {' '.join(words)} --help ended with {code}")
    return written.getvalue()
