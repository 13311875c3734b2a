"""Sets of fields: union, difference, and an object without what nobody owns any more."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helmtool.model.fields import Fields, prune, union, without

LEAF: Fields = {}


@pytest.mark.parametrize(
    ("sets", "expected"),
    [
        ([], {}),
        ([{"f:a": LEAF}, {}], {"f:a": {}}),
        ([{"f:a": LEAF}, {"f:b": LEAF}], {"f:a": {}, "f:b": {}}),
        ([{"f:a": {"f:b": LEAF}}, {"f:a": {"f:c": LEAF}}], {"f:a": {"f:b": {}, "f:c": {}}}),
        # A leaf is the element itself: beside what is in it, that is a dot.
        ([{"f:a": LEAF}, {"f:a": {"f:b": LEAF}}], {"f:a": {".": {}, "f:b": {}}}),
        ([{"f:a": {"f:b": LEAF}}, {"f:a": LEAF}], {"f:a": {".": {}, "f:b": {}}}),
        ([{"f:a": {".": {}, "f:b": LEAF}}, {"f:a": LEAF}], {"f:a": {".": {}, "f:b": {}}}),
    ],
)
def test_union(sets: list[Fields], expected: Fields) -> None:
    assert union(sets) == expected


def test_union_leaves_its_sets_as_they_are() -> None:
    one, other = {"f:a": {"f:b": LEAF}}, {"f:a": {"f:c": LEAF}}
    union([one, other])
    assert (one, other) == ({"f:a": {"f:b": {}}}, {"f:a": {"f:c": {}}})


@pytest.mark.parametrize(
    ("fields", "path", "expected"),
    [
        ({"f:a": LEAF, "f:b": LEAF}, ["f:a"], {"f:b": {}}),
        ({"f:a": {"f:b": LEAF}}, ["f:a", "f:b"], {}),
        ({"f:a": {".": {}, "f:b": LEAF}}, ["f:a", "f:b"], {"f:a": {".": {}}}),
        ({"f:a": {"f:c": LEAF}}, ["f:a", "f:b"], {"f:a": {"f:c": {}}}),
        ({"f:a": LEAF}, ["f:a", "f:b"], {"f:a": {}}),
        ({"f:a": LEAF}, ["f:x", "f:b"], {"f:a": {}}),
    ],
)
def test_without(fields: Fields, path: list[str], expected: Fields) -> None:
    assert without(fields, path) == expected


A, B = {"name": "a", "x": 1}, {"name": "b", "x": 2}
ITEM_B = 'k:{"name":"b"}'


@pytest.mark.parametrize(
    ("value", "owned", "kept", "expected"),
    [
        ({"a": 1, "b": 2}, {"f:a": LEAF}, {}, {"b": 2}),
        ({"a": 1, "b": 2}, {"f:a": LEAF}, {"f:a": LEAF}, {"a": 1, "b": 2}),
        ({"a": 1}, {"f:gone": LEAF}, {}, {"a": 1}),
        # What nobody owns keeps its parent.
        ({"m": {"a": 1, "other": 2}}, {"f:m": {".": {}, "f:a": LEAF}}, {}, {"m": {"other": 2}}),
        ({"m": {"a": 1}, "z": 0}, {"f:m": {".": {}, "f:a": LEAF}}, {}, {"z": 0}),
        ({"m": {"a": 1, "b": 2}}, {"f:m": {"f:a": LEAF, "f:b": LEAF}}, {"f:m": {"f:b": LEAF}}, {"m": {"b": 2}}),
        # A kept leaf is all of it.
        ({"m": {"a": 1}}, {"f:m": {"f:a": LEAF}}, {"f:m": LEAF}, {"m": {"a": 1}}),
        ({"l": [A, B]}, {"f:l": {ITEM_B: {".": {}, "f:name": LEAF}}}, {}, {"l": [A]}),
        ({"l": [A, B]}, {"f:l": {ITEM_B: {"f:x": LEAF}}}, {}, {"l": [A, {"name": "b"}]}),
        ({"l": [A, B]}, {"f:l": {ITEM_B: {".": {}, "f:x": LEAF}}}, {"f:l": {ITEM_B: {".": {}}}}, {"l": [A, {"name": "b"}]}),
        ({"l": ["u", "v"]}, {"f:l": {'v:"v"': LEAF}}, {}, {"l": ["u"]}),
        ({"l": ["u", "v"]}, {"f:l": {"i:0": LEAF}}, {}, {"l": ["v"]}),
        ({"l": ["u"]}, {"f:l": {"i:3": LEAF}}, {}, {"l": ["u"]}),
        ({"l": "text"}, {"f:l": {'v:"v"': LEAF}}, {}, {"l": "text"}),
    ],
)
def test_prune(value: Any, owned: Fields, kept: Fields, expected: Any) -> None:
    assert prune(value, owned, kept) == expected


TREES = st.recursive(
    st.just({}),
    lambda inner: st.dictionaries(st.sampled_from(["f:a", "f:b", 'k:{"name":"a"}', "."]), inner, max_size=3),
    max_leaves=8,
).map(lambda tree: {k: v for k, v in tree.items() if k != "."})


def members(fields: Fields, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """The elements of a set: its leaves, and what has a dot."""
    found = {path} if path and (not fields or "." in fields) else set()
    return found.union(*(members(inner, (*path, key)) for key, inner in fields.items() if key != "."))


@given(TREES, TREES)
def test_a_union_has_the_members_of_both(one: Fields, other: Fields) -> None:
    assert members(union([one, other])) == members(one) | members(other)


@given(TREES)
def test_what_is_kept_stays(fields: Fields) -> None:
    value = {"a": {"a": 1, "b": [{"name": "a", "b": 2}]}, "b": [{"name": "a"}, {"name": "c"}]}
    assert prune(value, fields, fields) == value
