"""Text of others, made fit to be shown."""

from __future__ import annotations

import re

from helmtool.model.redaction import redact_text
from helmtool.model.text import visible

BREAK = re.compile(r"\s*[\t\n\r\v\f\x1c-\x1f\x85\u2028\u2029]\s*")
"""What would end a line or a cell, with the spaces around it."""


def harmless(text: str) -> str:
    """The text redacted and without what a terminal would obey: it may come from a file, or from another machine."""
    return visible(redact_text(text))


def one_line(text: str) -> str:
    """The text for a table cell or one line of a list: harmless, and nothing in it ends the line or moves the next column."""
    return visible(BREAK.sub(" ", redact_text(text)))
