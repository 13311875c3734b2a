"""The texts that a text stands for: with the escapes, quotes and number lists undone in which programs print values.

A value is looked for in each of these views. So it is found however a program mixes the ways to write one character: `\\u0026`, `&amp;`
and `&#38;` are the same there, `%2F` and `%2f` too, and so are `[104 117]`, `[104, 117]` and `0x68, 0x75`.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import NamedTuple

Token = tuple[int, int, str]
"""Where something escaped starts and stops in a text, and what it stands for."""

OCTAL = "[0-7]{1,3}"
BACKSLASH = (
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # JSON's two halves of a character
    r"|\\(?:u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|u\{[0-9a-fA-F]{1,6}\}|x[0-9a-fA-F]{2}|OCTAL)"
    r"|\\\r?\n[ \t]*|\\."  # YAML's folded line; any other character stands for itself, or is in NAMED
)
AMBIGUOUS = re.compile(r"\\0[0-7]")
"""One octal escape to Go and C; to YAML a NUL and a digit."""
NAMED = dict(zip("abtnvfre", "\a\b\t\n\v\f\r\x1b", strict=True)) | {"N": "\x85", "L": "\u2028", "P": "\u2029"}
PERCENT = r"%[0-9a-fA-F]{2}"
ENTITY = r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});"
DOUBLED = "''|\"\""
SHELL = r"'\\''|'\"'\"'"
"""An apostrophe between apostrophes."""
LAYERS = 3
"""Of backslashes: JSON in JSON in JSON."""
SPACE = r"\s+"
FEWEST = 8
"""Numbers in a row that are taken for bytes."""
DECIMAL = r"[0-9]{1,3}"
HEXADECIMAL = r"(?:0[xX][0-9a-fA-F]{1,2}|[0-9a-fA-F]{2})"
BETWEEN = r"[\s,:]{1,80}"
"""What stands between two bytes: Go's space, JSON's comma and indentation, the colons of openssl."""


class View(NamedTuple):
    """A text, and how its places lie in the text it was made from.

    `at` and `source` are places in this text and in the other one: of what was copied at even indices, of what was decoded at odd ones.
    """

    text: str
    at: tuple[int, ...] = (0,)
    source: tuple[int, ...] = (0,)
    parent: View | None = None
    squeezed: bool = False

    def span(self, start: int, stop: int) -> tuple[int, int]:
        """Where the characters from `start` to `stop` stand in the first text; empty for what no line break is squeezed out of."""
        if self.parent is None:
            return start, stop
        first, last = bisect_right(self.at, start) - 1, bisect_right(self.at, stop - 1) - 1
        start = self.source[first] + (0 if first % 2 else start - self.at[first])
        stop = self.source[last + 1] if last % 2 else self.source[last] + stop - self.at[last]
        if self.squeezed and "\n" not in self.parent.text[start:stop]:
            return 0, 0  # words that only stand side by side
        return self.parent.span(start, stop)


def views(text: str) -> list[View]:
    """The text itself, and what it stands for: two layers of escapes, three of backslashes; lists of bytes; its lines in one piece."""
    backslashed = [View(text)]
    while len(backslashed) <= LAYERS and (view := _backslash(backslashed[-1])):
        backslashed.append(view)
    yaml = (_yaml_backslash,) if AMBIGUOUS.search(text) else ()
    once = [*_made(backslashed[:1], _percent, _entity, *yaml), *backslashed[1:2]]
    twice = _made(once, _backslash, _percent, _entity)
    lists = _made(backslashed[:LAYERS], _shell, _doubled, _decimal, _hexadecimal, _squeezed)
    return list({view.text: view for view in reversed([*backslashed, *once, *twice, *lists])}.values())


def unescaped(text: str) -> str:
    """The text with one layer of backslashes undone."""
    view = _backslash(View(text))
    return view.text if view else text


def _made(views: Iterable[View], *decoders: Callable[[View], View | None]) -> list[View]:
    return [made for view in views for decode in decoders if (made := decode(view))]


def _decoded(view: View, tokens: Iterable[Token], *, squeezed: bool = False) -> View | None:
    """The view with tokens replaced by what they stand for; nothing where there are none."""
    parts, at, source, end, length = [""], [0], [0], 0, 0
    for start, stop, new in tokens:
        parts += [view.text[end:start], new]
        at += [length + start - end, length + start - end + len(new)]
        source += [start, stop]
        end, length = stop, at[-1]
    return View("".join([*parts, view.text[end:]]), tuple(at), tuple(source), view, squeezed) if end else None


def _each(pattern: str, decode: Callable[[str], str]) -> Callable[[View], View | None]:
    def run(view: View) -> View | None:
        return _decoded(view, ((m.start(), m.end(), decode(m[0])) for m in re.finditer(pattern, view.text, re.DOTALL)))

    return run


def _of_backslash(token: str) -> str:
    kind = token[1]
    if kind in "uU" and len(token) == 12:
        return token.encode().decode("unicode_escape").encode("utf-16", "surrogatepass").decode("utf-16")
    if kind in "xuU" and len(token) > 2:
        number = int(token[2:].strip("{}"), 16)
        return chr(number) if number <= 0x10FFFF else token
    if kind in "01234567":
        return chr(int(token[1:], 8))
    return "" if "\n" in token else NAMED.get(kind, kind)


def _of_entity(token: str) -> str:
    import html

    return html.unescape(token)


def _bytes(number: str, base: int) -> Callable[[View], View | None]:
    """Lists of numbers as the characters that they are."""
    row = rf"(?<![0-9A-Za-z]){number}(?:{BETWEEN}{number}){{{FEWEST - 1},}}(?![0-9A-Za-z])"
    one = rf"({number})(?:{BETWEEN})?"

    def run(view: View) -> View | None:
        rows = (m.span() for m in re.finditer(row, view.text))
        found = (m for start, stop in rows for m in re.compile(one).finditer(view.text, start, stop))
        return _decoded(view, ((m.start(), m.end(), chr(int(m[1], base))) for m in found))

    return run


def _squeezed(view: View) -> View | None:
    """Without any white space: what was wrapped, folded or indented is in one piece; only where there are several lines."""
    if "\n" not in view.text.strip():
        return None
    return _decoded(view, ((m.start(), m.end(), "") for m in re.finditer(SPACE, view.text)), squeezed=True)


_backslash = _each(BACKSLASH.replace("OCTAL", OCTAL), _of_backslash)
_yaml_backslash = _each(BACKSLASH.replace("OCTAL", "0"), _of_backslash)
_percent = _each(PERCENT, lambda token: chr(int(token[1:], 16)))
_entity = _each(ENTITY, _of_entity)
_shell = _each(SHELL, lambda _: "'")
_doubled = _each(DOUBLED, lambda token: token[0])
_decimal = _bytes(DECIMAL, 10)
_hexadecimal = _bytes(HEXADECIMAL, 16)
