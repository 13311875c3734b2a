"""What a person sees in the end: the few orders that a block of lines needs, as a terminal obeys them."""

from __future__ import annotations

import re

TOKEN = re.compile(r"\x1b\[(?P<number>\d*)(?P<order>[AJKm])|\x1b\[[0-9;]+m|(?P<text>.)", re.DOTALL)


def shown(written: str, columns: int = 80) -> list[str]:
    """The lines of an endless screen without what was erased. Raises AssertionError for an order that is not known here."""
    lines, row, column = [""], 0, 0
    for token in TOKEN.finditer(written):
        order, number, text = token["order"], int(token["number"] or 1), token["text"]
        assert text != "\x1b", f"not known here: {written[token.start() : token.start() + 10]!r}"
        if order == "A":
            row = max(row - number, 0)
        elif order == "J":
            lines[row:] = [lines[row][:column]]
        elif order == "K":
            lines[row] = lines[row][:column]
        elif text == "\r":
            column = 0
        elif text == "\n":
            row, column = row + 1, 0  # the driver of the terminal has made \r\n of it
            lines += [""] * (row + 1 - len(lines))
        elif text:
            if column == columns:
                row, column = row + 1, 0
                lines += [""] * (row + 1 - len(lines))
            lines[row] = lines[row][:column].ljust(column) + text + lines[row][column + 1 :]
            column += 1
    return [line.rstrip() for line in lines if line.strip()]
