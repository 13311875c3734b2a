"""The grammar of `--set`, as Helm's (its package strvals): what Helm ignores or guesses at is refused here, with the position."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import NamedTuple

from helmtool.errors import InvalidInput, Problem
from helmtool.model.path import Path
from helmtool.model.scalar import LARGEST_INTEGER

# Helm allows 65536; a values file has no list of that length, so it is a slip of the finger.
MAX_INDEX = 1000
MAX_DEPTH = 30

_INTEGER = re.compile(r"[-+]?[0-9]+\Z")

SetValue = str | int | bool | list["str | int | bool | None"] | None


class Assignment(NamedTuple):
    """One `key=value` of a `--set`; `column` is where it starts in the argument, from 1."""

    path: Path
    value: SetValue
    column: int


class InvalidSet(InvalidInput):
    """A `--set` argument that Helm would refuse or misread. The value itself is not shown: it may be a secret."""

    code = "invalid-set"

    def __init__(self, reason: str, column: int, path: str = "") -> None:
        super().__init__(
            f"--set: {reason} (at character {column})",
            hint=r"write key=value, for example image.tag=HG0105a or nodeSelector.disk\.type=ssd; list items as list[0]=x or list={x,y}",
            problems=[Problem(reason, "--set", 1, column, path)],
        )
        self.column = column


def parse_assignments(text: str) -> tuple[Assignment, ...]:
    """The assignments of one `--set` argument, in order. Raises InvalidSet."""
    return tuple(_Parser(text).assignments())


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def assignments(self) -> list[Assignment]:
        found = [self._assignment()]
        # Like Helm, one comma may end the argument.
        while self.at < len(self.text):
            found.append(self._assignment())
        return found

    def _error(self, reason: str, at: int | None = None) -> InvalidSet:
        return InvalidSet(reason, (self.at if at is None else at) + 1)

    def _assignment(self) -> Assignment:
        start = self.at
        path: list[str | int] = []
        stop = "."
        while stop == ".":
            path.append(self._key())
            stop = self._take("a key without a value: write key=value")
            while stop == "[":
                path.append(self._index())
                stop = self._take("a key without a value: write key=value", expected="[.=")
            if len(path) > MAX_DEPTH:
                raise self._error(f"nested deeper than {MAX_DEPTH} levels", start)
        if stop == ",":
            raise self._error("a key without a value: write key=value, and a comma inside a value as \\,", start)
        if self.at >= len(self.text) and any(isinstance(part, int) and isinstance(key, str) for part, key in pairwise(path)):
            raise self._error("Helm drops an empty value at the end of the argument inside a list: put a comma after it", start)
        return Assignment(tuple(path), self._value(), start + 1)

    def _take(self, at_end: str, expected: str = "=[,.") -> str:
        if self.at >= len(self.text):
            raise self._error(at_end)
        if self.text[self.at] not in expected:
            raise self._error(f"unexpected `{self.text[self.at]}` after a list index: `.`, `[` or `=` follows it")
        self.at += 1
        return self.text[self.at - 1]

    def _key(self) -> str:
        start = self.at
        key = self._until("=[,.")
        if not key:
            raise self._error("a key is missing", start)
        return key

    def _index(self) -> int:
        start = self.at
        end = self.text.find("]", start)
        index = self.text[start:end] if end >= 0 else ""
        if not (index.isascii() and index.isdigit()):
            raise self._error("a list index is a number in square brackets: list[0]", start)
        if len(index) > 6 or int(index) > MAX_INDEX:
            raise self._error(f"a list index is at most {MAX_INDEX}", start)
        self.at = end + 1
        return int(index)

    def _value(self) -> SetValue:
        if self.text.startswith("{", self.at):
            return self._list()
        start = self.at
        value = self._typed(self._until(","), start)
        self.at += 1
        return value

    def _list(self) -> SetValue:
        opening = self.at
        self.at += 1
        items: list[str | int | bool | None] = []
        while True:
            start = self.at
            items.append(self._typed(self._until(",}"), start))
            if self.at >= len(self.text):
                raise self._error("the list does not end: `}` is missing", opening)
            self.at += 1
            if self.text[self.at - 1] == "}":
                break
        if self.at < len(self.text) and self.text[self.at] != ",":
            raise self._error("a comma follows the list's `}`")
        self.at += 1
        return items

    def _until(self, stops: str) -> str:
        """The text up to a stop, backslashes resolved; stays at the stop, or at the end."""
        taken: list[str] = []
        while self.at < len(self.text) and self.text[self.at] not in stops:
            if self.text[self.at] == "\\":
                self.at += 1
                if self.at >= len(self.text):
                    raise self._error("the last `\\` escapes nothing: write \\\\ for one backslash", self.at - 1)
            taken.append(self.text[self.at])
            self.at += 1
        return "".join(taken)

    def _typed(self, text: str, start: int) -> str | int | bool | None:
        """The value as Helm types it: true, false, null in any case, decimal integers that do not start with 0, else text."""
        folded = text.casefold()
        if folded in ("true", "false"):
            return folded == "true"
        if folded == "null":
            return None
        if text == "0":
            return 0
        if text.startswith("0") or not _INTEGER.match(text):
            return text
        if len(text) > 20 or abs(int(text)) > LARGEST_INTEGER:
            raise self._error(f"the number is beyond {LARGEST_INTEGER}, where Helm rounds", start)
        return int(text)
