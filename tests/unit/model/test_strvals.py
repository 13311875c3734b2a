"""The grammar of `--set`: every mistake with its position (what is accepted is compared with Helm in test_values.py)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helmtool.model.strvals import MAX_INDEX, Assignment, InvalidSet, parse_assignments


def test_assignments_in_order_with_their_columns() -> None:
    assert parse_assignments(r"a.b=1,c[0].d={x,null},e\.f=") == (
        Assignment(("a", "b"), 1, 1),
        Assignment(("c", 0, "d"), ["x", None], 7),
        Assignment(("e.f",), "", 23),
    )


@pytest.mark.parametrize(
    ("text", "reason", "column"),
    [
        ("", "a key is missing", 1),
        ("=x", "a key is missing", 1),
        ("a", "a key without a value", 2),
        ("a.b", "a key without a value", 4),
        ("a,b=1", "a key without a value", 1),
        ("a=1,b", "a key without a value", 6),
        ("a=1,,b=2", "a key is missing", 5),
        ("a..b=1", "a key is missing", 3),
        ("a.=1", "a key is missing", 3),
        (".a=1", "a key is missing", 1),
        ("[0]=1", "a key is missing", 1),
        ("a[x]=1", "a list index is a number", 3),
        ("a[-1]=1", "a list index is a number", 3),
        ("a[]=1", "a list index is a number", 3),
        ("a[0=1", "a list index is a number", 3),
        ("a[\u0661]=1", "a list index is a number", 3),
        (f"a[{MAX_INDEX + 1}]=1", f"at most {MAX_INDEX}", 3),
        ("a[99999999999999999999]=1", f"at most {MAX_INDEX}", 3),
        ("a[0]b=1", "unexpected `b`", 5),
        ("a[0],b=1", "unexpected `,`", 5),
        ("a[0]", "a key without a value", 5),
        ("a={x,y", "the list does not end", 3),
        ("a={x}y", "a comma follows", 6),
        ("a=x\\", "escapes nothing", 4),
        ("a[0].b=", "Helm drops an empty value", 1),
        ("x=1,a.b[1][0].c.d=", "Helm drops an empty value", 5),
        ("a=9007199254740993", "beyond 9007199254740992", 3),
        ("a=" + "9" * 5000, "beyond 9007199254740992", 3),
        (".".join("a" * 31) + "=1", "nested deeper than 30 levels", 1),
    ],
)
def test_refuses_with_position(text: str, reason: str, column: int) -> None:
    with pytest.raises(InvalidSet, match=reason) as caught:
        parse_assignments(text)
    [problem] = caught.value.problems
    assert (problem.file, problem.line, problem.column) == ("--set", 1, column)
    assert caught.value.column == column
    assert caught.value.exit_code == 3
    assert caught.value.code == "invalid-set"


def test_a_message_does_not_show_the_value() -> None:
    with pytest.raises(InvalidSet) as caught:
        parse_assignments("secrets.data.x={hunter2")
    assert "hunter2" not in f"{caught.value.message} {caught.value.hint} {caught.value.problems}"


@settings(max_examples=500, deadline=None, derandomize=True)
@given(text=st.text(alphabet="ab01.=[]{},\\-é \x00"))
def test_any_text_is_read_or_refused(text: str) -> None:
    column = 1
    try:
        assert parse_assignments(text)
    except InvalidSet as error:
        column = error.column
    assert 1 <= column <= len(text) + 1
