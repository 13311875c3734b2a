"""Text of others, made fit to be shown."""

from __future__ import annotations

from helmtool.model.redaction import redact_text


def harmless(text: str) -> str:
    """The text redacted and without what a terminal would obey: it may come from a file, or from another machine."""
    return escaped(redact_text(text))


def escaped(text: str) -> str:
    """The text, of which nothing is redacted here, with a code for each character that cannot be seen."""
    return text if text.isprintable() else "".join(c if c.isprintable() or c == "\n" else f"\\u{ord(c):04x}" for c in text)
