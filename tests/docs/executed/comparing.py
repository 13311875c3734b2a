"""Whether what a page shows is what came: what varies from run to run is made alike, and `…` stands for what is left out."""

from __future__ import annotations

import difflib
import getpass
import re
import socket
from collections.abc import Iterable

RULES: tuple[tuple[str, str], ...] = (
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( UTC|Z)", "TIME"),
    (r"(?<=https://127\.0\.0\.1:)\d+", "PORT"),
    (r"\bnewdqmgui-[0-9a-f]{8,10}-[a-z0-9]{5}\b", "newdqmgui-POD"),
    (r"\b(?=[0-9a-f]*\d)[0-9a-f]{8,64}\b", "HEX"),
    (r"\b\d+(\.\d+)? s\b", "N s"),
    (r"(?<= )\d+[smhd](?= )", "AGE"),
    (rf"\b{re.escape(getpass.getuser())}(?=@|\b)", "ann"),
    (rf"\b{re.escape(socket.gethostname())}\b", "lxplus"),
    (r" {2,}", "  "),
    (r" +$", ""),
)
"""What is made alike, with what: times, ports, names of pods, digests and commits, durations, ages, people, machines, widths of columns."""
LEFT_OUT = ("…", "[...]")
UNDER_WAY = "… "
"""How a line begins that tells what goes on at the moment: how many come depends on how fast the machine is."""


def alike(line: str) -> str:
    """A line without what varies."""
    for pattern, replacement in RULES:
        line = re.sub(pattern, replacement, line)
    return line


def difference(shown: Iterable[str], output: str) -> str:
    """What tells the page's lines from those that came, as a diff; empty where they agree."""
    expected, came = _lines(shown), _lines(output.splitlines())
    if re.fullmatch("".join(_pattern(line) for line in expected), "".join(f"{line}\n" for line in came)):
        return ""
    return "\n".join(difflib.unified_diff(expected, came, "page", "came", lineterm="", n=1))


def _lines(lines: Iterable[str]) -> list[str]:
    return [alike(line) for line in lines if not line.startswith(UNDER_WAY)]


def _pattern(line: str) -> str:
    if line in LEFT_OUT:
        return r"(?:.*\n)*?"
    return ".*".join(re.escape(part) for part in line.split("…")) + r"\n"
