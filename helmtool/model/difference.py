"""Where two states of one object differ, field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

FieldPath = tuple[str, ...]
"""The way to a field of an object, each part as it is shown.

An item of a list is `[0]`, or `[name]` where its items have names; a key with dots in it is `[key]`."""
_SEPARATORS = frozenset(".[]")
ITEM_KEYS = ("mountPath", "name", "containerPort", "port", "ip")
"""What tells the items of Kubernetes' lists apart: the first of these that all items of a list have, each another one."""


class Absent(Enum):
    """The mark of a side that does not have a field: null is a value."""

    ABSENT = "absent"


ABSENT = Absent.ABSENT


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that differs; where it is on one side alone, the field is the topmost that the other side lacks."""

    path: FieldPath
    before: Any = field(repr=False)
    after: Any = field(repr=False)

    @property
    def text(self) -> str:
        """The path as people read it; empty for the whole object."""
        return shown(self.path)


def shown(path: FieldPath) -> str:
    """The path as people read it: `spec.template.spec.containers[newdqmgui].image`."""
    return "".join(part if part.startswith("[") else f".{part}" for part in path).removeprefix(".")


def differences(before: Any, after: Any) -> list[Difference]:
    """Every field that differs, in the order of the documents; the whole where one side is nothing.

    Items of lists are compared by their names where they have any; where nothing but their order differs, the lists are told as a whole.
    """
    if before is None or after is None:
        return [] if before is after else [Difference((), ABSENT if before is None else before, ABSENT if after is None else after)]
    return list(_differ(before, after, ()))


def within(path: FieldPath, other: FieldPath) -> bool:
    """Whether the first is the second, or a field in it."""
    return path[: len(other)] == other


def _differ(before: Any, after: Any, path: FieldPath) -> Iterator[Difference]:
    if before is ABSENT or after is ABSENT:
        yield Difference(path, before, after)
    elif isinstance(before, dict) and isinstance(after, dict):
        yield from _in_maps(_shown_keys(before), _shown_keys(after), path)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _in_lists(before, after, path)
    elif before != after or type(before) is not type(after):
        yield Difference(path, before, after)


def _in_maps(before: Mapping[str, Any], after: Mapping[str, Any], path: FieldPath) -> Iterator[Difference]:
    for key in dict.fromkeys([*before, *after]):
        yield from _differ(before.get(key, ABSENT), after.get(key, ABSENT), (*path, key))


def _shown_keys(side: Mapping[Any, Any]) -> dict[str, Any]:
    return {f"[{key}]" if _SEPARATORS.intersection(str(key)) else str(key): value for key, value in side.items()}


def _in_lists(before: list[Any], after: list[Any], path: FieldPath) -> Iterator[Difference]:
    key = _telling_key(before, after)
    found = list(_in_maps(_items(before, key), _items(after, key), path))
    if not found and before != after:
        found = [Difference(path, before, after)]
    yield from found


def _telling_key(before: list[Any], after: list[Any]) -> str:
    """The key that tells the items of both lists apart; empty where none does, and their places have to."""
    return next((key for key in ITEM_KEYS if _is_told(before, key) and _is_told(after, key)), "")


def _items(items: list[Any], key: str) -> dict[str, Any]:
    return {f"[{item[key] if key else place}]": item for place, item in enumerate(items)}


def _is_told(items: Sequence[Any], key: str) -> bool:
    names = [str(item[key]) for item in items if isinstance(item, dict) and key in item]
    return len(names) == len(items) == len(set(names))
