"""Durations: what Helm takes, and nothing else."""

from __future__ import annotations

import pytest

from helmtool.errors import UsageError
from helmtool.model.duration import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10m", 600), ("90s", 90), ("1h30m", 5400), ("1.5h", 5400), ("500ms", 0.5), ("0s", 0), ("1h1m1s1ms", 3661.001), ("1m1m", 120)],
)
def test_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10",
        "m",
        "-5m",
        "+5m",
        "10 m",
        " 10m",
        "10m ",
        "10m\n",
        "10min",
        "1d",
        "5M",
        "1h30",
        "1,5h",
        ".5h",
        "1..5h",
        "\uff11\uff10m",
        "\u0663m",
        "1e3s",
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a duration: expected a number with a unit"):
        parse_duration(text)
