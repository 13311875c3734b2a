"""YAML text as nodes with their places: built from parser events, so nothing is constructed and depth costs no stack."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from helmtool.errors import Problem
from helmtool.model.path import Path, dotted
from helmtool.model.scalar import AmbiguousScalar, resolve_plain

if TYPE_CHECKING:
    import yaml

# Far above what a values file needs, far below what hurts.
MAX_DEPTH = 50
MAX_PROBLEMS = 50

_STR_TAG = "tag:yaml.org,2002:str"
_COLLECTION_TAGS = {"tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}


class Problems:
    """Collects the problems of one file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.found: list[Problem] = []

    def add(self, line: int, column: int, message: str, path: Path = ()) -> None:
        """Adds one; beyond MAX_PROBLEMS a list helps nobody, so the rest is dropped."""
        if len(self.found) < MAX_PROBLEMS:
            self.found.append(Problem(message, self.file, line, column, dotted(path)))


@dataclass(slots=True, eq=False)
class Node:
    """A part of the document and where it starts, counted from 1."""

    line: int
    column: int

    kind = "nothing"


@dataclass(slots=True, eq=False)
class Scalar(Node):
    """A single value, already as JSON knows it."""

    value: Any

    kind = "a single value"


@dataclass(slots=True, eq=False)
class List(Node):
    """A list."""

    flow: bool = False
    items: list[Node] = field(default_factory=list)

    kind = "a list"


@dataclass(slots=True, eq=False)
class Alias(Node):
    """Another place of the same content, so that the positions tell both."""

    target: Node

    kind = "an alias"


@dataclass(slots=True, eq=False)
class Key:
    """A map's key; `merge` marks an unquoted `<<`."""

    name: str
    line: int
    column: int
    merge: bool = False


@dataclass(slots=True, eq=False)
class Map(Node):
    """Keys and values, with the state of reading them."""

    flow: bool = False
    entries: list[tuple[Key, Node]] = field(default_factory=list)
    seen: dict[str, Key] = field(default_factory=dict)
    pending: Key | None = None

    kind = "keys and values"


def compose(text: str, problems: Problems) -> Node | None:
    """The nodes of the one document in the text, or None when there is none."""
    import yaml

    composer = _Composer(problems)
    try:
        for event in _events(text):
            if not composer.take(event):
                return None
    except yaml.YAMLError as error:
        _add_syntax_error(error, text, problems)
    return composer.root


def _events(text: str) -> Iterator[yaml.Event]:
    """Events only: no object is ever constructed, and the depth of the file costs no stack."""
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    events: Iterator[yaml.Event] = yaml.parse(text, Loader=loader)
    return events


def _add_syntax_error(error: Exception, text: str, problems: Problems) -> None:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    lines = text.split("\n")
    tabbed = [number for number in range(line, len(lines) + 1) if "\t" in _indentation(lines[number - 1])]
    if tabbed and (tabbed[0] == line or "\\t" in repr(getattr(error, "problem", ""))):
        for number in tabbed:
            problems.add(number, _indentation(lines[number - 1]).index("\t") + 1, "a tab indents this line: indent with spaces")
        return
    reason = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be read"
    context = getattr(error, "context", None)
    problems.add(line, column, f"not YAML: {context + ', ' if context else ''}{reason}")


