"""Seeded changes to good inputs: of bytes, of text, and of the structure that the bytes stand for."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

HOSTILE_TEXTS = (
    "",
    " ",
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\x9b2J",
    "\r\n",
    "a\nb",
    "\x7f",
    "\u202egnp.exe",
    "\u2028",
    "\ufeff",
    "\u0000",
    "e\u0301" * 20,
    "\U0001f600",
    "../../etc/passwd",
    "/dev/zero",
    "$(reboot)",
    "`id`",
    "; rm -rf .",
    "%s%n",
    "{{ .Values }}",
    "!!python/object/apply:os.system ['id']",
    "*alias",
    "null",
    "no",
    "0x1F",
    "1_000",
    "1e400",
    "2001-01-01",
    "190:20:30",
    "x" * 5000,
    "é" * 3000,
    "'",
    '"',
    "\\",
    "-",
    "--help",
    "~",
)
HOSTILE_NUMBERS: tuple[Any, ...] = (
    0,
    -1,
    1,
    2**31,
    2**53,
    2**53 + 1,
    2**63,
    -(2**63) - 1,
    10**30,
    10**400,
    0.1,
    -0.0,
    1e308,
    float("inf"),
    float("nan"),
)
CONTROL = bytes([*range(9), 11, 12, *range(14, 32), 127])


def deep(levels: int, innermost: Any = 1) -> Any:
    """A list in a list in a list…"""
    found = innermost
    for _ in range(levels):
        found = [found]
    return found


def hostile_value(rng: random.Random) -> Any:
    """A value of any kind that is unlikely at the place where it is put."""
    makers: tuple[Callable[[], Any], ...] = (
        lambda: rng.choice(HOSTILE_TEXTS),
        lambda: rng.choice(HOSTILE_NUMBERS),
        lambda: rng.choice((None, True, False)),
        lambda: rng.choice(([], {}, [[]], [None], {"": ""}, [1, "a", None])),
        lambda: deep(rng.choice((5, 60, 400))),
        lambda: {rng.choice(HOSTILE_TEXTS): rng.choice(HOSTILE_TEXTS)},
        lambda: [rng.choice(HOSTILE_TEXTS)] * rng.choice((1, 50, 3000)),
    )
    return rng.choice(makers)()


def paths(value: Any) -> list[tuple[Any, ...]]:
    """The path of every value in a document, its root left out; not recursive, for a changed one may be deep."""
    found: list[tuple[Any, ...]] = []
    left: list[tuple[tuple[Any, ...], Any]] = [((), value)]
    while left:
        above, inner = left.pop()
        items = inner.items() if isinstance(inner, dict) else enumerate(inner) if isinstance(inner, list) else ()
        below: list[tuple[tuple[Any, ...], Any]] = [((*above, key), each) for key, each in items]
        found += [path for path, _ in below]
        left += below
    return found


def change_structure(rng: random.Random, document: Any, times: int | None = None) -> Any:
    """The document with a value removed, replaced, renamed, repeated or moved, once or a few times."""
    changed = copy.deepcopy(document)
    for _ in range(times or rng.choice((1, 1, 1, 2, 4))):
        found = paths(changed)
        if not found:
            return hostile_value(rng)
        *above, key = rng.choice(found)
        holder = changed
        for step in above:
            holder = holder[step]
        _change_at(rng, holder, key)
    return changed


def _change_at(rng: random.Random, holder: Any, key: Any) -> None:
    how = rng.randrange(6)
    if how == 0:
        del holder[key]
    elif how == 1 and isinstance(holder, dict):
        holder[rng.choice((rng.choice(HOSTILE_TEXTS), str(key) + "x", str(key).upper(), str(key)[:-1]))] = holder.pop(key)
    elif how == 2 and isinstance(holder, dict):
        holder[rng.choice(HOSTILE_TEXTS)] = holder[key]
    elif how == 3 and isinstance(holder, list):
        holder.extend([holder[key]] * rng.choice((1, 30)))
    elif how == 4 and isinstance(holder[key], str) and holder[key]:
        holder[key] = text_flipped(rng, holder[key])
    else:
        holder[key] = hostile_value(rng)


def text_flipped(rng: random.Random, text: str) -> str:
    """The text with one place changed."""
    at = rng.randrange(len(text) + 1)
    piece = rng.choice((rng.choice(HOSTILE_TEXTS), chr(rng.randrange(1, 0x250)), text[at : at + 1].swapcase(), ""))
    return text[:at] + piece + text[at + rng.randrange(2) :]


def change_bytes(rng: random.Random, content: bytes) -> bytes:
    """The bytes with something wrong in them, as a bad disk, a bad editor or a bad person leaves them."""
    return rng.choice(_BYTE_CHANGES)(rng, content)


def _flip(rng: random.Random, content: bytes) -> bytes:
    found = bytearray(content)
    for _ in range(rng.choice((1, 1, 3, 20)) if found else 0):
        found[rng.randrange(len(found))] ^= 1 << rng.randrange(8)
    return bytes(found)


def _truncate(rng: random.Random, content: bytes) -> bytes:
    return content[: rng.randrange(len(content) + 1)]


def _insert(rng: random.Random, content: bytes) -> bytes:
    piece = rng.choice(
        (bytes([rng.choice(CONTROL)]), b"\0", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\t", b"\x1b[2J", b"\xc2\x9b", b"&a ", b"*a ")
    )
    at = rng.randrange(len(content) + 1)
    return content[:at] + piece + content[at:]


def _recode(rng: random.Random, content: bytes) -> bytes:
    text = content.decode("utf-8", "replace")
    return text.encode(rng.choice(("utf-16", "utf-16-be", "utf-32", "utf-8-sig", "utf-7", "cp500")), "replace")


def _line_ends(rng: random.Random, content: bytes) -> bytes:
    return content.replace(b"\n", rng.choice((b"\r\n", b"\r", b"\n\n", b"\x0b", b"\xc2\x85", b"\xe2\x80\xa8")))


def _shuffle_lines(rng: random.Random, content: bytes) -> bytes:
    lines = content.splitlines(keepends=True)
    how = rng.randrange(3)
    if how == 0:
        rng.shuffle(lines)
    elif lines:
        at = rng.randrange(len(lines))
        lines[at:at] = lines[at : at + 1] * (1 if how == 1 else 40)
    return b"".join(lines)


def _splice(rng: random.Random, content: bytes) -> bytes:
    one, other = sorted((rng.randrange(len(content) + 1), rng.randrange(len(content) + 1)))
    return content[:one] + content[other:]


_BYTE_CHANGES = (_flip, _flip, _truncate, _insert, _insert, _recode, _line_ends, _shuffle_lines, _splice)
