"""Values: merged as the real Helm merges them, with the origin of every path."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helmtool.model.document import parse_document
from helmtool.model.strvals import InvalidSet
from helmtool.model.values import Layer, Values, dotted, explain, merge, parse_set, to_helm_json

DEFAULTS = b"""\
image:
  repository: r
  digest: ""
list: [a, b]
map: {a: 1, b: {c: 2, d: null}}
nothing: null
last: true
"""


def layer(text: bytes, name: str = "values/x.yaml") -> Layer:
    return Layer(name, parse_document(name, text))


def merged(*texts: bytes, sets: tuple[str, ...] = ()) -> Values:
    layers = [layer(text, f"layer{number}.yaml") for number, text in enumerate(texts)]
    return merge([*layers, *map(parse_set, sets)])


OVERRIDES = {
    "nothing": [b"{}"],
    "a map is merged deeply": [b"map: {b: {e: 3}}"],
    "a list is replaced": [b"list: [c]"],
    "an empty list replaces": [b"list: []"],
    "an empty map changes nothing": [b"map: {}"],
    "null deletes a scalar": [b"image: {digest: null}"],
    "null deletes a map": [b"map: null"],
    "null deletes a nested map": [b"map: {b: null}"],
    "null over a null default at the top": [b"nothing: null"],
    "null over a nested null default stays": [b"map: {b: {d: null}}"],
    "null without a default stays": [b"other: null\nimage: {other: null}\nnew: {map: {x: null}}"],
    "null inside a list stays": [b"list: [null, {a: null}]"],
    "a scalar over a map": [b"map: 3"],
    "a list over a map": [b"map: [1]"],
    "a map over a scalar": [b"last: {a: 1, b: null}"],
    "a map over null": [b"nothing: {a: null, b: 1}"],
    "a map over a list": [b"list: {a: 1}"],
    "nested scalar over map": [b"map: {b: x}"],
    "nested map over scalar": [b"map: {a: {x: 1}}"],
    "null, then a map again": [b"map: null", b"map: {z: 1}"],
    "a map, then null": [b"map: {z: 1}", b"map: null"],
    "null, then a scalar": [b"last: null", b"last: false"],
    "three layers": [b"image: {digest: x}", b"image: {tag: z}", b"image: {tag: null}"],
    "global": [b"global: {a: null, b: 1}"],
    "empty string, zero, false": [b"image: {repository: ''}\nlast: false\nmap: {a: 0}"],
}


@pytest.mark.parametrize("case", OVERRIDES)
def test_merges_as_helm_does(case: str, helm_values: Callable[..., Any], as_json: Callable[[Any], str]) -> None:
    values = merged(DEFAULTS, *OVERRIDES[case])
    assert as_json(values.data) == as_json(helm_values(DEFAULTS, *OVERRIDES[case]))
    assert as_json(values.data) == as_json(helm_values(DEFAULTS, stdin=to_helm_json(values.for_helm())))


TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "x", "é\U0001f600\u2028\x7f\x85\n\t\"'\\"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("pqr"), inner, max_size=3),
    max_leaves=8,
)
MAPS = st.dictionaries(st.sampled_from("pqr"), TREES, max_size=3)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(defaults=MAPS, layers=st.lists(MAPS, max_size=3))
def test_generated_layers_merge_as_in_helm(
    helm_values: Callable[..., Any], as_json: Callable[[Any], str], defaults: dict[str, Any], layers: list[dict[str, Any]]
) -> None:
    texts = [to_helm_json(data) for data in (defaults, *layers)]
    values = merged(*texts)
    assert as_json(values.data) == as_json(helm_values(*texts))
    assert as_json(values.data) == as_json(helm_values(texts[0], stdin=to_helm_json(values.for_helm())))


@pytest.mark.parametrize("text", ["a[0].b=,", "a[0].b=,c=1", "a[0]=", "a.b=", "a[0][1]="])
def test_an_empty_value_that_helm_keeps(text: str, helm_values: Callable[..., Any], as_json: Callable[[Any], str]) -> None:
    assert as_json(merged(b"{}", sets=(text,)).data) == as_json(helm_values(b"{}", sets=(text,)))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(layers=st.lists(MAPS, min_size=1, max_size=4))
def test_every_path_has_an_origin(layers: list[dict[str, Any]]) -> None:
    values = merged(*map(to_helm_json, layers))
    assert set(values.origins) == set(_paths(values.data, ()))
    assert all(origin.line == 1 and origin.column > 0 for origin in values.origins.values())


def _paths(value: Any, path: tuple[str | int, ...]) -> list[tuple[str | int, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, item in items for found in _paths(item, (*path, key)))]


def test_origin_is_the_last_place_that_wrote_it() -> None:
    values = merged(DEFAULTS, b"image:\n  digest: x\nlist: [c]\n", sets=("image.tag=HG0105a,map.b.c=4",))
    places = {name: (origin.file, origin.line, origin.column) for name, _, origin in explain(values)}
    assert places["image.repository"] == ("layer0.yaml", 2, 15)
    assert places["image.digest"] == ("layer1.yaml", 2, 11)
    assert places["list[0]"] == ("layer1.yaml", 3, 8)
    assert places["image.tag"] == ("--set", 1, 1)
    assert places["map.b.c"] == ("--set", 1, 19)
    assert values.origins["image", "digest"].key_column == 3
    assert values.origins["image", "tag"].text == "--set image.tag"
    assert values.origins["image", "digest"].text == "layer1.yaml:2:11"


def test_explain_keeps_the_order_of_the_documents() -> None:
    values = merged(DEFAULTS, b"zebra: 1\nlast: false\nempty: {}\n")
    assert [(name, value) for name, value, _ in explain(values)] == [
        ("image.repository", "r"),
        ("image.digest", ""),
        ("list[0]", "a"),
        ("list[1]", "b"),
        ("map.a", 1),
        ("map.b.c", 2),
        ("last", False),
        ("zebra", 1),
        ("empty", {}),
    ]


def test_a_deleting_null_is_remembered() -> None:
    values = merged(DEFAULTS, b"image:\n  digest: null\n")
    assert ("image", "digest") not in values.origins
    assert values.deleted["image", "digest"].line == 2
    assert values.for_helm() == {"image": {"digest": None}}


def test_origin_of_a_missing_path_is_its_parents() -> None:
    values = merged(DEFAULTS)
    found = values.origin(("map", "b", "missing", 0))
    assert found is not None
    assert (found.line, found.key_column) == (5, 13)
    assert Values({}, {}).origin(("a",)) is None


def test_for_helm_is_a_copy() -> None:
    values = merged(DEFAULTS, b"map: {a: 5}")
    values.for_helm()["map"]["a"] = 6
    assert values.for_helm() == {"map": {"a": 5}}


def test_no_layer_is_no_values() -> None:
    assert merge([]).data == {}
    assert explain(merge([])) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("a",), "a"),
        (("networkPolicy", "from", 0, "namespace"), "networkPolicy.from[0].namespace"),
        (("podLabels", "app.kubernetes.io/name"), r"podLabels.app\.kubernetes\.io/name"),
        (("a", 0, 1), "a[0][1]"),
        (("a", 0.1), r"a.0\.1"),
    ],
)
def test_dotted(path: tuple[str | int, ...], text: str) -> None:
    assert dotted(path) == text


@settings(max_examples=200, deadline=None, derandomize=True)
@given(keys=st.lists(st.text(min_size=1, max_size=4), min_size=1, max_size=4))
def test_dotted_is_what_set_takes(keys: list[str]) -> None:
    assert parse_set(f"{dotted(tuple(keys))}=x").assignments[0].path == tuple(keys)


# What stands below, the arguments.
SETS: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "nested": (b"{}", ("a.b=c",)),
    "several": (b"{}", ("a=1,b=x,c.d=true",)),
    "several arguments": (b"{}", ("a.x=1", "a.y=2", "a.x=3")),
    "types": (b"{}", ("a=true,b=FALSE,c=null,d=0,e=007,f=-5,g=+5,h=1.5,i=1e3,j=,k=yes,l=~,m=0x1F,n=TrUe,o=-0,p=Null",)),
    "escapes": (b"{}", (r"a=x\,y,b\.c=1,d=\\,e=\{x\},f\[0\]=2,g\=h=3",)),
    "equals in a value": (b"{}", ("a=b=c,d=[x]",)),
    "a list": (b"{}", (r"a={x,1,true,null,},b={x\,y},c={}",)),
    "an index": (b"{}", ("a[0]=x,a[2]=z,b[1].c=1,b[1].d=2",)),
    "an index of an index": (b"{}", ("a[0][1]=x,a[0][0].b=y",)),
    "an index into a file's list": (b"a: [{b: 1, c: 2}, 5]", ("a[0].b=7,a[1]=6,a[3]=8",)),
    "a map over a list's scalar": (b"a: [5]", ("a[0].b=7",)),
    "a list in a list's hole": (b"a: [null]", ("a[0][0]=7",)),
    "a comma at the end": (b"{}", ("a=1,",)),
    "a comma after a list": (b"{}", ("a={1,2},",)),
    "null deletes what the file set": (b"image: {digest: x}", ("image.digest=null,list=null",)),
    "blanks are kept": (b"{}", ("a= x ,b=y z",)),
    "unicode": (b"{}", ("ä.ö=ü\U0001f600",)),
    "a scalar over a map": (b"map: {a: 1}", ("map=5",)),
    "the chart's list is not seen": (b"{}", ("list[1]=z",)),
}


@pytest.mark.parametrize("case", SETS)
def test_set_means_what_it_means_to_helm(case: str, helm_values: Callable[..., Any], as_json: Callable[[Any], str]) -> None:
    file, sets = SETS[case]
    values = merged(DEFAULTS, file, sets=sets)
    assert as_json(values.data) == as_json(helm_values(DEFAULTS, file, sets=sets))
    assert as_json(values.data) == as_json(helm_values(DEFAULTS, stdin=to_helm_json(values.for_helm())))


@pytest.mark.parametrize(
    ("file", "argument", "column"),
    [(b"a: x", "a.b=1", 1), (b"a: x", "c=1,a[0]=1", 5), (b"a: null", "a.b=1", 1), (b"a: [x]", "a[0][0]=1", 1), (b"a: {b: 1}", "a[0]=1", 1)],
)
def test_set_does_not_reach_into_scalars(file: bytes, argument: str, column: int, helm_values: Callable[..., Any]) -> None:
    with pytest.raises(InvalidSet, match="is not a") as caught:
        merged(b"{}", file, sets=(argument,))
    assert caught.value.column == column
    assert "layer1.yaml:1:" in caught.value.message
    with pytest.raises(AssertionError):
        helm_values(b"{}", file, sets=(argument,))


def test_parse_set_has_data_and_positions() -> None:
    found = parse_set("image.tag=HG0105a,list[0]=x")
    assert found.document.data == {"image": {"tag": "HG0105a"}, "list": ["x"]}
    assert found.document.positions["list", 0].column == 19
    assert found.name == found.document.file == "--set"


def test_helm_json_is_json() -> None:
    data = {"a": "\U0001f600\u2028\x7f\x85\ufeff", "b": [1, None, 1.5]}
    text = to_helm_json(data)
    assert json.loads(text) == data
    assert "\U0001f600" in text.decode()
    with pytest.raises(ValueError, match="JSON"):
        to_helm_json({"a": float("nan")})
