"""The lock as an object, and who of its holders still lives."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from helmtool.model.lease import Lease, Observer, Standing, lease_object, moment, read_lease

LEASE = Lease("ann@host/1", "ann@host", "release prod HG0105a", "2026-05-01T10:00:00.000000Z", "2026-05-01T10:00:00.000000Z", 15, "u", "1")
UNKNOWN, ALIVE, GONE = Standing.UNKNOWN, Standing.ALIVE, Standing.GONE


def later(version: int, lease: Lease = LEASE) -> Lease:
    return lease._replace(version=str(version))


@pytest.mark.parametrize(
    ("looks", "standings"),
    [
        ([(0.0, LEASE)], [UNKNOWN]),
        ([(0.0, LEASE), (14.9, LEASE)], [UNKNOWN, UNKNOWN]),
        ([(0.0, LEASE), (15.0, LEASE)], [UNKNOWN, GONE]),
        ([(0.0, LEASE), (3.0, later(2)), (17.9, later(2)), (18.0, later(2))], [UNKNOWN, ALIVE, ALIVE, GONE]),
        # Another lock after the first was given back: nothing is known of its holder.
        (
            [(0.0, LEASE), (3.0, later(2)), (4.0, LEASE._replace(uid="other")), (19.0, LEASE._replace(uid="other"))],
            [UNKNOWN, ALIVE, UNKNOWN, GONE],
        ),
    ],
)
def test_a_holder_is_judged_by_renewals_seen_here(looks: list[tuple[float, Lease]], standings: list[Standing]) -> None:
    observer = Observer()
    assert [observer.look(lease, now) for now, lease in looks] == standings


def test_the_clock_of_the_holder_does_not_matter() -> None:
    observer = Observer()
    assert observer.look(LEASE._replace(renewed="1999-01-01T00:00:00.000000Z"), 0.0) is UNKNOWN
    assert observer.look(LEASE._replace(renewed="1999-01-01T00:00:03.000000Z", version="2"), 3.0) is ALIVE


def test_written_and_read_again() -> None:
    written = lease_object(LEASE, "newdqmgui-lock", "dqm", {"helmtool/secret": "newdqmgui-secrets-abc"})
    assert read_lease(written) == LEASE
    assert written["metadata"]["annotations"]["helmtool/secret"] == "newdqmgui-secrets-abc"


def test_a_new_one_may_not_replace_another() -> None:
    assert not {"uid", "resourceVersion"} & set(lease_object(LEASE._replace(uid="", version=""), "n", "dqm", {})["metadata"])


@pytest.mark.parametrize("seconds", [None, 0, -1, True, "15", 1.5])
def test_an_edited_one_can_still_be_judged(seconds: object) -> None:
    found = read_lease({"metadata": {"uid": "u"}, "spec": {"holderIdentity": None, "leaseDurationSeconds": seconds}})
    assert (found.holder, found.seconds, found.uid) == ("", 15, "u")
    assert read_lease({}).seconds == 15


def test_in_words() -> None:
    assert str(LEASE) == "ann@host (release prod HG0105a) since 2026-05-01 10:00:00 UTC"
    assert str(LEASE._replace(who="", command="")).startswith("ann@host/1 (an unknown command)")


def test_times_are_utc_with_microseconds() -> None:
    assert moment(datetime(2026, 5, 1, 12, tzinfo=timezone(timedelta(hours=2)))) == "2026-05-01T10:00:00.000000Z"


def test_nobody_waits_for_years() -> None:
    assert read_lease({"spec": {"leaseDurationSeconds": 2**31 - 1}}).seconds == 300
