"""What speaks for a promotion, and what against it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from helmtool.model.check import Check, Verdict, check_answer
from helmtool.model.environment import Promotion
from helmtool.model.promotion import Evidence, check_drift, check_record, check_restarts, check_time
from helmtool.model.record import Record

ANSWERS = tuple(str(check_answer(path, 200, "", "service proxy")) for path in ("/", "/api/v1/latest_runs"))
RECORD = Record(3, "release", "deployed", "2026-01-05T10:00:00Z", "ann@lxplus", checks=("prepull: x", *ANSWERS))
NOW = datetime(2026, 1, 6, 9, 0, tzinfo=UTC)


def pod(*restarts: int) -> dict[str, Any]:
    return {"metadata": {"name": "p"}, "status": {"containerStatuses": [{"restartCount": count} for count in restarts]}}


def test_a_release_that_was_verified() -> None:
    assert check_record(RECORD) == Check(Verdict.HOLDS, "verified when ann@lxplus released it")


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (None, "there is no record"),
        (RECORD._replace(outcome="started"), "recorded as started"),
        (RECORD._replace(checks=("verify skipped: --no-verify",)), "verify skipped: --no-verify"),
        (RECORD._replace(checks=(*ANSWERS, "failed: its containers restarted")), "its containers restarted"),
        (RECORD._replace(checks=ANSWERS[:1]), "no answer of the service is recorded"),
        (RECORD._replace(checks=()), "no answer of the service is recorded"),
    ],
)
def test_a_release_that_was_not(record: Record | None, said: str) -> None:
    check = check_record(record)
    assert check.verdict is Verdict.FAILS
    assert said in check.text


@pytest.mark.parametrize(("hours", "verdict"), [(0, Verdict.HOLDS), (23, Verdict.HOLDS), (24, Verdict.FAILS)])
def test_hours(hours: int, verdict: Verdict) -> None:
    check = check_time(RECORD, Promotion("preprod", hours), NOW)
    assert (check.verdict, check.text) == (verdict, f"has run for 23.0 h, {hours} h are asked for")


@pytest.mark.parametrize("when", ["", "yesterday", "2027-01-01T00:00:00Z"])
def test_a_time_that_cannot_be(when: str) -> None:
    assert check_time(RECORD._replace(when=when), Promotion("preprod", 0), NOW).verdict is Verdict.FAILS


def test_restarts() -> None:
    assert check_restarts([pod(0, 0)]).verdict is Verdict.HOLDS
    assert check_restarts([pod(0, 2)]) == Check(Verdict.FAILS, "restarts: p 2")
    assert check_restarts([]).verdict is Verdict.FAILS


def test_drift() -> None:
    assert check_drift([]).verdict is Verdict.HOLDS
    assert check_drift(["Service/x is gone"]) == Check(Verdict.FAILS, "Service/x is gone")
    assert check_drift(None).verdict is Verdict.FAILS


def test_the_evidence_is_told_in_lines() -> None:
    evidence = Evidence("preprod", 3, "HG0105a", "sha256:1", (Check(Verdict.HOLDS, "a"), Check(Verdict.FAILS, "b")))
    assert evidence.against == ("b",)
    assert evidence.lines == ["promoted from preprod, revision 3 (HG0105a@sha256:1)", "preprod: ok: a", "preprod: failed: b"]
