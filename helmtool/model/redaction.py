"""The redactor of the whole process: what was decrypted in it, and credentials in use, are struck from everything that leaves it.

It is the last line, not the first: no code prints a value on purpose. A registered value is struck as it is, part by part
(`secret_parts`), and however programs escape it (`escapes`); also a piece of it, if it was cut. What looks like a private key, a token
or a keytab is struck without being registered.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from helmtool.model.escapes import View, views
from helmtool.model.secret_parts import DISTINCT, LARGE, SHORTEST, forms

REDACTED = "<redacted>"
WINDOW = 16
"""Characters: of a long form every 16th window of 16 is known, so any piece of it from 31 characters on is found."""
PATTERNS = (
    (
        "PRIVATE KEY",
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\Z)",
    ),
    ("AGE-SECRET-KEY-", r"AGE-SECRET-KEY-(?:PQ-)?1[0-9A-Z]+"),
    ("age-secret-key-", r"age-secret-key-(?:pq-)?1[0-9a-z]+"),
    ("eyJ", r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*"),
    ("LS0tLS1CRUdJTi", r"LS0tLS1CRUdJTi(?!BDRVJU|BQVUJM)[A-Za-z0-9+/_=-]{16,}"),  # base64 of PEM, but for certificates and public keys
    ("BQIAAA", r"BQIAAA[A-Za-z0-9+/_-]{20,}={0,2}"),  # a keytab begins with the bytes 5, 2, 0, 0
)
"""A text that must be there, which is quick to look for, and what is struck: PEM, age identities, JWTs, PEM and keytabs in base64."""


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
        parts, end = [], 0
        spans = (view.span(*found) for view in views(text) for found in self._struck(view))
        for start, stop in _merged(span for span in spans if span[1]):
            parts += [text[end:start], REDACTED]
            end = stop
        return "".join([*parts, text[end:]]) if parts else text

    def _struck(self, view: View) -> list[tuple[int, int]]:
        """Where something stands that must not be seen; of what is known, nothing else is taken for a key that begins there."""
        found, text = list(_merged(self._found(view.text))), view.text
        if any(sign in text for sign, _ in PATTERNS) and not view.squeezed:  # where it ends is not to be seen without white space
            starts = [0, *(stop for _, stop in found)]
            kept = zip(starts, [*found, (len(text), len(text))], strict=True)
            found += _signs("".join(text[end:start] + "\0" * (stop - start) for end, (start, stop) in kept))
        return found

    def _found(self, text: str) -> Iterator[tuple[int, int]]:
        """Where forms or pieces of them stand."""
        exact, windows = self._exact, self._windows
        for at in [i for i in range(len(text) - SHORTEST + 1) if text[i : i + SHORTEST] in exact] if exact else ():
            longest = next((form for form in exact[text[at : at + SHORTEST]] if text.startswith(form, at)), None)
            if longest:
                yield at, at + len(longest)
        after = 0
        for at in [i for i in range(len(text) - WINDOW + 1) if text[i : i + WINDOW] in windows] if windows else ():
            if at >= after:
                start, after = _piece(text, at, *windows[text[at : at + WINDOW]])
                if after - start > 2 * WINDOW - 2:
                    yield start, after


def _signs(text: str) -> Iterator[tuple[int, int]]:
    """Where something stands that looks like a key or token."""
    return (found.span() for sign, pattern in PATTERNS if sign in text for found in re.finditer(pattern, text, re.DOTALL))


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
