"""Rendered YAML is read as kubectl reads it, which converts it with the same library as Helm and without asking a cluster."""

from __future__ import annotations

import json
import os
import random
import subprocess
from typing import Any

import pytest

from helmtool.adapters import toolbox
from helmtool.model.rendered import load_all

SEED = 20
WORDS = (
    *("1e+06", "1000000.0", "0o17", "017", "089", "1_000", "12:30:45", "1.", ".5", "~", "y", "off", "NO", "2026-01-05", "1e21", "-0.0"),
    *("9007199254740993", "9223372036854775807", "9223372036854775808", "18446744073709551615", "-9223372036854775809", "0x1F", "0b101"),
    *("1234567890123456789.0", "{1: a, 1.5: b, 1e6: c, yes: d}", "{a: 1, a: 2}", "{<<: {b: 1}, b: 2}", "{b: 2, <<: {b: 1}}", "!!float 12"),
    "!!binary aGVsbG8=",
)


def document(words: tuple[str, ...]) -> str:
    return "apiVersion: v1\nkind: Anything\nmetadata: {name: a}\nspec:\n" + "".join(f"- {word}\n" for word in words)


def by_kubectl(words: tuple[str, ...]) -> list[Any] | None:
    """What kubectl makes of unquoted words; None if it refuses one of them."""
    argv = [str(toolbox.find("kubectl")), "label", "--local", "-f", "-", "a=b", "-o", "json"]
    variables = {**os.environ, "KUBECONFIG": os.devnull}
    done = subprocess.run(argv, input=document(words).encode(), capture_output=True, timeout=60, check=False, env=variables)
    return list(json.loads(done.stdout)["spec"]) if done.returncode == 0 else None


def random_words() -> tuple[str, ...]:
    """Words of the characters of numbers, that YAML takes as one and where Go has no rules of its own for underscores (after a dot)."""
    chance = random.Random(SEED)
    drawn = ("".join(chance.choice("0011223789_.eE+-xob:aFNnyt") for _ in range(chance.randint(1, 7))) for _ in range(4000))
    return tuple(sorted({word for word in drawn if not word.startswith(("-", ".")) and ":" not in word[-1]}))


@pytest.mark.parametrize("words", [WORDS, random_words()], ids=["chosen", "random"])
def test_words_mean_what_kubectl_reads(words: tuple[str, ...]) -> None:
    (ours,) = load_all(document(words))
    theirs = by_kubectl(words)
    assert theirs is not None
    differing = [(w, o, t) for w, o, t in zip(words, ours["spec"], theirs, strict=True) if as_json(o) != as_json(t)]
    assert not differing


def as_json(value: Any) -> str:
    """JSON as Go's decoder reads it again: a number beyond 64 bits is a float64."""
    beyond = isinstance(value, int) and not -(2**63) <= value < 2**63
    return json.dumps(float(value) if beyond else value)


@pytest.mark.parametrize("word", [".inf", ".nan", "{~: a}", "{[1]: a}"])
def test_kubectl_refuses_it_too(word: str) -> None:
    assert by_kubectl((word,)) is None
