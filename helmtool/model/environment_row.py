"""A row of environments that one entry of environments.yaml describes: `test{1..16}`, with `{n}` for the number in its texts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from helmtool.errors import Problem
from helmtool.model.document import Document, Path, dotted

NUMBER = "{n}"
LONGEST = 64
"""The most environments of one row."""
PINS = ("server", "caFingerprint", "kubeSystemUid")
_KEY = re.compile(r"([-a-z0-9]*)\{(0|[1-9][0-9]{0,3})\.\.(0|[1-9][0-9]{0,3})\}([-a-z0-9]*)")
_PLACEHOLDER = re.compile(r"\{[^{}]*\}")


class Rows(NamedTuple):
    """The document with one entry for each environment of its rows, the row that each of these comes from, and what is wrong with a row."""

    document: Document
    row_of: Mapping[str, str]
    problems: tuple[Problem, ...]

    def as_written(self, problem: Problem) -> Problem:
        """The problem with the path that the file has: the row's key instead of one environment's name."""
        top, _, rest = problem.path.partition(".")
        name, dot, rest = rest.partition(".")
        return problem._replace(path=f"{top}.{self.row_of[name]}{dot}{rest}") if name in self.row_of else problem


def expand_rows(document: Document) -> Rows:
    """Puts the environments of each row in its place, with the positions of the row's own keys.

    An entry of its own goes before the one that a row has for the same name, as a whole; two rows must not share a name.
    """
    entries = document.data.get("environments")
    if not isinstance(entries, dict):
        return Rows(document, {}, ())
    return _Expansion(document, entries).rows()


class _Expansion:
    def __init__(self, document: Document, entries: Mapping[str, Any]) -> None:
        self._document, self._entries = document, entries
        self._expanded: dict[str, Any] = {}
        self._row_of: dict[str, str] = {}
        self._problems: list[Problem] = []

    def rows(self) -> Rows:
        for key, entry in self._entries.items():
            if "{" in key:
                self._add_row(key, entry)
            else:
                self._expanded[key] = entry
                self._check_single(key, entry)
        data = {**self._document.data, "environments": self._expanded}
        positions = dict(self._document.positions)
        for name, key in self._row_of.items():
            positions |= {("environments", name, *path[2:]): place for path, place in self._below(key)}
        return Rows(self._document._replace(data=data, positions=positions), self._row_of, tuple(self._problems))

    def _below(self, key: str) -> Iterator[tuple[Path, Any]]:
        return ((path, place) for path, place in self._document.positions.items() if path[:2] == ("environments", key))

    def _add_row(self, key: str, entry: Any) -> None:
        numbers = self._numbers(key)
        before = len(self._problems)
        self._check_row(key, entry)
        if len(self._problems) > before:  # one environment is enough to find what else is wrong
            numbers = numbers[:1]
        for number in numbers:
            name = _KEY.sub(rf"\g<1>{number}\g<4>", key)
            if name in self._row_of:
                self._add(("environments", key), f"`{name}` is also one of {self._row_of[name]}: two rows must not share a name")
            elif name not in self._entries:
                self._expanded[name] = _with_number(entry, str(number))
                self._row_of[name] = key

    def _numbers(self, key: str) -> range:
        match = _KEY.fullmatch(key)
        first, last = (int(match[2]), int(match[3])) if match else (1, 0)
        if not match or first > last:
            self._add(("environments", key), "the name must be small letters, digits and `-`; a row of them is written like test{1..16}")
        elif last - first >= LONGEST:
            self._add(("environments", key), f"a row has at most {LONGEST} environments")
            return range(first, first + 1)
        return range(first, last + 1)

    def _check_row(self, key: str, entry: Any) -> None:
        path: Path = ("environments", key)
        for place, text in _texts(entry, path):
            for found in _PLACEHOLDER.findall(text):
                if found != NUMBER:
                    self._add(place, f"the number is written {NUMBER}, and there is no other placeholder")
        cluster = entry.get("cluster") if isinstance(entry, dict) else None
        if not isinstance(cluster, dict):
            return
        if any(NUMBER not in text for _, text in _texts(cluster.get("nameEndsWith"), ())):
            self._add((*path, "cluster", "nameEndsWith"), f"the clusters of a row differ by their number: write {NUMBER} into each ending")
        for pin in PINS:
            if cluster.get(pin):
                self._add((*path, "cluster", pin), "a pin is one cluster's: give that environment an entry of its own")

    def _check_single(self, key: str, entry: Any) -> None:
        for place, text in _texts(entry, ("environments", key)):
            if NUMBER in text:
                self._add(place, f"{NUMBER} stands for a number only in a row such as test{{1..16}}")

    def _add(self, path: Path, message: str) -> None:
        position = self._document.positions[path]
        shown = ".".join([*map(str, path[:2]), *filter(None, [dotted(path[2:])])])  # the dots of a row's key are told as they are written
        self._problems.append(Problem(message, self._document.file, position.key_line, position.key_column, shown))


def _with_number(entry: Any, number: str) -> Any:
    if isinstance(entry, dict):
        return {key: _with_number(value, number) for key, value in entry.items()}
    if isinstance(entry, list):
        return [_with_number(item, number) for item in entry]
    return entry.replace(NUMBER, number) if isinstance(entry, str) else entry


def _texts(entry: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Every text of an entry with its path."""
    if isinstance(entry, dict):
        for key, value in entry.items():
            yield from _texts(value, (*path, key))
    elif isinstance(entry, list):
        for index, item in enumerate(entry):
            yield from _texts(item, (*path, index))
    elif isinstance(entry, str):
        yield path, entry
