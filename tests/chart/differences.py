"""The table of docs/explanation/differences.md as data, and the comparison that it allows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rendering import ROOT, Object, leaves

DOCUMENT = ROOT / "docs" / "explanation" / "differences.md"
ABSENT = object()
THERE = "there"


@dataclass(frozen=True)
class Row:
    """One allowed difference. A cell in `code` is compared to the letter, `absent` means no such field, other words allow anything."""

    field: str
    today: str
    now: str
    reason: str

    def allows(self, difference: Difference) -> bool:
        pattern = ".*".join(re.escape(part) for part in self.field.split("*"))
        named = re.fullmatch(pattern, difference.field)
        return bool(named) and _fits(self.today, difference.today) and _fits(self.now, difference.now)


@dataclass(frozen=True)
class Difference:
    """A field that is not the same today and in what the chart renders."""

    field: str
    today: Any
    now: Any

    def __str__(self) -> str:
        return f"{self.field}: {_text(self.today)} → {_text(self.now)}"


def _text(value: Any) -> str:
    if value is ABSENT:
        return "absent"
    return value if isinstance(value, str) else json.dumps(value)


def _same(before: Any, after: Any) -> bool:
    return type(before) is type(after) and bool(before == after)


def _fits(cell: str, value: Any) -> bool:
    if cell == "absent":
        return value is ABSENT
    literal = re.fullmatch(r"`([^`]*)`", cell)
    return literal is None or literal[1] == _text(value)


def read_rows(document: Path = DOCUMENT) -> list[Row]:
    """The rows of the document's table; the field's own backticks are dropped."""
    lines = [line for line in document.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]
    return [Row(field.strip("`"), today, now, reason) for field, today, now, reason in cells]


def compare(today: dict[str, Object], now: dict[str, Object]) -> tuple[int, list[Difference]]:
    """How many fields were compared, and those that differ. An object on one side only is one difference."""
    count, found = 0, []
    for name in sorted(today.keys() | now.keys()):
        if name not in today or name not in now:
            count += 1
            found.append(Difference(name, THERE if name in today else ABSENT, THERE if name in now else ABSENT))
            continue
        old, new = dict(leaves(today[name])), dict(leaves(now[name]))
        fields = sorted(old.keys() | new.keys())
        count += len(fields)
        pairs = ((field, old.get(field, ABSENT), new.get(field, ABSENT)) for field in fields)
        found += [Difference(f"{name}:{field}", before, after) for field, before, after in pairs if not _same(before, after)]
    return count, found


def without_reason(found: Iterable[Difference], rows: list[Row]) -> list[Difference]:
    return [difference for difference in found if not any(row.allows(difference) for row in rows)]


def unused(rows: list[Row], found: list[Difference]) -> list[Row]:
    return [row for row in rows if not any(row.allows(difference) for difference in found)]
