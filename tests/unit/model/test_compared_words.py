"""Lines that replace each other, word by word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helmtool.model.words import compare_words


@pytest.mark.parametrize(
    ("before", "after", "old", "new"),
    [
        ("image: x:HG0105a", "image: x:HG0205a", ["HG0105a"], ["HG0205a"]),
        ("set -e", "set -eu", ["e"], ["eu"]),
        ("same", "same", [], []),
        ("", "new", [], ["new"]),
        ("old", "", ["old"], []),
        ("nothing in common", "€€€€€€€€", ["nothing in common"], ["€€€€€€€€"]),
    ],
)
def test_the_words_that_differ(before: str, after: str, old: list[str], new: list[str]) -> None:
    left, right = compare_words(before, after)
    assert [text for text, differs in left if differs] == old
    assert [text for text, differs in right if differs] == new


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_character_is_lost(before: str, after: str) -> None:
    left, right = compare_words(before, after)
    assert "".join(text for text, _ in left) == before
    assert "".join(text for text, _ in right) == after


def test_a_very_long_line_is_told_as_a_whole() -> None:
    long = "word " * 5000
    assert compare_words(long, f"{long}x") == ([(long, True)], [(f"{long}x", True)])
