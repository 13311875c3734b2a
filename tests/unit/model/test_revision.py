"""Revisions: which one runs, and which one a rollback goes to."""

from __future__ import annotations

import pytest

from helmtool.model.record import Record
from helmtool.model.revision import Revision, RevisionStatus, is_of, last, next_number, rollback_target, running, tag_of

FAILED_UPGRADE = 'Upgrade "newdqmgui" failed: conflict with "kubectl"'


def history(*entries: str) -> list[Revision]:
    """Revisions 1, 2, … from `status`, `status/outcome of the record` or `status#description`."""
    revisions = []
    for number, entry in enumerate(entries, 1):
        state, _, description = entry.partition("#")
        status, _, outcome = state.partition("/")
        revisions.append(Revision(number, RevisionStatus(status), "", "c-1", "1", description, outcome=outcome))
    return revisions


@pytest.mark.parametrize(
    ("entries", "runs", "target"),
    [
        ([], None, None),
        (["deployed"], 1, None),
        (["failed"], None, None),
        (["pending-install"], None, None),
        (["superseded", "deployed"], 2, 1),
        (["superseded", "superseded", "deployed"], 3, 2),
        (["deployed", "failed"], 1, 1),
        (["deployed", "failed", "failed"], 1, 1),
        (["superseded", "deployed", "failed"], 2, 2),
        (["superseded", "failed", "deployed"], 3, 1),
        (["superseded", "failed", "failed", "deployed"], 4, 1),
        (["failed", "deployed"], 2, None),
        (["failed", "superseded", "deployed"], 3, 2),
        (["deployed", "pending-upgrade"], 1, 1),
        (["superseded", "deployed", "pending-rollback"], 2, 2),
        (["superseded", "pending-upgrade", "deployed"], 3, 1),
        (["superseded", "superseded", "failed"], 2, 2),
        (["superseded", "uninstalled"], 1, 1),
        (["unknown", "deployed"], 2, None),
        # Helm calls what did not wait deployed; the record knows better.
        (["superseded/deployed", "deployed/failed"], 1, 1),
        (["superseded/deployed", "superseded/failed", "deployed/deployed"], 3, 1),
        (["superseded/deployed", "superseded/interrupted", "deployed"], 3, 1),
        (["superseded/deployed", "deployed/started"], 1, 1),
        # A rollback that failed after a failed or killed upgrade has made it superseded.
        (["superseded", f"superseded#{FAILED_UPGRADE}", "failed"], 1, 1),
        (["superseded", "superseded#Preparing upgrade", "failed"], 1, 1),
        (["superseded#Initial install underway", "deployed"], 2, None),
        (["superseded#Upgrade complete", "deployed#a note: failed: once"], 2, 1),
    ],
)
def test_what_runs_and_where_a_rollback_goes(entries: list[str], runs: int | None, target: int | None) -> None:
    revisions = history(*entries)
    for order in (revisions, revisions[::-1]):
        found, goal = running(order), rollback_target(order)
        assert (found.number if found else None, goal.number if goal else None) == (runs, target)


def test_the_last_revision_and_the_next_number() -> None:
    assert last([]) is None
    assert next_number([]) == 1
    revisions = history("superseded", "deployed", "failed")[::-1]
    newest = last(revisions)
    assert newest is not None
    assert newest.number == 3
    assert next_number(revisions) == 4
    assert next_number(revisions[:1]) == 4, "Helm forgets old revisions, and counts on"


def test_which_states_are_pending() -> None:
    pending = {status.value for status in RevisionStatus if status.pending}
    assert pending == {"pending-install", "pending-upgrade", "pending-rollback"}


@pytest.mark.parametrize(
    ("values", "tag"),
    [({"image": {"tag": "HG0105a"}}, "HG0105a"), ({"image": {}}, ""), ({"image": {"tag": None}}, ""), ({"image": "x"}, ""), ({}, "")],
)
def test_the_tag_of_a_revision(values: dict[str, object], tag: str) -> None:
    assert tag_of(Revision(1, RevisionStatus.DEPLOYED, "", "", "", "", values=values)) == tag


def test_manifest_and_values_are_not_shown_where_a_revision_is_printed() -> None:
    shown = repr(Revision(1, RevisionStatus.DEPLOYED, "", "", "", "", manifest="s3cret", values={"a": "s3cret"}))
    assert "s3cret" not in shown


def test_a_rollback_does_not_go_to_what_serves_already() -> None:
    """After 2 failed and 3 brought 1 back, the next rollback has nothing to go to; once 4 is released, it has."""
    kept = history("superseded", "superseded/failed", "superseded", "deployed")
    revisions = [r._replace(manifest=manifest) for r, manifest in zip(kept, ("kind: A", "kind: B", "kind: A", "kind: B"), strict=True)]
    before = [*revisions[:2], revisions[2]._replace(status=RevisionStatus.DEPLOYED)]
    assert rollback_target(before) is None
    assert rollback_target(revisions) == revisions[2]


@pytest.mark.parametrize(
    ("outcome", "action", "when", "description", "own"),
    [
        ("deployed", "release", "2026-05-01T10:00:09Z", "helmtool release local HG0105a", True),
        ("failed", "release", "2026-05-01T10:00:00Z", "Upgrade complete", True),  # within the second in which Helm made it
        ("failed", "release", "2026-05-01T09:59:59Z", "Upgrade complete", False),
        ("interrupted", "rollback to 1", "2026-05-01T09:00:00Z", "Upgrade complete", False),
        ("started", "release", "2026-05-01T09:59:59Z", "helmtool release local HG0105a", True),
        ("started", "release", "2026-05-01T09:59:59Z", 'Upgrade "newdqmgui" failed: x', True),
        ("started", "release", "2026-05-01T09:59:59Z", "Upgrade complete", False),
        ("started", "rollback to 1", "2026-05-01T09:59:59Z", "Rollback to 1", True),
        ("deployed", "release", "yesterday", "Upgrade complete", True),
    ],
)
def test_whose_record_it_is(outcome: str, action: str, when: str, description: str, own: bool) -> None:
    """A plain helm takes the number of a release that ended before Helm made a revision."""
    made = Revision(2, RevisionStatus.DEPLOYED, "2026-05-01T12:00:00.7004321+02:00", "", "", description)
    assert is_of(Record(2, action, outcome, when, "me@here"), made) is own
