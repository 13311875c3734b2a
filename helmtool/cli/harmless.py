"""Text of others, made fit to be shown."""

from __future__ import annotations

import re

from helmtool.model.redaction import redact_text
from helmtool.model.text import visible

BREAK = re.compile(r"[\t\n\r\v\f\x1c-\x1f\x85\u2028\u2029]+")
"""What would end a line or a cell."""


def harmless(text: str) -> str:
    """The text redacted and without what a terminal would obey: it may come from a file, or from another machine.

    Its lines after the first are indented, so that none looks like a line of the program's own.
    """
    return visible(redact_text(text).expandtabs().replace("\n", "\n    "))


def one_line(text: str) -> str:
    """The text for a table cell or one line of a list: harmless, and nothing in it ends the line or moves the next column."""
    first, *others = BREAK.split(redact_text(text))
    return visible(" ".join([first.rstrip() if others else first, *filter(None, map(str.strip, others))]))
