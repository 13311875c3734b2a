"""The redactor of the whole process: what was decrypted in it is struck from everything that leaves it.

It is the last line, not the first: no code prints a value on purpose. What is registered is struck as it is, line by
line, and in the forms that programs on the way give it; also a piece of it, where somebody cut it. What looks like a
private key, a token or a keytab is struck without being registered.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

REDACTED = "<redacted>"
SHORTEST = 8
"""Characters: a shorter value or line would strike ordinary words too. Such a value is covered by never being printed."""
WINDOW = 16
"""Characters: of a long form every 16th window of 16 is known, so any piece of it from 31 characters on is found."""
LONG_LINE = 48
"""Characters: the encoded forms of a line from here on are found as pieces of the whole value's."""
LARGE = 16 * 1024
"""Bytes from which on a value is looked for in fewer forms, and pieces of its encoded forms must be longer to be found."""
DISTINCT = 4
"""Different characters that a piece must have: a row of dashes in a secret must not strike every row of dashes."""

PATTERNS = (
    (
        "PRIVATE KEY",
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\Z)",
    ),
    ("AGE-SECRET-KEY-", r"AGE-SECRET-KEY-(?:PQ-)?1[0-9A-Z]+"),
    ("age-secret-key-", r"age-secret-key-(?:pq-)?1[0-9a-z]+"),
    ("eyJ", r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*"),
    ("BQIAAA", r"BQIAAA[A-Za-z0-9+/_-]{20,}={0,2}"),  # a keytab begins with the bytes 5, 2, 0, 0
)
"""A text that must be there, which is quick to look for, and what is struck: PEM, age identities, JWTs, keytabs in base64."""


class Redactor:
    """Values that must not leave the process. May be used from several threads: what is looked up is replaced, never changed."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Forgets everything, for tests that share a process."""
        self._known: set[bytes] = set()
        self._spared: tuple[str, ...] = ()
        self._exact: dict[str, tuple[str, ...]] = {}
        self._windows: dict[str, tuple[str, int]] = {}

    def spare(self, *texts: str) -> None:
        """Names that the program itself uses, such as the release's: a line of a secret that is part of one is not struck."""
        self._spared += tuple(text for text in texts if text)

    def protect(self, value: bytes) -> None:
        """Registers a value with all its forms."""
        if value in self._known:
            return
        self._known.add(value)
        strides = {form: _stride(form, piece) for piece, form in forms(value) if len(form) >= SHORTEST}
        wanted = [form for form in strides if not any(form in name for name in self._spared)]
        for start, same_start in _by_start(wanted).items():
            self._exact[start] = tuple(sorted({*self._exact.get(start, ()), *same_start}, key=len, reverse=True))
        for form in wanted:
            self._add_windows(form, strides[form])

    def _add_windows(self, form: str, stride: int) -> None:
        for offset in range(0, len(form) - WINDOW + 1, stride) if len(form) > 2 * WINDOW - 2 else ():
            window = form[offset : offset + WINDOW]
            if len(set(window)) > DISTINCT:
                self._windows.setdefault(window, (form, offset))

    def redact(self, text: str) -> str:
        """The text with every form of every registered value struck, and what looks like a key or token."""
        struck = self._strike(text) if self._exact else text
        for sign, pattern in PATTERNS:
            if sign in struck:
                struck = re.sub(pattern, REDACTED, struck, flags=re.DOTALL)
        return struck

    def _strike(self, text: str) -> str:
        parts, end = [], 0
        for start, stop in _merged(self._found(text)):
            parts += [text[end:start], REDACTED]
            end = stop
        return "".join([*parts, text[end:]]) if parts else text

    def _found(self, text: str) -> Iterator[tuple[int, int]]:
        """Where forms or pieces of them stand."""
        exact, windows = self._exact, self._windows
        for at in [i for i in range(len(text) - SHORTEST + 1) if text[i : i + SHORTEST] in exact]:
            longest = next((form for form in exact[text[at : at + SHORTEST]] if text.startswith(form, at)), None)
            if longest:
                yield at, at + len(longest)
        after = 0
        for at in [i for i in range(len(text) - WINDOW + 1) if text[i : i + WINDOW] in windows] if windows else ():
            if at >= after:
                start, after = _piece(text, at, *windows[text[at : at + WINDOW]])
                if after - start > 2 * WINDOW - 2:
                    yield start, after


