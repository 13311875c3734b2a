"""A YAML file as data, with the place of every key and value; reads it as Helm does, or refuses it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from helmtool.errors import InvalidInput, Problem
from helmtool.model.nodes import MAX_DEPTH, Alias, Key, List, Map, Node, Problems, Scalar, compose
from helmtool.model.path import Path, dotted

__all__ = ["Document", "InvalidDocument", "Path", "Position", "dotted", "parse_document"]

# A Helm release is one Secret of at most 1 MiB.
MAX_BYTES = 1024 * 1024
# Far above what a values file needs; aliases can multiply a small file beyond any memory.
MAX_VALUES = 20_000


class Position(NamedTuple):
    """Where a value starts, and where its key (for a list's item: the item itself). Lines and columns count from 1."""

    line: int
    column: int
    key_line: int
    key_column: int


class Document(NamedTuple):
    """One YAML file: its data as JSON knows it, and the position of every path in it (`()` is the whole)."""

    file: str
    data: dict[str, Any]
    positions: dict[Path, Position]


class InvalidDocument(InvalidInput):
    """A YAML file that cannot be read as Helm reads it; `problems` holds all of them."""

    code = "invalid-yaml"

    def __init__(self, file: str, problems: Iterable[Problem]) -> None:
        found = tuple(problems)
        count = "1 problem" if len(found) == 1 else f"{len(found)} problems"
        line = f" at line {found[0].line}" if found else ""
        super().__init__(
            f"{file} is not a YAML file that Helm reads safely: {count}", problems=found, hint=f"edit {file}{line}, then: helmtool validate"
        )


def parse_document(file: str, text: bytes) -> Document:
    """The data of a YAML file, with positions; `file` is the name that problems carry.

    Raises InvalidDocument with every problem that can be found at once.
    """
    problems = Problems(file)
    decoded = _decode(text, problems)
    _raise_any(problems)
    root = compose(decoded, problems)
    _raise_any(problems)
    if isinstance(root, Map):
        document = Document(file, {}, {})
        _Emitter(document, problems).emit_root(root)
        _raise_any(problems)
        return document
    if root is None or (isinstance(root, Scalar) and root.value is None):
        problems.add(1, 1, "the file is empty: write `{}` if nothing differs")
    else:
        problems.add(root.line, root.column, f"expected keys and values at the top, found {root.kind}: write `key: value`")
    raise InvalidDocument(file, problems.found)


def _raise_any(problems: Problems) -> None:
    if problems.found:
        raise InvalidDocument(problems.file, sorted(problems.found, key=lambda problem: (problem.line, problem.column)))


def _decode(text: bytes, problems: Problems) -> str:
    """The bytes as text; adds problems for what is not plain UTF-8 text."""
    if len(text) > MAX_BYTES:
        problems.add(1, 1, f"the file has {len(text)} bytes; a Helm release holds less than {MAX_BYTES} in all")
        return ""
    if text.startswith(b"\xef\xbb\xbf"):
        problems.add(1, 1, "the file starts with a byte order mark: save it as UTF-8 without BOM")
        text = text[3:]
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError as error:
        line_start = text.rfind(b"\n", 0, error.start) + 1
        column = len(text[line_start : error.start].decode("utf-8", "replace")) + 1
        line = text.count(b"\n", 0, error.start) + 1
        problems.add(line, column, f"byte {error.start} (0x{text[error.start]:02x}) is not UTF-8: save the file as UTF-8")
        return ""
    _find_control_characters(decoded, problems)
    return decoded


def _find_control_characters(text: str, problems: Problems) -> None:
    if text.isascii() and text.replace("\n", "").replace("\r\n", "").replace("\t", "").isprintable():
        return
    for number, line in enumerate(text.split("\n"), 1):
        for column, character in enumerate(line.removesuffix("\r"), 1):
            if _is_control(character):
                code = f"{ord(character):04x}"
                problems.add(number, column, f'control character U+{code.upper()}: remove it, or write "\\u{code}" in double quotes')


def _is_control(character: str) -> bool:
    """Whether YAML forbids the character, or takes it for the end of a line where people see none."""
    code = ord(character)
    if code < 0x20:
        return character != "\t"
    return 0x7F <= code < 0xA0 or code in (0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF)


class _TooLarge(Exception):
    """Expanding the aliases was stopped."""


class _Emitter:
    """Turns nodes into data and positions; expands aliases and merge keys."""

    def __init__(self, document: Document, problems: Problems) -> None:
        self.document = document
        self.problems = problems
        self.count = 0
        self.expanded: dict[int, dict[str, tuple[Key, Node]]] = {}

    def emit_root(self, root: Map) -> None:
        self.document.positions[()] = Position(root.line, root.column, root.line, root.column)
        try:
            self.document.data.update(self._map(root, ()))
        except _TooLarge as error:
            self.problems.add(1, 1, str(error))

    def _emit(self, node: Node, path: Path, key: Key | None) -> Any:
        self._count(path)
        key_line, key_column = (key.line, key.column) if key else (node.line, node.column)
        self.document.positions[path] = Position(node.line, node.column, key_line, key_column)
        content = node.target if isinstance(node, Alias) else node
        if isinstance(content, Map):
            return self._map(content, path)
        if isinstance(content, List):
            return [self._emit(item, (*path, index), None) for index, item in enumerate(content.items)]
        return content.value if isinstance(content, Scalar) else None

    def _count(self, path: Path) -> None:
        self.count += 1
        if self.count > MAX_VALUES:
            raise _TooLarge(f"more than {MAX_VALUES} values once its aliases are expanded: write less, and fewer anchors")
        if len(path) > MAX_DEPTH:
            raise _TooLarge(f"nested deeper than {MAX_DEPTH} levels once its aliases are expanded: flatten it")

    def _map(self, node: Map, path: Path) -> dict[str, Any]:
        return {name: self._emit(value, (*path, name), key) for name, (key, value) in self._entries(node, path).items()}

    def _entries(self, node: Map, path: Path) -> dict[str, tuple[Key, Node]]:
        """The entries of a map after its merge keys; an own key wins over a merged one, the first source over a later one."""
        if id(node) in self.expanded:
            return self.expanded[id(node)]
        entries: dict[str, tuple[Key, Node]] = {}
        for key, value in node.entries:
            if not key.merge:
                entries[key.name] = (key, value)
                continue
            for source in self._sources(key, value, path):
                self.count += len(source.entries)
                self._count(path)
                entries |= self._entries(source, path)
        self.expanded[id(node)] = entries
        return entries

    def _sources(self, key: Key, value: Node, path: Path) -> list[Map]:
        """The maps that a merge key names, the weakest first."""
        content = value.target if isinstance(value, Alias) else value
        items = content.items if isinstance(content, List) else [content]
        maps = [item.target if isinstance(item, Alias) else item for item in items]
        sources = [item for item in maps if isinstance(item, Map)]
        if len(sources) != len(maps):
            self.problems.add(key.line, key.column, "`<<` takes an alias of keys and values, or a list of them", path)
        return sources[::-1]
