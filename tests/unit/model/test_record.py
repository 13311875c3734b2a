"""Records: their bounds, and stored texts that are not what they should be."""

from __future__ import annotations

import json

import pytest

from helmtool.model.record import MAX_BYTES, MAX_LINES, MAX_RECORDS, MAX_TEXT, Record, append, dump, load

ONE = Record(1, "release", "deployed", "2026-01-05T10:00:00Z", "ann@host", "HG0105a", "abc", True, "newdqmgui-1.0.0", "note", ("why",))


def entry(**changed: object) -> str:
    return json.dumps([json.loads(dump([ONE]))[0] | changed])


def test_what_is_written_is_read_again() -> None:
    records = [ONE, ONE._replace(revision=2, note='"quotes" and\nlines é', evidence=(), checks=("ok: / answers 200",))]
    assert load(dump(records)) == records
    assert load(dump([])) == []


def test_the_cause_is_kept_and_one_of_an_older_version_has_none() -> None:
    failed = ONE._replace(outcome="failed", cause="secret-missing")
    assert load(dump([failed])) == [failed]
    older = {name: value for name, value in json.loads(dump([failed]))[0].items() if name != "cause"}
    assert load(json.dumps([older])) == [failed._replace(cause="")]
    assert load(entry(cause=7)) == []


def test_one_entry_a_line() -> None:
    assert len(dump([ONE, ONE]).splitlines()) == 4


def test_a_new_record_of_a_revision_replaces_the_earlier_one() -> None:
    started = [ONE, ONE._replace(revision=2, outcome="started")]
    assert [(r.revision, r.outcome) for r in append(started, ONE._replace(revision=2, outcome="failed"))] == [
        (1, "deployed"),
        (2, "failed"),
    ]


def test_the_oldest_go_first() -> None:
    records: list[Record] = []
    for number in range(1, MAX_RECORDS + 6):
        records = append(records, ONE._replace(revision=number))
    assert [records[0].revision, records[-1].revision, len(records)] == [6, MAX_RECORDS + 5, MAX_RECORDS]


def test_texts_and_evidence_are_cut() -> None:
    (kept,) = append([], ONE._replace(note="n" * 9999, who="w" * 9999, evidence=("e" * 9999,) * 99, checks=("c" * 9999,) * 99))
    assert (len(kept.checks), len(kept.checks[0])) == (MAX_LINES, MAX_TEXT)
    assert (len(kept.note), len(kept.who), len(kept.evidence), len(kept.evidence[0])) == (MAX_TEXT, MAX_TEXT, MAX_LINES, MAX_TEXT)


def test_all_records_fit_one_config_map_whatever_they_say() -> None:
    full = ONE._replace(note="é" * 9999, evidence=("\u2028" * 9999,) * 99)
    records: list[Record] = []
    for number in range(30):
        records = append(records, full._replace(revision=number))
    assert 1 < len(records) < 30
    assert records[-1].revision == 29
    assert len(dump(records).encode()) <= MAX_BYTES


@pytest.mark.parametrize("text", ["", "nonsense", "null", "3", "{}", '"text"', '[1, null, [], "x"]', "[{}]", '[{"revision": 1}]', "[" * 50])
def test_garbage_is_no_record_and_no_error(text: str) -> None:
    assert load(text) == []


def test_a_field_of_a_later_version_is_left_out() -> None:
    assert load(entry(later="x")) == [ONE]


@pytest.mark.parametrize("changed", [{"evidence": 3}, {"evidence": True}, {"checks": "text"}])
def test_an_entry_of_wrong_types_is_left_out(changed: dict[str, object]) -> None:
    assert load(entry(**changed)) == []


@pytest.mark.parametrize("changed", [{"revision": "x"}, {"revision": None}, {"who": 3}, {"outcome": ["a"]}])
def test_an_entry_that_could_not_be_shown_or_sorted_is_left_out(changed: dict[str, object]) -> None:
    assert load(entry(**changed)) == []


def test_evidence_may_be_missing_or_hold_other_things_than_texts() -> None:
    assert load(entry(evidence=None)) == [ONE._replace(evidence=())]
    assert load(entry(evidence=[1, "a"])) == [ONE._replace(evidence=("1", "a"))]


def test_a_record_that_nests_without_end_is_none() -> None:
    assert load("[" * 100_000) == []
