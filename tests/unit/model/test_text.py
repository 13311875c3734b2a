"""What surprises the readers of a text."""

from __future__ import annotations

import pytest

from helmtool.model.text import oddities


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"plain\n", []),
        (b"", []),
        (b"\x05\x02\x00\r\n", []),
        (b"\xff\r\n", []),
        (b"a\rb", []),
        (b"a\r\n", ["CRLF"]),
        (b"\xef\xbb\xbfa", ["byte order mark"]),
        (b"\xef\xbb\xbfa\r\n", ["byte order mark", "CRLF"]),
        (b"\xff\xfea\0", ["UTF-16"]),
    ],
)
def test_oddities(data: bytes, words: list[str]) -> None:
    found = oddities(data)
    assert len(found) == len(words)
    assert all(word in sentence for word, sentence in zip(words, found, strict=True))