def _indentation(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


class _Composer:
    """Builds nodes from events; one `take` per event, no recursion."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.root: Node | None = None
        self.stack: list[Map | List] = []
        self.anchors: dict[str, Node] = {}
        self.documents = 0

    def take(self, event: yaml.Event) -> bool:
        """Takes one event; False means that reading on makes no sense."""
        if len(self.problems.found) >= MAX_PROBLEMS:
            return False
        name = type(event).__name__
        if name == "DocumentStartEvent":
            return self._document(event)
        if name == "ScalarEvent":
            return self._scalar(event)
        if name == "AliasEvent":
            return self._alias(event)
        if name in ("MappingStartEvent", "SequenceStartEvent"):
            return self._collection(event, name == "MappingStartEvent")
        if name in ("MappingEndEvent", "SequenceEndEvent"):
            self.stack.pop()
        return True

    def _add(self, event: Any, message: str) -> None:
        self.problems.add(event.start_mark.line + 1, event.start_mark.column + 1, message, self._path())

    def _path(self) -> Path:
        """The path of what is being read now."""
        path: list[str | int] = []
        for container in self.stack:
            open_below = container is not self.stack[-1]
            if isinstance(container, List):
                path.append(len(container.items) - open_below)
            elif open_below:
                path.append(container.entries[-1][0].name)
            elif container.pending:
                path.append(container.pending.name)
        return tuple(path)

    def _document(self, event: Any) -> bool:
        self.documents += 1
        if self.documents > 1:
            self._add(event, "a second document starts here: keep one per file, without `---`")
            return False
        if event.version or event.tags:
            self._add(event, "a `%` directive changes how the file is read: remove it")
        return True

    def _collection(self, event: Any, is_map: bool) -> bool:
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        node: Map | List = Map(line, column, event.flow_style) if is_map else List(line, column, event.flow_style)
        if len(self.stack) >= MAX_DEPTH:
            self._add(event, f"nested deeper than {MAX_DEPTH} levels: flatten it")
            return False
        if event.tag and event.tag not in _COLLECTION_TAGS:
            self._add(event, f"the tag {_shown_tag(event.tag)} is not allowed: remove it")
        if self._waits_for_key():
            self._add(event, f"a key is {node.kind}: keys must be text")
            return False
        self._place(node, event.anchor)
        self.stack.append(node)
        return True

    def _alias(self, event: Any) -> bool:
        target = self.anchors.get(event.anchor)
        if target is None:
            self._add(event, f"no anchor &{event.anchor} stands above this alias")
            target = Scalar(0, 0, None)
        elif any(container is target for container in self.stack):
            self._add(event, f"the anchor &{event.anchor} contains itself here: write the content out")
            target = Scalar(0, 0, None)
        if self._waits_for_key():
            self._add(event, f"the alias *{event.anchor} stands for a key: write the key out")
            return False
        self._place(Alias(event.start_mark.line + 1, event.start_mark.column + 1, target), None)
        return True

    def _scalar(self, event: Any) -> bool:
        if self._waits_for_key():
            self._key(event)
            return True
        value = self._value(event)
        self._place(Scalar(event.start_mark.line + 1, event.start_mark.column + 1, value), event.anchor)
        return True

    def _value(self, event: Any) -> Any:
        if any("\ud800" <= character <= "\udfff" for character in event.value):
            self._add(event, "an escape names half a character: write the character itself")
            return ""
        if event.tag and event.tag != _STR_TAG:
            self._add(event, f"the tag {_shown_tag(event.tag)} is not allowed: remove it, and quote the value if it is text")
            return event.value
        if event.tag or event.style:
            return event.value
        self._check_flow(event)
        try:
            return resolve_plain(event.value)
        except AmbiguousScalar as error:
            secret = self._path()[:1] == ("secrets",)
            self._add(event, "without quotes it means different things to readers of YAML: put it in quotes" if secret else str(error))
            return event.value

    def _check_flow(self, event: Any) -> None:
        """Helm's YAML takes `? ` between brackets for an indicator; this parser takes it for text."""
        if self.stack and self.stack[-1].flow and "? " in f"{event.value} ":
            self._add(event, "a question mark ends a word between brackets: put the word in quotes")

    def _waits_for_key(self) -> bool:
        return bool(self.stack) and isinstance(self.stack[-1], Map) and self.stack[-1].pending is None

    def _key(self, event: Any) -> None:
        holder = self.stack[-1]
        assert isinstance(holder, Map)  # noqa: S101 - _waits_for_key said so
        plain = not event.style and not event.tag
        key = Key(event.value, event.start_mark.line + 1, event.start_mark.column + 1, plain and event.value == "<<")
        holder.pending = key
        if any("\ud800" <= character <= "\udfff" for character in key.name):
            key.name = "?"
            self._add(event, "an escape names half a character: write the character itself")
        elif event.tag and event.tag != _STR_TAG:
            self._add(event, f"the tag {_shown_tag(event.tag)} is not allowed: remove it")
        elif event.anchor:
            self._add(event, f"the anchor &{event.anchor} stands before a key: put it after the colon")
        elif plain:
            self._check_flow(event)
            self._check_plain_key(event, holder)
        if key.name in holder.seen:
            first = holder.seen[key.name]
            self._add(event, f"the key stands here twice, first at line {first.line}, column {first.column}: keep one")
        holder.seen.setdefault(key.name, key)

    def _check_plain_key(self, event: Any, holder: Map) -> None:
        if event.value == "<<":
            if holder.entries:
                self._add(event, "write `<<` as the first key: Helm lets it overwrite the keys above it")
            return
        try:
            value = resolve_plain(event.value)
        except AmbiguousScalar:
            value = None
        if not isinstance(value, str):
            self._add(event, f'the key `{event.value}` without quotes is no text to Helm: write "{event.value}"')

    def _place(self, node: Node, anchor: str | None) -> None:
        if anchor:
            self.anchors[anchor] = node
        if not self.stack:
            self.root = node
            return
        holder = self.stack[-1]
        if isinstance(holder, List):
            holder.items.append(node)
            return
        assert holder.pending is not None  # noqa: S101 - a value follows its key
        holder.entries.append((holder.pending, node))
        holder.pending = None


def _shown_tag(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!", 1)