def _by_start(found: Iterable[str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for form in found:
        groups.setdefault(form[:SHORTEST], []).append(form)
    return groups


def _piece(text: str, at: int, form: str, offset: int) -> tuple[int, int]:
    """The longest piece of the form around a window of it that stands at a place of the text."""
    start = at
    while start and offset and text[start - 1] == form[offset - 1]:
        start, offset = start - 1, offset - 1
    length = at - start
    while start + length < len(text) and offset + length < len(form) and text[start + length] == form[offset + length]:
        length += 1
    return start, start + length


def _merged(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The spans in order, those that overlap or touch as one."""
    current: tuple[int, int] | None = None
    for start, stop in sorted(spans):
        if current and start <= current[1]:
            current = current[0], max(current[1], stop)
        else:
            if current:
                yield current
            current = start, stop
    if current:
        yield current


def _stride(form: str, piece: bytes) -> int:
    """How far its windows are apart: 16 bytes of what is encoded in it, so that forms which need more room cost no more.

    The forms of a large value have them further apart, but for the value as it is.
    """
    if len(form) <= len(piece) or not piece:
        return WINDOW
    return (WINDOW if len(piece) < LARGE else 8 * WINDOW) * len(form) // len(piece)


def forms(value: bytes) -> Iterator[tuple[bytes, str]]:
    """The value as it may be met in a text: itself, its lines, what stands right of `=` or `:` in one, and each encoded."""
    yield from ((value, form) for form in (*_written(value), *_encoded(value, twice=True)))
    pieces = {line.strip() for line in value.splitlines()} | {value.strip()}
    pieces |= {part.strip(b" \t'\",;") for line in list(pieces) for part in re.split(rb"[=:]", line, maxsplit=1)[1:]}
    for piece in (p for p in pieces if len(p) >= SHORTEST and p != value):
        if _says_something(piece):
            encoded = _encoded(piece) if len(piece) < LONG_LINE or piece == value.strip() else ()
            yield from ((piece, form) for form in (*_written(piece), *encoded))


def _says_something(piece: bytes) -> bool:
    """Whether a piece is a text of its own; of what is binary, pieces are found as parts of the whole."""
    try:
        return len(set(piece.decode())) > DISTINCT
    except UnicodeDecodeError:
        return False


def _written(value: bytes) -> Iterator[str]:
    """The bytes as text, as programs decode and quote them."""
    from urllib.parse import quote, quote_plus

    yield repr(value)[2:-1]
    yield quote(value, safe="")
    yield quote_plus(value)
    try:
        text = value.decode()
    except UnicodeDecodeError:
        yield from _lossy(value)
    else:
        yield from _quoted(text)


def _quoted(text: str) -> Iterator[str]:
    import html
    import json
    from urllib.parse import quote

    yield text
    for ascii_only in (True, False):
        once = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        yield from (once, json.dumps(once, ensure_ascii=ascii_only)[1:-1])
    yield from (repr(text)[1:-1], "'\"'\"'".join(text.split("'")), html.escape(text), html.escape(text, quote=False))
    yield from (text.replace("'", "''"), re.sub(r"([^\w\s./:@%+=,-])", r"\\\1", text), quote(text, errors="replace"))
    yield from (text.replace("\n", "\r\n"), " ".join(text.split()))


def _lossy(value: bytes) -> Iterator[str]:
    """What is no text, as programs show it all the same."""
    import json

    yield value.decode(errors="backslashreplace")
    for text in (value.decode(errors="replace"), value.decode(errors="surrogateescape"), value.decode("latin-1")):
        if len(set(text)) > DISTINCT and len(value) < LARGE:
            yield from _quoted(text)
        elif len(set(text)) > DISTINCT:
            yield from (text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1])


def _encoded(value: bytes, *, twice: bool = False) -> Iterator[str]:
    """Base64 in its three alignments, both alphabets, and hexadecimal; `twice`: base64 of base64 too, as Kubernetes wraps Helm's."""
    import base64

    yield value.hex()
    yield value.hex().upper()
    yield value.hex(":")
    yield value.hex(":").upper()
    once = base64.b64encode(value)
    yield once.decode()
    for data in (value, once) if twice else (value,):
        for shift in range(3):
            whole = base64.b64encode(bytes(shift) + data).decode()
            inner = whole[-(-shift * 8 // 6) : (shift + len(data)) * 8 // 6]
            yield inner
            yield inner.translate(str.maketrans("+/", "-_"))


redactor = Redactor()
"""The one of the process."""


def protect(value: bytes) -> None:
    """Registers a decrypted value: from now on it is struck from everything that leaves the process."""
    redactor.protect(value)


def spare(*texts: str) -> None:
    """Names that the program itself uses: a secret's line that is part of one is not struck from every sentence."""
    redactor.spare(*texts)


def redact_text(text: str) -> str:
    """The text without any registered value, in whatever form, and without what looks like a key or token."""
    return redactor.redact(text)


def redact_lines(lines: Sequence[str]) -> list[str]:
    """Lines that belong together: a key that goes over several is recognised."""
    text = "\n".join(lines)
    return redact_text(text).split("\n") if text else list(lines)


def redact_document(document: Any) -> Any:
    """JSON-like data with every text, key and long number in it redacted: still a document, whatever was struck."""
    if isinstance(document, str):
        return redact_text(document)
    if isinstance(document, dict):
        return {redact_text(str(key)): redact_document(value) for key, value in document.items()}
    if isinstance(document, (list, tuple)):
        return [redact_document(item) for item in document]
    if isinstance(document, (int, float)) and not isinstance(document, bool) and redact_text(str(document)) == REDACTED:
        return REDACTED
    return document
