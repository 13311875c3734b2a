"""Values merged as Helm merges them, each with the place it comes from."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from helmtool.model.document import Document, Position
from helmtool.model.path import Path, dotted
from helmtool.model.strvals import Assignment, InvalidSet, parse_assignments

__all__ = ["Layer", "Origin", "Path", "Values", "dotted", "explain", "merge", "parse_set", "to_helm_json", "yaml_safe"]

# JSON may hold these raw, YAML may not.
_NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


class Origin(NamedTuple):
    """Where a value was written last, and its key; `text` is that place as people read it (`values/prod.yaml:3:8`)."""

    file: str
    line: int
    column: int
    text: str
    key_line: int = 0
    key_column: int = 0


class Layer(NamedTuple):
    """One source of values. `assignments` is what a `--set` changes in the layers below it; other layers have none."""

    name: str
    document: Document
    assignments: tuple[Assignment, ...] = ()


class Values(NamedTuple):
    """The merged values (chart defaults included, as Helm's `.Values` holds them), and the origin of every path in them."""

    data: dict[str, Any]
    origins: dict[Path, Origin]
    overrides: Mapping[str, Any] = MappingProxyType({})
    # Where an override's null deletes a default.
    deleted: Mapping[Path, Origin] = MappingProxyType({})

    def for_helm(self) -> dict[str, Any]:
        """What to hand to Helm: the layers above the chart's defaults, their nulls kept so that Helm deletes those defaults."""
        return copy.deepcopy({**self.overrides})

    def origin(self, path: Path) -> Origin | None:
        """Where the path was written, or its nearest parent that was; None where nothing above it was."""
        while path and path not in self.origins:
            path = path[:-1]
        return self.origins.get(path)


@dataclass(slots=True)
class _Cell:
    """A value with its origin; a map holds cells by key, a list holds cells."""

    content: Any
    origin: Origin

    @property
    def is_map(self) -> bool:
        return isinstance(self.content, dict)


def parse_set(text: str) -> Layer:
    """The layer that one `--set` argument is. Raises InvalidSet with the position of the mistake."""
    assignments = parse_assignments(text)
    root = _Cell({}, _set_origin((), 1))
    for assignment in assignments:
        _assign(root, assignment)
    places = {path: cell.origin for path, cell in _walk(root, ())}
    positions = {path: Position(1, origin.column, 1, origin.column) for path, origin in places.items()}
    return Layer("--set", Document("--set", _plain(root), positions), assignments)


def merge(layers: Sequence[Layer]) -> Values:
    """The values of a release: the first layer holds the chart's defaults, every later one overrides what is below.

    As in Helm, the overrides are merged first (maps deeply, lists replaced, nulls kept), then laid over the defaults, where a null
    deletes. Raises InvalidSet where a `--set` reaches into what is no map or list.
    """
    if not layers:
        return Values({}, {})
    defaults = _cell_of(layers[0])
    overrides = _Cell({}, defaults.origin)
    for layer in layers[1:]:
        if layer.assignments:
            for assignment in layer.assignments:
                _assign(overrides, assignment)
        else:
            overrides = _merged(overrides, _cell_of(layer))
    result = _coalesced(_without_nulls(defaults), overrides, deleted=frozenset(defaults.content))
    origins = {path: cell.origin for path, cell in _walk(result, ())}
    deleted = {path: cell.origin for path, cell in _walk(overrides, ()) if cell.content is None and path not in origins}
    return Values(_plain(result), origins, _plain(overrides), deleted)


def explain(values: Values) -> list[tuple[str, Any, Origin]]:
    """Every value that is no map or list (or an empty one), with its dotted path and origin, in the order of the documents."""
    return [(dotted(path), value, values.origins[path]) for path, value in _leaves(values.data, ())]


def to_helm_json(data: dict[str, Any]) -> bytes:
    """The data as JSON that a YAML 1.1 reader such as Helm's reads alike.

    Plain `json.dumps` will not do: YAML refuses its escapes of characters beyond the basic plane, and some raw ones.
    """
    return yaml_safe(json.dumps(data, ensure_ascii=False, allow_nan=False))


def yaml_safe(text: str) -> bytes:
    """JSON text, written with `ensure_ascii=False`, as YAML 1.1 allows it too: characters that it forbids are escaped."""
    return _NOT_IN_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode()


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if not value or not isinstance(value, (dict, list)):
        if path:
            yield path, value
        return
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        yield from _leaves(item, (*path, key))


def _walk(cell: _Cell, path: Path) -> Iterator[tuple[Path, _Cell]]:
    """Every cell below this one, and this one."""
    yield path, cell
    if isinstance(cell.content, dict):
        for key, item in cell.content.items():
            yield from _walk(item, (*path, key))
    elif isinstance(cell.content, list):
        for index, item in enumerate(cell.content):
            yield from _walk(item, (*path, index))


def _plain(cell: _Cell) -> Any:
    if isinstance(cell.content, dict):
        return {key: _plain(item) for key, item in cell.content.items()}
    if isinstance(cell.content, list):
        return [_plain(item) for item in cell.content]
    return cell.content


def _cell_of(layer: Layer) -> _Cell:
    return _cell(layer, layer.document.data, ())


def _cell(layer: Layer, value: Any, path: Path) -> _Cell:
    origin = _file_origin(layer, path)
    if isinstance(value, dict):
        return _Cell({key: _cell(layer, item, (*path, key)) for key, item in value.items()}, origin)
    if isinstance(value, list):
        return _Cell([_cell(layer, item, (*path, index)) for index, item in enumerate(value)], origin)
    return _Cell(value, origin)


def _file_origin(layer: Layer, path: Path) -> Origin:
    position = layer.document.positions.get(path)
    if position is None:
        return Origin(layer.document.file, 0, 0, layer.name)
    text = f"{layer.document.file}:{position.line}:{position.column}"
    return Origin(layer.document.file, position.line, position.column, text, position.key_line, position.key_column)


def _set_origin(path: Path, column: int) -> Origin:
    return Origin("--set", 1, column, f"--set {dotted(path)}".rstrip(), 1, column)


def _merged(below: _Cell, above: _Cell) -> _Cell:
    """Two layers of overrides: maps deeply, everything else replaced (Helm's MergeMaps)."""
    content = dict(below.content)
    for key, cell in above.content.items():
        both_maps = key in content and content[key].is_map and cell.is_map
        content[key] = _merged(content[key], cell) if both_maps else cell
    return _Cell(content, above.origin)


def _without_nulls(cell: _Cell) -> _Cell:
    """A chart's defaults without their nulls; those inside lists stay, as in Helm."""
    if not cell.is_map:
        return cell
    return _Cell({key: _without_nulls(item) for key, item in cell.content.items() if item.content is not None}, cell.origin)


def _coalesced(defaults: _Cell, overrides: _Cell, deleted: frozenset[str] = frozenset()) -> _Cell:
    """Overrides over defaults: a null deletes what has a default (at the top also a default of null: `deleted`), else it stays."""
    content: dict[str, _Cell] = {}
    for key, below in defaults.content.items():
        above = overrides.content.get(key)
        if above is None:
            content[key] = below
        elif above.is_map and below.is_map:
            content[key] = _coalesced(below, above)
        elif above.content is not None:
            content[key] = above
    for key, above in overrides.content.items():
        if key not in defaults.content and not (above.content is None and key in deleted):
            content[key] = above
    return _Cell(content, overrides.origin if overrides.content else defaults.origin)


def _assign(root: _Cell, assignment: Assignment) -> None:
    """Sets one value in place, with lists and maps made on the way as Helm makes them."""
    *parents, last = assignment.path
    cell = root
    for depth, part in enumerate(parents):
        here = assignment.path[: depth + 1]
        empty: Any = [] if isinstance(assignment.path[depth + 1], int) else {}
        cell = _step(cell, part, empty, _set_origin(here, assignment.column), here)
    origin = _set_origin(assignment.path, assignment.column)
    value: Any = assignment.value
    if isinstance(value, list):
        value = [_Cell(item, origin) for item in value]
    _put(cell, last, _Cell(value, origin))


def _step(cell: _Cell, part: str | int, empty: Any, origin: Origin, here: Path) -> _Cell:
    """The map or list at the part, made when it is missing. Raises InvalidSet when something else stands there."""
    found = _get(cell, part)
    if found is not None and type(found.content) is type(empty):
        found.origin = origin
        return found
    # Helm makes room for a missing key, for a hole in a list, and for a map inside a list; elsewhere it fails.
    if found is not None and not (isinstance(part, int) and (found.content is None or isinstance(empty, dict))):
        expected = "a list" if isinstance(empty, list) else "a map"
        raise InvalidSet(f"{dotted(here)} is not {expected} ({found.origin.text})", origin.column, dotted(here))
    made = _Cell(empty, origin)
    _put(cell, part, made)
    return made


def _get(cell: _Cell, part: str | int) -> _Cell | None:
    if isinstance(part, int):
        found: _Cell | None = cell.content[part] if part < len(cell.content) else None
    else:
        found = cell.content.get(part)
    return found


def _put(cell: _Cell, part: str | int, value: _Cell) -> None:
    if isinstance(part, int):
        while len(cell.content) <= part:
            cell.content.append(_Cell(None, value.origin))
    cell.content[part] = value
