"""The console blocks of the documentation: which commands a page shows, what it shows of their output, and what marks a block."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).parent.parent
PAGES = sorted(
    page
    for page in [*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/**/*.md"), *CHECKOUT.glob("charts/*/*.md"), *CHECKOUT.glob("tools/*.md")]
    if page.is_file()
)
CERN = "# needs CERN's network"
MARKS = (CERN, "# needs real pods", "# needs docker")
FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<body>.*?)^ *```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Command:
    """What stands after a `$ `, where it stands, the mark of its block where it has one, and the lines that follow it as its output."""

    page: str
    text: str
    mark: str
    line: int = 0
    shown: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.page}: {self.text}"


def commands(page: Path) -> Iterator[Command]:
    """The commands of a page's console blocks, in order; a line that ends in a backslash goes on in the next."""
    content = page.read_text(encoding="utf-8")
    for block in FENCE.finditer(content):
        if block["language"] == "console":
            yield from _in_block(str(page.relative_to(CHECKOUT)), block, content.count("\n", 0, block.start()) + 2)


def _in_block(page: str, block: re.Match[str], first: int) -> Iterator[Command]:
    lines = [line.removeprefix(block["indent"]) for line in block["body"].splitlines()]
    mark = next((mark for mark in MARKS if mark in lines), "")
    found: list[tuple[int, str, list[str]]] = []
    for number, line in enumerate(lines, first):
        if line.startswith("$ "):
            found.append((number, line[2:], []))
        elif found and found[-1][1].endswith("\\"):
            at, text, shown = found[-1]
            found[-1] = (at, text.removesuffix("\\") + line.lstrip(), shown)
        elif found and line not in MARKS:
            found[-1][2].append(line)
    for number, text, shown in found:
        yield Command(page, text, mark, number, tuple(shown))


def count_blocks() -> int:
    """How many console blocks the pages have."""
    return sum(block["language"] == "console" for page in PAGES for block in FENCE.finditer(page.read_text(encoding="utf-8")))


ALL = [command for page in PAGES for command in commands(page)]
