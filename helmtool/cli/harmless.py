"""Text of others, made fit to be shown."""

from __future__ import annotations

from helmtool.model.redaction import redact_text


def harmless(text: str) -> str:
    """The text redacted and without what a terminal would obey: it may come from a file, or from another machine."""
    text = redact_text(text)
    return text if text.isprintable() else "".join(c if c.isprintable() or c == "\n" else f"\\u{ord(c):04x}" for c in text)
