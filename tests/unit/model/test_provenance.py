"""Values that differ and where they are from, values put back, and what explains a field."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helmtool.model.difference import ABSENT, Difference
from helmtool.model.document import Document, parse_document
from helmtool.model.provenance import (
    Influence,
    Provenance,
    Source,
    ValueChange,
    changed_values,
    explain_field,
    guess,
    overrides_for,
    provenance_of,
    put_back,
)
from helmtool.model.values import Layer, Values, merge, parse_set

CHART = "a: 1\nb:\n  c: x\n  d: [1, 2]\ngone: {e: 1}\n"
FILE = "b:\n  c: other\n"
TREE = st.recursive(
    st.booleans() | st.integers(0, 3) | st.text("xy", max_size=2) | st.lists(st.integers(0, 2), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
MAP = st.dictionaries(st.sampled_from("abc"), TREE, max_size=3)


def values(*files: tuple[str, str], sets: tuple[str, ...] = ()) -> Values:
    layers = [Layer(name, parse_document(name, text.encode())) for name, text in files]
    return merge([*layers, *(parse_set(text) for text in sets)])


def plain(data: dict[str, Any], overrides: dict[str, Any]) -> dict[str, Any]:
    return merge([Layer("", Document("", data, {})), Layer("", Document("", overrides, {}))]).data


def test_each_changed_value_has_its_place() -> None:
    old = values(("chart.yaml", CHART))
    new = values(("chart.yaml", CHART), ("prod.yaml", FILE), ("TAG", "image: {tag: HG0105a}"), sets=("b.d={3}",))
    told = [(provenance_of(v).source, provenance_of(v).text) for v in changed_values(old.data, new)]
    assert told == [
        (Source.VALUE, "b.c: prod.yaml:2"),
        (Source.SET, "b.d: given with --set"),
        (Source.TAG, "image: of the TAG that was given"),
    ]


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        ("a: 2\n", "a: test.yaml:1, instead of prod.yaml:1"),
        ("{}\n", "a: chart.yaml:1, instead of prod.yaml:1"),
        ("b: {c: x}\na: null\n", "a: no longer set; test.yaml:2, instead of prod.yaml:1"),
    ],
)
def test_between_environments_both_places_are_told(new: str, expected: str) -> None:
    old, after = values(("chart.yaml", CHART), ("prod.yaml", "a: 5\n")), values(("chart.yaml", CHART), ("test.yaml", new))
    assert [provenance_of(v).text for v in changed_values(old.data, after, old)] == [expected]


def test_a_revision_has_no_places() -> None:
    after = merge([Layer("", Document("", {"a": 1}, {}))])
    assert [provenance_of(v).text for v in changed_values({"a": 2}, after)] == ["a: a value of the revision"]


@given(MAP, MAP)
def test_all_values_put_back_are_the_old_ones(before: dict[str, Any], after: dict[str, Any]) -> None:
    data = after
    for change in changed_values(before, merge([Layer("", Document("", after, {}))])):
        data = put_back(data, change)
    assert data == before


@given(MAP, MAP)
def test_putting_back_leaves_its_argument_alone(before: dict[str, Any], after: dict[str, Any]) -> None:
    kept = copy.deepcopy(after)
    for change in changed_values(before, merge([Layer("", Document("", after, {}))])):
        put_back(after, change)
    assert after == kept


@given(MAP, MAP)
def test_helm_gets_exactly_the_wanted_values(defaults: dict[str, Any], data: dict[str, Any]) -> None:
    assert plain(defaults, overrides_for(data, defaults)) == data


ONE, TWO = Provenance(Source.VALUE, "one"), Provenance(Source.VALUE, "two")


@pytest.mark.parametrize(
    ("path", "influences", "expected"),
    [
        (("a", "b"), [Influence(ONE, (("a", "b"),))], [ONE]),
        (("a", "b"), [Influence(ONE, (("a",),))], [ONE]),
        (("a", "b"), [Influence(ONE, (("a", "c"),))], []),
        (("a", "b"), [Influence(ONE, (("a",),)), Influence(TWO, (("a", "b"),))], [ONE, TWO]),
        (("a",), [Influence(ONE, (("a", "b"),)), Influence(TWO, (("a",),))], [TWO]),
        (("a",), [Influence(ONE, (("a", "b"),))], [ONE]),
        ((), [Influence(ONE, (("a",),)), Influence(TWO, ((),))], [TWO]),
        ((), [Influence(ONE, (("a",),))], []),
    ],
)
def test_what_reaches_a_field(path: tuple[str, ...], influences: list[Influence], expected: list[Provenance]) -> None:
    assert explain_field(Difference(path, 1, 2), influences) == expected


@pytest.mark.parametrize(
    ("before", "after", "matches"),
    [
        ("x:HG0105a", "x:HG0205a", True),
        ("1", "HG0205a", True),
        ("HG0105a", ABSENT, True),
        ("x", "HG0205ab", False),
        ("x", {"tag": "HG0205a"}, False),
    ],
)
def test_a_guess_needs_the_text_as_a_word(before: Any, after: Any, matches: bool) -> None:
    value = ValueChange(("image", "tag"), "HG0105a", "HG0205a")
    found = guess(Difference(("f",), before, after), [value])
    assert [(p.value, p.guess) for p in found] == ([(value, True)] if matches else [])


@pytest.mark.parametrize(("text", "matches"), [("2", True), ("12 of 2", False)])
def test_a_short_value_must_be_the_whole(text: str, matches: bool) -> None:
    assert bool(guess(Difference(("f",), "9", text), [ValueChange(("replicas",), 1, 2)])) == matches


def test_a_guess_never_tells_what_a_secret_is_equal_to() -> None:
    assert guess(Difference(("f",), "x", "s3cret"), [ValueChange(("secrets", "data", "keytab"), "x", "s3cret")]) == []


def test_no_value_is_in_any_repr() -> None:
    value = ValueChange(("secrets", "data", "keytab"), "s3cret", "s3cret2")
    assert "s3cret" not in repr(value) + repr(provenance_of(value)) + repr(Difference(("f",), "s3cret", "s3cret2"))
