"""Sizes in words."""

from __future__ import annotations

import pytest

from helmtool.model.size import in_words


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1_200_000_000, "1.2 GB"), (10**12, "1.0 TB"), (5 * 10**15, "5000.0 TB")],
)
def test_words(size: int, words: str) -> None:
    assert in_words(size) == words
