"""Rendered YAML: every word means what Helm reads in it, both ways."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from helmtool.model.rendered import dump, load_all
from helmtool.model.text import is_visible


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("2026-01-05", "2026-01-05"),
        ("2026-01-05T10:00:00Z", "2026-01-05T10:00:00Z"),
        ("83:45", "83:45"),
        ("y", True),
        ("n", False),
        ("off", False),
        ("On", True),
        ("nope", "nope"),
        ("017", 15),
        ("0o17", 15),
        ("-0x1f", -31),
        ("0b101", 5),
        ("1_000", 1000),
        ("089", 89),
        ("1e3", 1000),
        ("1e3010", "1e3010"),
        ("18446744073709551615", 2**64 - 1),
        ("18446744073709551616", 2.0**64),
        ("-9_223372036854775809", -(2.0**63)),
        ("0x1ffffffffffffffff", "0x1ffffffffffffffff"),
        ("1" * 5000, "1" * 5000),
        ("1e+06", 1_000_000),
        ("1000000.0", 1_000_000),
        ("2_147.0", 2147),
        ("-0.0", 0),
        ("9.3e18", 9.3e18),
        ("1234567890123456789.0", 1234567890123456800),
        ("1e21", 1e21),
        ("+_1", 1),
        ("0o_", "0o_"),
        ("1e_", "1e_"),
        ("190:20:30.15", "190:20:30.15"),
        ("!!timestamp 2026-01-05", "2026-01-05"),
        ("!!binary aGVsbG8=", "hello"),
        ("!!set {b, c}", {"b": None, "c": None}),
        ("-9.5e309", "-9.5e309"),
        (".5", 0.5),
        ("1.2.3", "1.2.3"),
        ("=", "="),
        ("<<", "<<"),
        ("~", None),
        ("", None),
        ("'y'", "y"),
        ('"12"', "12"),
    ],
)
def test_reads_a_word_as_helm_does(word: str, value: Any) -> None:
    (document,) = load_all(f"a: {word}\n")
    assert document == {"a": value}
    assert type(document["a"]) is type(value)


@pytest.mark.parametrize(
    ("text", "document"),
    [
        ("{1: a, 1.5: b, 1e6: c, true: d, on: e, 0x10: f}", {"1": "a", "1.5": "b", "1e+06": "c", "true": "e", "16": "f"}),
        ("{a: 1, a: 2}", {"a": 2}),
        ("{a: &a {b: 1}, c: {b: 2, <<: *a}, d: {<<: *a, b: 2}}", {"a": {"b": 1}, "c": {"b": 1}, "d": {"b": 2}}),
        ("{<<: [{b: 5}, {b: 6, c: 7}]}", {"b": 5, "c": 7}),
    ],
)
def test_reads_keys_as_helm_does(text: str, document: Any) -> None:
    assert list(load_all(text)) == [document]


@pytest.mark.parametrize(
    "text", [".inf", "-.INF", ".nan", "{~: a}", "{[1]: a}", "{{a: 1}: a}", "{<<: a}", "{<<: [a]}", "!!map ab", "a: !!set [b]"]
)
def test_what_is_no_json_raises(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        list(load_all(text))


@pytest.mark.parametrize(
    "text", ["y", "N", "on", "1e3", "1e3010", "<<", "0o17", "017", "2026-01-05", "83:45", "=", "", "~", "null", "1", ".5", "089", "a", "é"]
)
def test_a_text_stays_a_text_for_both_readers(text: str) -> None:
    written = dump({text: text})
    assert list(load_all(written)) == [{text: text}]
    assert yaml.safe_load(written) == {text: text}


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.recursive(TEXTS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)))
def test_what_cannot_be_seen_is_written_as_an_escape_of_the_same_meaning(document: Any) -> None:
    written = dump(document)
    assert is_visible(written, besides="\n\t")
    assert yaml.safe_load(written) == document


def test_a_text_of_several_lines_is_a_block_and_keys_keep_their_order() -> None:
    assert dump({"b": "one\ntwo\n", "a": [1, True, None]}) == "b: |\n  one\n  two\na:\n- 1\n- true\n- null\n"


def test_reads_several_documents_and_merge_keys() -> None:
    assert list(load_all("---\na: &x {b: 1}\nc: {<<: *x, d: 2}\n---\n---\nz: 1\n")) == [
        {"a": {"b": 1}, "c": {"b": 1, "d": 2}},
        None,
        {"z": 1},
    ]


def test_what_is_not_yaml_raises() -> None:
    with pytest.raises(yaml.YAMLError):
        list(load_all("a: [1"))
