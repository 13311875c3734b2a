"""The parts of a secret that a program may print alone: lines, values of a document, passwords in addresses; and each encoded."""

from __future__ import annotations

import re
from collections.abc import Iterator

SHORTEST = 8
"""Characters: a shorter value or line would strike ordinary words too. Such a value is covered by never being printed."""
LONG_LINE = 48
"""Characters: the encoded forms of a line from here on are found as pieces of the whole value's."""
LARGE = 16 * 1024
"""Bytes from which on a value is looked for in fewer forms, and pieces of its encoded forms must be longer to be found."""
DISTINCT = 4
"""Different characters that a piece must have: a row of dashes in a secret must not strike every row of dashes."""
MOST_ENCODED = 1000
"""Parts of one value that are looked for in encoded forms too."""
VALUES = (
    r'"((?:[^"\\\n]|\\.){8,1000})"(?!\s*[:=])',  # of JSON, YAML, TOML, a shell; not a key
    r"'([^'\n]{8,1000})'(?!\s*[:=])",
    r"[=:][ \t]*([^\s\"']{8,})",
    r"[=:][ \t]*([^\s\"'=:,;{}\[\]<>&#|]{8,})",
    r"[=:][ \t]*(.{8,1000}?)[ \t]+(?:#|//|;)",  # before a comment
    r"://[^\s:/@]{0,200}:(\S{8,200})@",
    r"://[^\s:/@]{0,200}:([^\s@/]{8,200})@",
    r">([^<>\n]{8,1000})<",
    r"(?i)\b(?:pass|passwd|password|passphrase|pwd|token|secret|account)[ \t]+(\S{8,})",  # .netrc and the like
)
WORD = r"[^\s,;|\"'<>]{8,}"
PLAIN = r"(?:[a-z0-9-]+\.)+[a-z]{2,}(?::\d+)?|\d{4}-\d\d-\d\d.*|[/~.].*|\w+://.*"
"""Words that are no secret, although letters and digits are in them: names of hosts, dates, paths, addresses."""


def forms(value: bytes) -> Iterator[tuple[bytes, str]]:
    """The value and its parts, each with the texts to look for in what a text stands for (`escapes.views`)."""
    yield from ((value, form) for form in (*_written(value), *_encoded(value, twice=True)))
    budget = MOST_ENCODED
    for part in sorted(parts(value)):
        short = len(part) < LONG_LINE or part == value.strip()
        budget -= short
        yield from ((part, form) for form in (*_written(part), *(_encoded(part) if short and budget >= 0 else ())))


def parts(value: bytes) -> set[bytes]:
    """The parts of a value that are long enough and texts of their own; of what is binary, pieces are found as parts of the whole."""
    text = _text(value)
    found = {text.strip(), *(line.strip() for line in text.splitlines())}
    found |= {part.strip(" \t'\",;") for line in list(found) for part in re.split(r"[=:]", line, maxsplit=1)[1:]}
    if len(value) < LARGE:
        found |= set(_values(text))
    encoded = {part.encode(errors="surrogateescape") for part in found}
    return {part for part in encoded if len(part) >= SHORTEST and part != value and _says_something(part)}


def _text(value: bytes) -> str:
    """The value as text, without the mark that some editors put first; bytes that are none become lone surrogates."""
    if value.startswith((b"\xff\xfe", b"\xfe\xff")):
        return value.decode("utf-16", errors="replace").lstrip("\ufeff")
    return value.decode(errors="surrogateescape").lstrip("\ufeff")


def _values(text: str) -> Iterator[str]:
    from urllib.parse import unquote

    from helmtool.model.escapes import unescaped

    for pattern in VALUES:
        for found in re.findall(pattern, text):
            yield from (found, found.rstrip(",;)]}"), unescaped(found), unquote(found))
    yield from (word for word in re.findall(WORD, text) if _looks_random(word))


def _looks_random(word: str) -> bool:
    """Whether a word that stands alone, such as a column of a table, may be a password: it has letters and digits, and is no name."""
    return bool(re.search(r"[A-Za-z]", word) and re.search(r"[0-9]", word)) and not re.fullmatch(PLAIN, word)


def _says_something(part: bytes) -> bool:
    try:
        return len(set(part.decode())) > DISTINCT
    except UnicodeDecodeError:
        return False


def _written(value: bytes) -> set[str]:
    """The bytes as text, as programs decode them, and as it stands on one line."""
    try:
        texts = {value.decode(), value.decode("latin-1")}
    except UnicodeDecodeError:
        texts = {*_lossy(value), value.decode("latin-1")}
    others = {" ".join(text.split()) for text in texts} | {"".join(text.split()) for text in texts}
    # A space in a form, a hard one in YAML (`\\_`), a zero byte in Go's HTML.
    others |= {text.replace(*change) for change in ((" ", "+"), ("\xa0", "_"), ("\0", "\ufffd")) for text in texts}
    return texts | {text for text in others if len(set(text)) > DISTINCT}


def _lossy(value: bytes) -> Iterator[str]:
    """What is no text, as programs show it all the same: as surrogates, each byte as it is quoted, as Python's and Go's replacement."""
    surrogates = value.decode(errors="surrogateescape")
    yield surrogates
    yield re.sub(r"[\udc80-\udcff]", lambda found: chr(ord(found[0]) - 0xDC00), surrogates)
    replaced = {value.decode(errors="replace"), re.sub(r"[\udc80-\udcff]", "\ufffd", surrogates)}
    yield from (text for text in replaced if len(set(text)) > DISTINCT)


def _encoded(value: bytes, *, twice: bool = False) -> Iterator[str]:
    """Base64 in its three alignments, both alphabets, and hexadecimal; `twice`: base64 of base64 too, as Kubernetes wraps Helm's."""
    import base64

    yield value.hex()
    yield value.hex().upper()
    once = base64.b64encode(value)
    yield once.decode()
    yield base64.urlsafe_b64encode(value).decode()
    for data in (value, once) if twice else (value,):
        for shift in range(3):
            whole = base64.b64encode(bytes(shift) + data).decode()
            inner = whole[-(-shift * 8 // 6) : (shift + len(data)) * 8 // 6]
            yield inner
            yield inner.translate(str.maketrans("+/", "-_"))
