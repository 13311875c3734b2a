"""Unquoted words: what is accepted means the same to Helm; the rest is refused."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from helmtool.model.document import InvalidDocument, parse_document
from helmtool.model.scalar import AmbiguousScalar, resolve_plain


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("Null", None),
        ("true", True),
        ("False", False),
        ("0", 0),
        ("-7", -7),
        ("+5", 5),
        ("0.25", 0.25),
        ("-", "-"),
    ],
)
def test_resolves(text: str, value: Any) -> None:
    found = resolve_plain(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("text", ["yes", "N", "off", "007", "1e5", "1_0", ".1", "1.", "1.50", "1:30", "2024-02-30", ".NaN", "9" * 17])
def test_refuses(text: str) -> None:
    with pytest.raises(AmbiguousScalar, match=r"write|quotes"):
        resolve_plain(text)


def test_generated_words_mean_the_same_to_helm(helm_values: Callable[..., Any], as_json: Callable[[Any], str]) -> None:
    chance = random.Random(3)
    alphabets = ["0123456789.-+_eExobB:", "01.-", "yYnNeEsSoOfFtTrRuUlLaA", "0b1_-+x", "0123456789:-TZ ."]
    words = {"".join(chance.choices(alphabet, k=chance.randint(1, 7))).strip() for alphabet in alphabets for _ in range(1500)}
    accepted = [word for word in sorted(words) if _is_accepted(word)]
    assert 1000 < len(accepted) < len(words)
    text = "".join(f"w{number}: {word}\n" for number, word in enumerate(accepted)).encode()
    assert as_json(parse_document("values.yaml", text).data) == as_json(helm_values(b"{}", text) | _nulls(accepted))


def _is_accepted(word: str) -> bool:
    try:
        parse_document("x", f"w: {word}\n".encode())
    except InvalidDocument:
        return False
    return True


def _nulls(words: list[str]) -> dict[str, None]:
    return {f"w{number}": None for number, word in enumerate(words) if resolve_plain(word) is None}
