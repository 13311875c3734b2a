"""Secrets that are easy to find again: of many shapes, each with the parts that must be seen nowhere."""

from __future__ import annotations

import base64
import html
import json
import random
import string
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

LETTERS = string.ascii_letters + string.digits
PIECE = 16
"""Bytes of a long part that are looked for at a time."""


@dataclass(frozen=True)
class Canary:
    """A file's content, and its random parts."""

    shape: str
    content: bytes
    parts: tuple[bytes, ...]


def _random(rng: random.Random, length: int, alphabet: str = LETTERS) -> str:
    return "".join(rng.choice(alphabet) for _ in range(length))


def _whole(shape: str, text: str) -> Canary:
    return Canary(shape, text.encode(), (text.encode(),))


def eight(rng: random.Random) -> Canary:
    return _whole("8 characters", _random(rng, 8))


def password(rng: random.Random) -> Canary:
    return _whole("quotes", _random(rng, 5) + "'\"\\$`" + _random(rng, 3) + " <&>%" + _random(rng, 5))


def newline_at_the_end(rng: random.Random) -> Canary:
    text = _random(rng, 20)
    return Canary("newline", text.encode() + b"\r\n", (text.encode(),))


def lines(rng: random.Random) -> Canary:
    parts = [_random(rng, rng.randint(8, 70)).encode() for _ in range(rng.randint(2, 12))]
    return Canary("lines", b"-----BEGIN PRIVATE THING-----\n" + b"\n".join(parts) + b"\n-----END PRIVATE THING-----\n", tuple(parts))


def document(rng: random.Random) -> Canary:
    parts = [_random(rng, 12), _random(rng, 9, "äöüßéλπµ漢字" + LETTERS)]
    text = json.dumps({"user": "shifter", "password": parts[0], "nested": {"pass phrase": parts[1]}}, indent=rng.choice([None, 2]))
    return Canary("json", text.encode(), tuple(part.encode() for part in parts))


def dotenv(rng: random.Random) -> Canary:
    parts = [_random(rng, rng.randint(8, 30)) for _ in range(3)]
    text = f"# a comment\nTOKEN={parts[0]}\nexport OTHER='{parts[1]}'\nlast: {parts[2]}\n"
    return Canary("dotenv", text.encode(), tuple(part.encode() for part in parts))


def encoded(rng: random.Random) -> Canary:
    return _whole("base64", base64.b64encode(rng.randbytes(rng.randint(24, 300))).decode())


def foreign(rng: random.Random) -> Canary:
    return _whole("utf-8", _random(rng, 24, "αβγδλπΩжшяéüßñ漢字かな🎉"))


def keytab(rng: random.Random) -> Canary:
    part = rng.randbytes(64)
    return Canary("keytab", b"\x05\x02\x00\x00\x00\x4a" + part, (part,))


def binary(rng: random.Random) -> Canary:
    part = rng.randbytes(rng.randint(300, 3000))
    return Canary("binary", part, (part,))


def large(rng: random.Random) -> Canary:
    part = "\n".join(_random(rng, 76) for _ in range(1300))
    return Canary("100 kB", part.encode(), (part.encode(),))


SHAPES: tuple[Callable[[random.Random], Canary], ...] = (
    eight,
    password,
    newline_at_the_end,
    lines,
    document,
    dotenv,
    encoded,
    foreign,
    keytab,
    binary,
)


class Detector:
    """Finds canaries in whatever bytes, in more forms than one; independent of the redactor on purpose."""

    def __init__(self, canaries: list[Canary], rng: random.Random, pieces: int = 4) -> None:
        self.needles: dict[bytes, str] = {}
        for canary in canaries:
            for part in canary.parts:
                for piece in _pieces(part, rng, pieces):
                    for form in _forms(piece):
                        self.needles[form] = canary.shape

    def find(self, data: bytes) -> set[str]:
        """The shapes of what is in there."""
        return {shape for needle, shape in self.needles.items() if needle in data}


def _pieces(part: bytes, rng: random.Random, count: int) -> list[bytes]:
    if len(part) <= 2 * PIECE:
        return [part]
    starts = [rng.randrange(len(part) - PIECE) for _ in range(count)]
    return [part[start : start + PIECE] for start in starts]


def _forms(piece: bytes) -> set[bytes]:
    found = {
        piece,
        piece.hex().encode(),
        piece.hex(" ").encode(),
        piece.hex(":").encode(),
        repr(piece)[2:-1].encode(),
        quote(piece, safe="").encode(),
        _as_strace(piece),
    }
    found |= {separator.join(map(str, piece)).encode() for separator in (" ", ", ", ",")}
    found.add("".join(f"%{byte:02x}" for byte in piece).encode())
    for shift in range(3):
        once = base64.b64encode(bytes(shift) + piece)[-(-shift * 8 // 6) : (shift + len(piece)) * 8 // 6]
        found |= {once, once.translate(bytes.maketrans(b"+/", b"-_"))}
    try:
        text = piece.decode()
    except UnicodeDecodeError:
        return {form for form in found if len(form) >= 8}
    found |= {json.dumps(text)[1:-1].encode(), json.dumps(text, ensure_ascii=False)[1:-1].encode(), repr(text)[1:-1].encode()}
    found |= {html.escape(text).encode(), html.escape(text).replace("&quot;", "&#34;").replace("&#x27;", "&#39;").encode()}
    return {form for form in found if len(form) >= 8}


def _as_strace(piece: bytes) -> bytes:
    """How strace writes a string."""
    named = {9: "\\t", 10: "\\n", 13: "\\r", 11: "\\v", 12: "\\f", 34: '\\"', 92: "\\\\"}
    out = []
    for at, byte in enumerate(piece):
        following = piece[at + 1 : at + 2]
        plain = chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}" if following.isdigit() and following < b"8" else f"\\{byte:o}"
        out.append(named.get(byte, plain))
    return "".join(out).encode()
