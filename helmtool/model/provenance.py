"""Which value made a field of an object differ: what is known of it by taking values back one at a time, and what is a guess."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from helmtool.model.difference import ABSENT, Absent, Difference, FieldPath, within
from helmtool.model.path import Path, dotted
from helmtool.model.values import Origin, Values

SHORTEST = 3
"""Characters: a shorter value stands in too many fields for equal text to say anything."""
SECRET_FILES = ("secrets", "data")
"""Where inline secrets are: that one of them is equal to something that is shown must not be told."""
TAG, SET, SECRETS = "TAG", "--set", "(secrets: versioned)"
"""The names of the layers of values that are no files."""


class Source(StrEnum):
    """What can make a field differ."""

    VALUE = "value"
    TAG = "tag"
    SET = "set"
    SECRET = "secret"  # noqa: S105 - a kind of source, not a secret
    CHART = "chart"
    HANDS = "hands"
    UNKNOWN = "unknown"


class ValueChange(NamedTuple):
    """One value (a list counts as one) that differs between two merged documents.

    `origin` is where the new document has it from, or its nearest parent where it is not set any more; `was` where the old
    one had it from, nothing where that is not known (a revision holds no files).
    """

    path: Path
    before: Any | Absent
    after: Any | Absent
    origin: Origin | None = None
    was: Origin | None = None

    def __repr__(self) -> str:
        """Without the values, which may be secrets."""
        return f"ValueChange({self.path})"

    @property
    def source(self) -> Source:
        """The kind of place that it comes from."""
        file = self.origin.file if self.origin else ""
        return {TAG: Source.TAG, SET: Source.SET, SECRETS: Source.SECRET}.get(file, Source.VALUE)


class Provenance(NamedTuple):
    """What made a field differ. `value` is there for those that come from a value; `guess` says that only equal text speaks for it."""

    source: Source
    text: str
    value: ValueChange | None = None
    guess: bool = False


class Influence(NamedTuple):
    """The fields of one object that differ when one value is put back, or all are."""

    provenance: Provenance
    paths: tuple[FieldPath, ...]


def changed_values(before: Mapping[str, Any], after: Values, was: Values | None = None) -> list[ValueChange]:
    """The values that differ between two merged documents, in the new one's order; `was` is the old one with its origins."""
    return [
        ValueChange(path, old, new, _origin(after, path), was.origin(path) if was else None)
        for path, old, new in _differing(before, after.data, ())
    ]


def _origin(values: Values, path: Path) -> Origin | None:
    """Where a value was written; of one that a null takes away, where the null is."""
    return values.deleted.get(path) or values.origin(path)


def _differing(before: Any, after: Any, path: Path) -> Iterator[tuple[Path, Any, Any]]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys([*after, *before]):
            yield from _differing(before.get(key, ABSENT), after.get(key, ABSENT), (*path, key))
    elif before != after or type(before) is not type(after):
        yield path, before, after


def put_back(data: Mapping[str, Any], change: ValueChange) -> dict[str, Any]:
    """The merged values with one of them as it was before."""
    return _with(data, change.path, change.before)


def _with(data: Mapping[str, Any], path: Path, value: Any) -> dict[str, Any]:
    key, *rest = path
    if rest:
        below = data.get(str(key))
        return {**data, str(key): _with(below if isinstance(below, Mapping) else {}, tuple(rest), value)}
    if value is ABSENT:
        return {k: v for k, v in data.items() if k != key}
    return {**data, str(key): value}


def overrides_for(data: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """What to hand to Helm so that it renders with exactly these merged values: a null for each default that is not in them."""
    below = {k: overrides_for(v, defaults[k]) for k, v in data.items() if isinstance(v, Mapping) and isinstance(defaults.get(k), Mapping)}
    gone = {key: None for key, value in defaults.items() if key not in data and value is not None}
    return {**data, **below, **gone}


def explain_field(difference: Difference, influences: Sequence[Influence]) -> list[Provenance]:
    """The influences that reach a field: those that change it or a part around it, else those that change something in it."""
    reach = [i.provenance for i in influences if any(within(difference.path, path) for path in i.paths)]
    inside = [i.provenance for i in influences if any(within(path, difference.path) for path in i.paths)]
    return reach or (inside if difference.path else [])


def guess(difference: Difference, values: Sequence[ValueChange]) -> list[Provenance]:
    """The values whose new text, or else whose old one, stands in the field's as a word of its own; never one of a secret."""
    open_ones = [value for value in values if value.path[:2] != SECRET_FILES]
    for side in ("after", "before"):
        text = _text(getattr(difference, side))
        found = [value for value in open_ones if _is_word(_text(getattr(value, side)), text)]
        if found:
            return [provenance_of(value)._replace(guess=True) for value in found]
    return []


def _text(value: Any) -> str:
    return "" if isinstance(value, (dict, list)) or value is ABSENT or value is None else str(value)


def _is_word(word: str, text: str) -> bool:
    return bool(word) and (word == text or (len(word) >= SHORTEST and bool(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text))))


def provenance_of(value: ValueChange) -> Provenance:
    """A value as the source of a change, in words that name the place."""
    return Provenance(value.source, _told(value), value)


def _told(value: ValueChange) -> str:
    name, origin = dotted(value.path), value.origin
    if value.source is Source.TAG:
        return f"{name}: the TAG that was given" if name == "image.tag" else f"{name}: of the TAG that was given"
    if value.source is Source.SET:
        return f"{name}: given with --set"
    if value.source is Source.SECRET:
        return f"{name}: the version of the secret"
    place = f"{origin.file}:{origin.key_line or origin.line}" if origin and origin.line else origin.file if origin else ""
    if value.was and value.was.line and value.was.file not in (place.rpartition(":")[0], TAG, SET):
        place = f"{place or 'left away'}, instead of {value.was.file}:{value.was.key_line or value.was.line}"
    return f"{name}: {'no longer set; ' if value.after is ABSENT else ''}{place or 'a value of the revision'}"
