"""The day of a tag, by an injected clock, and what the clean-up will do."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from helmtool.errors import InvalidInput
from helmtool.model.registry import Facts, Retention, Use
from helmtool.model.tag import parse_tag
from helmtool.operations.tag_state import TagState
from helmtool.operations.tags import day_of

RULE = Retention(keeps_stable=True, drops_after_days=30)
NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-01-14T22:59:59+00:00", date(2026, 1, 14)),  # winter: one hour ahead of UTC
        ("2026-01-14T23:00:00+00:00", date(2026, 1, 15)),
        ("2026-07-14T21:59:59+00:00", date(2026, 7, 14)),  # summer: two
        ("2026-07-14T22:00:00+00:00", date(2026, 7, 15)),
        ("2026-03-28T22:59:59+00:00", date(2026, 3, 28)),  # the night to the change of 29 March begins in winter
        ("2026-03-28T23:00:00+00:00", date(2026, 3, 29)),
        ("2026-03-29T21:59:59+00:00", date(2026, 3, 29)),  # and its day ends in summer
        ("2026-03-29T22:00:00+00:00", date(2026, 3, 30)),
        ("2026-10-24T21:59:59+00:00", date(2026, 10, 24)),  # 25 October has 25 hours
        ("2026-10-24T22:00:00+00:00", date(2026, 10, 25)),
        ("2026-10-25T22:59:59+00:00", date(2026, 10, 25)),
        ("2026-10-25T23:00:00+00:00", date(2026, 10, 26)),
        ("2025-12-31T23:00:00+00:00", date(2026, 1, 1)),
        ("2028-02-28T23:00:00+00:00", date(2028, 2, 29)),
        ("2026-05-01T01:30:00+09:00", date(2026, 4, 30)),  # whatever zone the clock itself is in
    ],
)
def test_today_is_todays_date_at_cern(moment: str, day: date) -> None:
    assert day_of(None, datetime.fromisoformat(moment)) == day


def test_a_day_that_is_named() -> None:
    assert day_of("2026-05-01", NOW) == date(2026, 5, 1)
    for text in ("", "tomorrow", "2026-02-30", "01.05.2026", "x" * 1000):
        with pytest.raises(InvalidInput) as caught:
            day_of(text, NOW)
        assert len(caught.value.message) < 100


def state(tag: str, created: datetime | None, use: Use | None = None, retention: Retention = RULE) -> TagState:
    facts = Facts(f"sha256:{1:064x}", created, 1, ("linux/amd64",))
    return TagState(parse_tag(tag), "r.example/x", facts, "", retention, use or Use(), NOW)


MAY, PULLED = datetime(2026, 5, 1, 10, tzinfo=UTC), datetime(2026, 6, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("found", "drops", "says"),
    [
        (state("HG0105a", MAY), date(2026, 5, 31), "any day, unless pulled since 2026-05-11"),
        (state("HG0106a", PULLED), date(2026, 7, 1), "not before 2026-07-01"),
        (state("HG0105a", MAY, Use(MAY, PULLED)), date(2026, 7, 1), "from 2026-07-01 on"),
        (state("HG0105a", MAY, Use(MAY, None)), date(2026, 5, 31), "any day now"),
        (state("HG0105a", MAY, Use(PULLED, MAY)), date(2026, 7, 1), "from 2026-07-01 on"),  # pushed anew after the pull
        (state("HG0105a", None, Use(None, PULLED)), date(2026, 7, 1), "from 2026-07-01 on"),
        (state("HG0105a", MAY, Use(MAY, MAY, immutable=True)), None, "kept: a rule of the registry makes it immutable"),
        (state("HG0105a", None), None, "dropped 30 days after the last pull"),
        (state("HG0105a-stable", MAY), None, "kept: the clean-up spares stable tags"),
        (state("HG0105a", MAY, retention=Retention()), None, "no registry.dropsAfterDays"),
        (state("HG0105a-stable", MAY, retention=Retention(False, 30)), date(2026, 5, 31), "any day"),
        (state("HG0105a", NOW + timedelta(days=900)), date(2026, 7, 10), "not before 2026-07-10"),
    ],
)
def test_what_the_clean_up_will_do(found: TagState, drops: date | None, says: str) -> None:
    assert found.drops_on == drops
    assert says in found.risk


def test_clocks_that_are_apart() -> None:
    assert state("HG0105a", NOW + timedelta(minutes=6)).from_the_future
    assert not state("HG0105a", NOW + timedelta(minutes=4)).from_the_future
    assert not state("HG0105a", None).from_the_future
