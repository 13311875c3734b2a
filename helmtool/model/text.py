"""Characters that surprise: those that cannot be seen, and what programs take for content."""

from __future__ import annotations

import codecs
import re

_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0d\uffa0\U000e0100-\U000e01ef]")
"""Letters and marks that show nothing (fillers, selectors of variations), though Python calls them printable."""


def oddities(data: bytes) -> list[str]:
    """Sentences about a byte order mark and Windows line ends; none for a binary file."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return ["is UTF-16, which most programs do not read"] if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else []
    if "\0" in text:
        return []
    found = ["begins with a byte order mark, which most programs take for content"] if text.startswith("\ufeff") else []
    return found + (["has Windows line ends (CRLF)"] if "\r\n" in text else [])


def is_visible(text: str, besides: str = "") -> bool:
    """Whether every character can be seen or is a space: none is obeyed by a terminal, turns the direction of writing, or has no width.

    `besides` are other characters that may stand in it. Spaces of other kinds than U+0020 do not count as visible (str.isprintable).
    """
    return (text.isprintable() and (text.isascii() or not _BLANK.search(text))) or all(c in besides or _is_seen(c) for c in text)


def _is_seen(character: str) -> bool:
    return character.isprintable() and not _BLANK.match(character)


def visible(text: str, besides: str = "\n") -> str:
    """The text with an escape for each character that cannot be seen, but for those in `besides`: YAML reads it within double quotes."""
    if is_visible(text):
        return text
    return "".join(c if c in besides or _is_seen(c) else f"\\u{ord(c):04x}" if ord(c) < 1 << 16 else f"\\U{ord(c):08x}" for c in text)
