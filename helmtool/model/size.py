"""Sizes as people read them."""

from __future__ import annotations

UNITS = ("B", "kB", "MB", "GB", "TB")


def in_words(size: float) -> str:
    """Bytes in the largest unit that gives at least one of it, with one decimal from kB on: `512 B`, `1.2 GB`."""
    for unit in UNITS[:-1]:
        if size < 1000:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} {UNITS[-1]}"
