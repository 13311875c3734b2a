"""The way to one value in a document: keys and indexes."""

from __future__ import annotations

Path = tuple[str | int, ...]


def dotted(path: Path) -> str:
    """The path as people and `--set` write it: `networkPolicy.from[0].namespace`; dots inside a key are escaped."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + _escaped(str(part))
    return text


def _escaped(key: str) -> str:
    return "".join(f"\\{character}" if character in "\\.,=[" else character for character in key)
