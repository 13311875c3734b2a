"""The pages of `--help`, made beforehand: what most people type first needs no command line library."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

HERE = os.path.join(os.path.dirname(__file__), "help")  # noqa: PTH118, PTH120 - pathlib takes as long to import as all of this
WIDTH = 80
ASKS = ("--help", "-h")
OTHERWISE = ("COLUMNS", "TERMINAL_WIDTH", "FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS")
"""Variables with which somebody wants the page otherwise than it was made (rich's and typer's)."""


def print_help(arguments: Sequence[str]) -> bool:
    """Prints the page that a command line asks for; false where there is none, or where it would look otherwise: then typer makes it.

    `tools/generate_reference.py` writes the pages with what typer gives, at 80 columns.
    """
    *words, last = arguments or [""]
    if last not in ASKS or not all(word.replace("-", "").isalpha() for word in words):
        return False
    if sys.stdout is None or any(name in os.environ for name in OTHERWISE):
        return False
    try:
        terminal = sys.stdout.isatty()
        if terminal and os.get_terminal_size(sys.stdout.fileno()).columns < WIDTH:
            return False
        with open(page_of(words), encoding="utf-8") as file:  # noqa: PTH123 - as above
            page = file.read()
        coloured = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") not in ("dumb", "unknown")
        sys.stdout.write(page if coloured else plain(page))
        sys.stdout.flush()
    except (OSError, ValueError):
        return False
    return True


def page_of(words: Sequence[str]) -> str:
    """The file of a command's page; without words that of the program."""
    return os.path.join(HERE, "-".join(words or ["helmtool"]) + ".txt")  # noqa: PTH118


def plain(page: str) -> str:
    """Without the sequences that colour it."""
    first, *others = page.split("\x1b[")
    return first + "".join(other.partition("m")[2] for other in others)
