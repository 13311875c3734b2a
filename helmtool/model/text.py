"""What in a text file would surprise the program that reads it."""

from __future__ import annotations

import codecs


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
