"""Fields that differ: named by what tells list items apart, and only the topmost of what one side lacks."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helmtool.model.difference import ABSENT, differences, shown, within

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": 1}, {"a": 2}, [("a", 1, 2)]),
        ({"a": 1}, {"a": True}, [("a", 1, True)]),
        ({"a": None}, {}, [("a", None, ABSENT)]),
        ({}, {"a": {"b": {"c": 1}}}, [("a", ABSENT, {"b": {"c": 1}})]),
        ({"a": {"b.c/d": 1}}, {"a": {"b.c/d": 2}}, [("a[b.c/d]", 1, 2)]),
        (
            {"l": [{"name": "x", "v": 1}]},
            {"l": [{"name": "y", "v": 3}, {"name": "x", "v": 2}]},
            [("l[x].v", 1, 2), ("l[y]", ABSENT, {"name": "y", "v": 3})],
        ),
        (
            {"l": [{"name": "x"}, {"name": "y"}]},
            {"l": [{"name": "y"}, {"name": "x"}]},
            [("l", [{"name": "x"}, {"name": "y"}], [{"name": "y"}, {"name": "x"}])],
        ),
        ({"l": [{"name": "x", "mountPath": "/a"}]}, {"l": [{"name": "z", "mountPath": "/a"}]}, [("l[/a].name", "x", "z")]),
        ({"l": [{"name": "x"}, {"name": "x"}]}, {"l": [{"name": "x"}, {"name": "z"}]}, [("l[1].name", "x", "z")]),
        ({"l": ["a", "b"]}, {"l": ["a"]}, [("l[1]", "b", ABSENT)]),
        ({"a": [1]}, {"a": {"b": 1}}, [("a", [1], {"b": 1})]),
        (None, {"a": 1}, [("", ABSENT, {"a": 1})]),
        ({"a": 1}, None, [("", {"a": 1}, ABSENT)]),
    ],
)
def test_what_differs(before: Any, after: Any, expected: list[Any]) -> None:
    assert [(d.text, d.before, d.after) for d in differences(before, after)] == expected


def test_the_path_of_a_container() -> None:
    assert shown(("spec", "containers", "[web]", "image")) == "spec.containers[web].image"


def test_within() -> None:
    assert within(("a", "b"), ("a",))
    assert within(("a",), ())
    assert not within(("a",), ("a", "b"))


@given(JSON, JSON)
def test_there_is_a_difference_exactly_where_both_are_not_equal(one: Any, other: Any) -> None:
    before, after = {"x": one}, {"x": other}
    found = differences(before, after)
    assert bool(found) == (repr(before) != repr(after) and not _same(before, after))
    assert len({d.path for d in found}) == len(found)


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON: 1 is not true, and the order of keys says nothing."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and bool(one == other)


@given(JSON)
def test_nothing_differs_from_itself(document: Any) -> None:
    assert differences(document, document) == []
