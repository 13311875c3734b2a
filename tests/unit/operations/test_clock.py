"""The time and the person."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime, timedelta

import pytest

from helmtool.operations import clock


def ago(**delta: float) -> str:
    return (datetime.now(UTC) - timedelta(**delta)).isoformat()


@pytest.mark.parametrize(
    ("delta", "age"),
    [
        ({"seconds": 42.5}, "42s"),
        ({"seconds": 58}, "58s"),
        ({"seconds": 61}, "1m"),
        ({"minutes": 59, "seconds": 30}, "59m"),
        ({"hours": 5, "minutes": 40}, "5h"),
        ({"days": 12, "hours": 3}, "12d"),
        ({"days": 400}, "400d"),
        ({"seconds": -30}, "0s"),
    ],
)
def test_age_in_one_unit(delta: dict[str, float], age: str) -> None:
    assert clock.age(ago(**delta)) == age


def test_now_is_rfc_3339_in_utc_and_readable_again() -> None:
    moment = clock.now()
    assert moment.endswith("Z")
    assert abs(datetime.fromisoformat(moment) - datetime.now(UTC)) < timedelta(seconds=5)


def test_helms_nanoseconds_are_read() -> None:
    assert clock.age((datetime.now(UTC) - timedelta(hours=2, minutes=1)).strftime("%Y-%m-%dT%H:%M:%S.123456789Z")) == "2h"


@pytest.mark.parametrize("moment", ["", "yesterday", "2026-01-05T10:00:00", None])
def test_an_unknown_moment_has_no_age(moment: str) -> None:
    assert clock.age(moment) == "-"


def test_who_is_the_account_at_its_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.node", lambda: "host")
    monkeypatch.setattr(getpass, "getuser", lambda: "ann")
    assert clock.who() == "ann@host"


@pytest.mark.parametrize("error", [OSError, KeyError, ImportError])
def test_an_account_without_a_name_is_unknown(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    def fail() -> str:
        raise error

    monkeypatch.setattr("platform.node", lambda: "host")
    monkeypatch.setattr(getpass, "getuser", fail)
    assert clock.who() == "unknown@host"
