"""Documents: data and positions as Helm reads them, every mistake with its place and what to write instead, never a traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from helmtool.errors import Problem
from helmtool.model.document import MAX_BYTES, Document, InvalidDocument, Position, parse_document

REAL_FILE = (Path(__file__).parents[3] / "charts" / "newdqmgui" / "values.yaml").read_bytes()


def problems(text: bytes | str) -> tuple[Problem, ...]:
    with pytest.raises(InvalidDocument) as caught:
        parse_document("values/x.yaml", text.encode() if isinstance(text, str) else text)
    assert caught.value.exit_code == 3
    assert caught.value.code == "invalid-yaml"
    return caught.value.problems


def test_data_and_positions() -> None:
    text = b"# top\nimage:\n  tag: HG0105a\n  list:\n    - x\n    - a: 'no'\nflow: {k: [1, 2]}\n"
    document = parse_document("values/x.yaml", text)
    assert document.data == {"image": {"tag": "HG0105a", "list": ["x", {"a": "no"}]}, "flow": {"k": [1, 2]}}
    assert document.positions == {
        (): Position(2, 1, 2, 1),
        ("image",): Position(3, 3, 2, 1),
        ("image", "tag"): Position(3, 8, 3, 3),
        ("image", "list"): Position(5, 5, 4, 3),
        ("image", "list", 0): Position(5, 7, 5, 7),
        ("image", "list", 1): Position(6, 7, 6, 7),
        ("image", "list", 1, "a"): Position(6, 10, 6, 7),
        ("flow",): Position(7, 7, 7, 1),
        ("flow", "k"): Position(7, 11, 7, 8),
        ("flow", "k", 0): Position(7, 12, 7, 12),
        ("flow", "k", 1): Position(7, 15, 7, 15),
    }


def test_the_chart_reads_as_pyyaml_reads_it() -> None:
    document = parse_document("values.yaml", REAL_FILE)
    assert document.data == yaml.safe_load(REAL_FILE)
    assert len(document.positions) > 100


ACCEPTED = r"""
truth: [true, True, TRUE, false, False, FALSE]
nothing: [null, ~, Null, NULL, ]
empty:
integers: [0, 1, -1, +5, 8889, 9007199254740992, -0]
decimals: [0.5, -1.25, 10.0, 3.14]
words: [yEs, nO, oN, tRUE, nan, inf, "no", 'on', HG0105a, 200m, 3Gi, 1.2.3, 10.0.0.0/8, 1:99x, 12h, -x, +x, .x, ., -., 0x, 0o, 0b, 0b2, 0xg]
versions: [1.2.3.4, sha256:00, _1, 0_x]
more: [1-2-3, 2024-1, 1e, e1, 1.e, "1e3", "0644", '2024-01-01', =, a=b, "<<", "~", "null", 1__x, 8889:8889]
text: !!str 0644
block: |
  no
  \ta tab inside a block is text
folded: >-
  a
  b
