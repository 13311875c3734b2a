"""Sets of fields as managedFields stores them (`fieldsV1`): their union, and an object without some of them.

A set is a tree. A key is `f:NAME` (a field), `k:JSON` (a list's item by its keys), `v:JSON` (by its value) or `i:N` (by its
place); `.` says that the element itself belongs to the set, beside what is in it, and an empty tree says the same alone.
The form is that of structured-merge-diff, which the API server uses.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

Fields = dict[str, Any]
SELF = "."


def union(sets: Iterable[Fields]) -> Fields:
    """Every field that is in one of the sets."""
    result: Fields = {}
    for tree in sets:
        for key, inner in tree.items():
            result[key] = _both(result[key], inner) if key in result else inner
    return result


def _both(one: Fields, other: Fields) -> Fields:
    merged = union([one, other])
    return {SELF: {}, **merged} if bool(one) != bool(other) else merged


def without(fields: Fields, path: Sequence[str]) -> Fields:
    """The set without the element at the path and all that is in it; a parent that had nothing else is left away too."""
    key, *rest = path
    if key not in fields:
        return fields
    inner = without(fields[key], rest) if rest else {}
    others = {k: v for k, v in fields.items() if k != key}
    return {**others, key: inner} if inner or (rest and not fields[key]) else others


def prune(value: Any, owned: Fields, kept: Fields) -> Any:
    """The value without the elements that are in `owned` and not in `kept`; what nobody owns stays where its parent stays.

    This is what the API server does with the fields that an applier had and does not apply any more, before it fills in defaults.
    """
    for key, inner in owned.items():
        if key == SELF or (key in kept and not kept[key]):
            continue  # all of it is kept
        value = _pruned(value, key, inner, kept.get(key))
    return value


def _pruned(value: Any, key: str, owned: Fields, kept: Fields | None) -> Any:
    place = _place(value, key)
    if place is None:
        return value
    is_item = isinstance(value, list)
    if kept is None and (not set(owned) - {SELF} or (is_item and SELF in owned)):
        return _without_place(value, place)
    before = value[place]
    after = prune(before, owned, kept or {})
    if kept is None and not after and after != before:
        return _without_place(value, place)
    return [after if n == place else item for n, item in enumerate(value)] if is_item else {**value, place: after}


def _without_place(value: Any, place: Any) -> Any:
    if isinstance(value, list):
        return [item for n, item in enumerate(value) if n != place]
    return {k: v for k, v in value.items() if k != place}


def _place(value: Any, key: str) -> Any:
    """Where the element is in a map or list; nothing where it is not."""
    kind, _, name = key.partition(":")
    if kind == "f":
        return name if isinstance(value, dict) and name in value else None
    if not isinstance(value, list):
        return None
    wanted = json.loads(name)
    if kind == "i":
        return wanted if wanted < len(value) else None
    return next((n for n, item in enumerate(value) if _is_item(item, wanted, by_keys=kind == "k")), None)


def _is_item(item: Any, wanted: Any, *, by_keys: bool) -> bool:
    return isinstance(item, dict) and all(item.get(k) == v for k, v in wanted.items()) if by_keys else bool(item == wanted)