escapes: "\u00e9\t\x07\U0001f600 \0"
"quoted key": 1
"y": 1
"1": 1
é: ü
tab:\tafter
anchor: &anchor {a: 1, b: [2]}
alias: *anchor
merged: {<<: *anchor, a: 3}
merged list: {<<: [*anchor, {a: 4, c: 5}], d: 6}
deep: {<<: {<<: *anchor, e: 1}, f: 2}
""".replace(r"\ta", "\ta")


def test_reads_as_helm_reads(helm_values: Callable[..., Any], as_json: Callable[[Any], str]) -> None:
    document = parse_document("values.yaml", ACCEPTED.encode())
    assert as_json(document.data) == as_json(helm_values(b"{}", ACCEPTED.encode()) | {"empty": None})


def test_windows_line_ends(helm_values: Callable[..., Any], as_json: Callable[[Any], str]) -> None:
    text = b"a:\r\n  b: x\r\n  c: |\r\n    one\r\n    two\r\n"
    document = parse_document("values.yaml", text)
    assert document.positions["a", "b"] == Position(2, 6, 2, 3)
    assert as_json(document.data) == as_json(helm_values(b"{}", text))


@pytest.mark.parametrize(
    ("text", "line", "column", "path", "message"),
    [
        ("", 1, 1, "", "the file is empty: write `{}`"),
        ("# only a comment\n", 1, 1, "", "the file is empty"),
        ("---\n", 1, 1, "", "the file is empty"),
        ("null\n", 1, 1, "", "the file is empty"),
        ("- a\n", 1, 1, "", "expected keys and values at the top, found a list"),
        ("\nword\n", 2, 1, "", "expected keys and values at the top, found a single value"),
        ("a: 1\n---\nb: 2\n", 2, 1, "", "a second document starts here"),
        ("%YAML 1.1\n---\na: 1\n", 1, 1, "", "a `%` directive"),
        ("\ufeffa: 1\n", 1, 1, "", "byte order mark"),
        ("a: 1\nb: \x07\n", 2, 4, "", "control character U+0007"),
        ("a: 1\nb: x\x85y\n", 2, 5, "", "control character U+0085"),
        ("a: 1\nb: x\u2028y\n", 2, 5, "", "control character U+2028"),
        ("a: 1\rb: 2\n", 1, 5, "", "control character U+000D"),
        ("a:\n\tb: 1\n", 2, 1, "", "a tab indents this line: indent with spaces"),
        ("a:\n  b:\n  \tc: 1\n", 3, 3, "", "a tab indents this line"),
        ("a: 1\nb: 2\na: 3\n", 3, 1, "a", "the key stands here twice, first at line 1, column 1"),
        ("x:\n  a: 1\n  a: 1\n", 3, 3, "x.a", "first at line 2, column 3"),
        ('a: 1\n"a": 1\n', 2, 1, "a", "the key stands here twice"),
        ("x: [{a: 1, a: 2}]\n", 1, 12, "x[0].a", "the key stands here twice"),
        ("a: no\n", 1, 4, "a", 'without quotes is false to Helm: write false, or "no"'),
        ("a: [x, On]\n", 1, 8, "a[1]", 'without quotes is true to Helm: write true, or "On"'),
        ("y: 1\n", 1, 1, "y", 'the key `y` without quotes is no text to Helm: write "y"'),
        ("a: {NO: 1}\n", 1, 5, "a.NO", "the key `NO` without quotes"),
        ("true: 1\n", 1, 1, "true", "the key `true` without quotes"),
        ("1: 1\n", 1, 1, "1", "the key `1` without quotes"),
        ("0x1F: 1\n", 1, 1, "0x1F", "the key `0x1F` without quotes"),
        ("~: 1\n", 1, 1, "~", "the key `~` without quotes"),
        ("? [a]\n: 1\n", 1, 3, "", "a key is a list: keys must be text"),
        ("{{a: 1}: 2}\n", 1, 2, "", "a key is keys and values: keys must be text"),
        ("a: &k x\n*k : 2\n", 2, 1, "", "the alias *k stands for a key"),
        ("&k a: 1\n", 1, 1, "a", "the anchor &k stands before a key"),
        ("a: [x? , z]\n", 1, 5, "a[0]", "a question mark ends a word"),
        ("a: {x? : z}\n", 1, 5, "a.x?", "a question mark ends a word"),
        ("a: &x [*x]\n", 1, 8, "a[0]", "the anchor &x contains itself"),
        ("a: &x\n  b: {c: *x}\n", 2, 10, "a.b.c", "the anchor &x contains itself"),
        ("a: *x\n", 1, 4, "a", "no anchor &x"),
        ("a: 1\nb:\n  d: 1\n  <<: {e: 1}\n", 4, 3, "b.<<", "write `<<` as the first key"),
        ("b: {c: 1, <<: {d: 1}}\n", 1, 11, "b.<<", "write `<<` as the first key"),
        ("b: {<<: 1}\n", 1, 5, "b", "`<<` takes an alias"),
        ("a: !!python/object/apply:os.system [x]\n", 1, 4, "a", "the tag !!python/object/apply:os.system is not allowed"),
        ("a: !!int '3'\n", 1, 4, "a", "the tag !!int is not allowed"),
        ("a: !mine x\n", 1, 4, "a", "the tag !mine is not allowed"),
        ("a: ! x\n", 1, 4, "a", "the tag ! is not allowed"),
        ("a: !!set {x}\n", 1, 4, "a", "the tag !!set is not allowed"),
        ("!!int a: 1\n", 1, 1, "a", "the tag !!int is not allowed"),
        ("a: 0644\n", 1, 4, "a", "a number in another base"),
        ("a: 0o644\n", 1, 4, "a", "a number in another base"),
        ("a: 0x1F\n", 1, 4, "a", "a number in another base"),
        ("a: 0b11\n", 1, 4, "a", "a number in another base"),
        ("a: -0b1_1\n", 1, 4, "a", "a number in another base"),
        ("a: 08\n", 1, 4, "a", "a number to Helm"),
        ("a: 1_000\n", 1, 4, "a", "a number to Helm"),
        ("a: 1e3\n", 1, 4, "a", "a number to Helm"),
        ("a: 12e03\n", 1, 4, "a", "a number to Helm"),
        ("a: .5\n", 1, 4, "a", "a number to Helm"),
        ("a: 5.\n", 1, 4, "a", "a number to Helm"),
        ("a: 1.10\n", 1, 4, "a", 'write 1.1, or "1.10"'),
        ("a: 12:30\n", 1, 4, "a", "a base-60 number"),
        ("a: 2024-01-01\n", 1, 4, "a", "a date"),
        ("a: 2024-1-1T12:00:00Z\n", 1, 4, "a", "a date"),
        ("a: .nan\n", 1, 4, "a", "no number that JSON knows"),
        ("a: -.Inf\n", 1, 4, "a", "no number that JSON knows"),
        ("a: 9007199254740993\n", 1, 4, "a", "beyond 9007199254740992"),
        ("a: " + "9" * 10_000 + "\n", 1, 4, "a", "beyond 9007199254740992"),
        ("a: " + "9" * 400 + ".5\n", 1, 4, "a", "the number is too large"),
        ("a: b: c\n", 1, 5, "", "not YAML: mapping values are not allowed"),
        ("a: [1, 2\n", 2, 1, "", "not YAML: "),
        ("a: 'x\n", 2, 1, "", "not YAML: "),
        ("a: @x\n", 1, 4, "", "not YAML: "),
        ("a: {{ .Values.x }}\n", 1, 5, "a", "a key is keys and values"),
    ],
)
def test_refuses_with_place_and_advice(text: str, line: int, column: int, path: str, message: str) -> None:
    [problem] = problems(text)
    assert message in problem.message
    assert (problem.file, problem.line, problem.column, problem.path) == ("values/x.yaml", line, column, path)


@pytest.mark.parametrize(
    ("text", "line", "column"), [(b"a: \xff\n", 1, 4), (b"a: 1\nb: \xc3\xa9\xc3(\n", 2, 5), ("a: 1\n".encode("utf-16"), 1, 1)]
)
def test_not_utf8(text: bytes, line: int, column: int) -> None:
    [problem] = problems(text)
    assert "is not UTF-8" in problem.message
    assert (problem.line, problem.column) == (line, column)


def test_all_problems_at_once() -> None:
    found = problems("a: no\ny: 1\nb: 0644\na: 2\nc: !x 1\nd: [{e: on}]\n")
    assert [(problem.line, problem.path) for problem in found] == [(1, "a"), (2, "y"), (3, "b"), (4, "a"), (5, "c"), (6, "d[0].e")]


def test_every_tab_at_once() -> None:
    assert [problem.line for problem in problems("a:\n\tb: 1\n\tc: 2\nd: 3\n")] == [2, 3]


def test_many_problems_are_cut() -> None:
    assert len(problems("a:\n" + "- no\n" * 1000)) == 50


def test_a_secret_is_not_shown() -> None:
    found = problems("secrets:\n  data:\n    password: 0644\n    other: !x hunter2\n")
    assert len(found) == 2
    assert not any("0644" in str(problem) or "hunter2" in str(problem) for problem in found)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "a: " + "{a: " * 1000,
        "- " * 5000,
        "? " * 5000,
        "a: " + "[" * 60 + "]" * 60,
        "".join(" " * n + "a:\n" for n in range(1000)),
    ],
)
def test_deep_nesting_costs_no_stack(text: str) -> None:
    assert any("nested deeper than 50 levels" in problem.message for problem in problems(text)) or "key" in problems(text)[0].message


def test_aliases_multiply_only_so_far() -> None:
    laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    laughs += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))
    [problem] = problems(laughs)
    assert "once its aliases are expanded" in problem.message


def test_aliases_nest_only_so_far() -> None:
    chain = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 80))
    [problem] = problems(chain)
    assert "nested deeper than 50 levels once its aliases are expanded" in problem.message


def test_merge_keys_multiply_only_so_far() -> None:
    chain = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}], k{n}: 1}}\n" for n in range(1, 40))
    assert len(parse_document("x", chain.encode()).data["a39"]) == 40


def test_merged_keys_keep_their_places() -> None:
    document = parse_document("x", b"base: &b\n  a: 1\n  c: 2\nuse:\n  <<: *b\n  c: 3\n")
    assert document.data["use"] == {"a": 1, "c": 3}
    assert document.positions["use", "a"] == Position(2, 6, 2, 3)
    assert document.positions["use", "c"] == Position(6, 6, 6, 3)


def test_an_alias_has_its_own_place() -> None:
    document = parse_document("x", b"base: &b {a: 1}\nuse: *b\n")
    assert document.positions["use",] == Position(2, 6, 2, 1)
    assert document.positions["use", "a"] == Position(1, 14, 1, 11)
    document.data["use"]["a"] = 2
    assert document.data["base"] == {"a": 1}


def test_a_large_file_is_refused() -> None:
    [problem] = problems(b"a: " + b"x" * MAX_BYTES)
    assert "bytes" in problem.message


def test_works_without_the_c_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = parse_document("values.yaml", REAL_FILE)
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    assert parse_document("values.yaml", REAL_FILE) == expected
    for text in ("a: b: c\n", "a:\n\tb: 1\n", "a: [", 'a: "\\ud800"\n', "[" * 5000):
        assert problems(text)


def read_or_refuse(text: bytes) -> Document | None:
    try:
        return parse_document("values/x.yaml", text)
    except InvalidDocument as error:
        found = error.problems
    assert found
    assert all(problem.line >= 1 and problem.column >= 1 and problem.message for problem in found)
    return None


def assert_positions_are_complete(document: Document) -> None:
    def paths(value: Any, path: tuple[str | int, ...]) -> set[tuple[str | int, ...]]:
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        return {path}.union(*(paths(item, (*path, key)) for key, item in items))

    assert set(document.positions) == paths(document.data, ())


@settings(max_examples=1000, deadline=None, derandomize=True)
@given(text=st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(text: bytes) -> None:
    read_or_refuse(text)


@settings(max_examples=1500, deadline=None, derandomize=True)
@given(text=st.text(alphabet="ab01y:-?[]{},&*!|>'\"%@`#~.<= \n\t\r\x00\ufeff\u2028é", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    document = read_or_refuse(text.encode())
    if document:
        assert_positions_are_complete(document)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    at=st.integers(0, len(REAL_FILE)),
    cut=st.integers(0, 30),
    put=st.binary(max_size=6) | st.sampled_from([b"\t", b"&a ", b"*a", b"<<: ", b"---\n", b"no"]),
)
def test_a_damaged_file_is_read_or_refused(at: int, cut: int, put: bytes) -> None:
    document = read_or_refuse(REAL_FILE[:at] + put + REAL_FILE[at + cut :])
    if document:
        assert_positions_are_complete(document)


def test_the_recursion_limit_is_never_met() -> None:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(400)
    try:
        problems("[" * 2000)
    finally:
        sys.setrecursionlimit(before)


def test_what_the_messages_say_about_helm(helm_values: Callable[..., Any]) -> None:
    """The refused words do mean to Helm what the messages say."""
    words = {
        "no": False,
        "On": True,
        "0644": 420,
        "0o644": 420,
        "0x1F": 31,
        "0b11": 3,
        "08": 8,
        "1_000": 1000,
        "1e3": 1000,
        ".5": 0.5,
        "1.10": 1.1,
    }
    texts = ["12:30", "2024-01-01"]
    text = "".join(f"w{number}: {word}\n" for number, word in enumerate([*words, *texts]))
    read = helm_values(b"{}", text.encode())
    assert [read[f"w{number}"] for number in range(len(words) + len(texts))] == [*words.values(), *texts]
    assert len(problems(text)) == len(words) + len(texts)
    assert helm_values(b"{}", b"y: 1\nno: 2\n5: 3\n") == {"true": 1, "false": 2, "5": 3}
    assert helm_values(b"{}", b"a: {c: 1, <<: {c: 2}}\n") == {"a": {"c": 2}}
    assert helm_values(b"{}", b"a: 9007199254740993\n") == {"a": 9007199254740992}
