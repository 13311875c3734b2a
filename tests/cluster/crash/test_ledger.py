"""What is chosen, and what is remembered from one sitting to the next; needs no cluster."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

from crashes import COMMANDS, HITS, WITHOUT_HELM, Crash, Outcome, every_crash, in_order
from ledger import Ledger, is_complete, numbers, ranges

WRITES = dict.fromkeys(COMMANDS, 20)
SAMPLE = 300


def test_the_sample_covers_each_hit_of_each_command_and_each_write() -> None:
    sample = list(islice(in_order(WRITES, "any"), SAMPLE))
    hits = {(command, hit) for command in COMMANDS for hit in HITS if hit != "kill-helm" or command not in WITHOUT_HELM}
    assert {(crash.command, crash.hit) for crash in sample} == hits
    assert {(crash.command, crash.write) for crash in sample} == {
        (command, n) for command, last in WRITES.items() for n in range(1, last + 1)
    }


def test_everything_comes_once_before_anything_comes_twice() -> None:
    every = every_crash(WRITES)
    assert sorted(map(str, islice(in_order(WRITES, "1"), len(every)))) == sorted(map(str, every))
    assert len(list(islice(in_order(WRITES, "1"), len(every) + 50))) == len(every) + 50


def begin(file: Path | None, runs: int = 5) -> Ledger:
    return Ledger(file, runs, "1", {"release": 1}, "0123456789ab")


def make(ledger: Ledger, *failing: int, last: int = 99) -> list[int]:
    """The runs that the ledger hands out, in their order, up to the last; some of them fail."""
    made = []
    while taken := ledger.take():
        number, crash = taken
        made.append(number)
        ledger.enter(number, Outcome(crash, problems=["it hangs"] if number in failing else []))
        if len(made) == last:
            break
    return made


def test_a_sitting_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    assert make(begin(file), last=2) == [1, 2]
    assert not is_complete(file, 5)
    assert make(begin(file)) == [3, 4, 5]
    assert is_complete(file, 5)
    assert make(begin(file)) == []
    assert make(begin(file, runs=7)) == [6, 7]
    assert [portion["runs"] for portion in json.loads(file.read_text())["portions"]] == ["1-2", "3-5", "6-7"]


def test_a_failure_stays_until_its_run_was_made_again_and_holds(tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    ledger = begin(file)
    assert make(ledger, 2, 3) == [1, 2, 3, 4, 5]
    assert [failure["run"] for failure in ledger.failures] == [2, 3]
    assert ledger.done == 3
    assert not is_complete(file, 5)

    again = begin(file)
    assert make(again, 3) == [2, 3]
    assert [(failure["run"], failure["problems"]) for failure in again.failures] == [(3, ["it hangs"])]

    assert make(begin(file)) == [3]
    assert json.loads(file.read_text())["failures"] == []


def test_a_failure_is_made_again_as_it_was_whatever_the_order_is_now(tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    first = begin(file)
    make(first, 1)
    was = Crash.parse(first.failures[0]["crash"])
    assert Ledger(file, 5, "another seed", WRITES, "0123456789ab").take() == (1, was)


def test_a_sitting_that_is_ended_hands_out_no_more(tmp_path: Path) -> None:
    ledger = begin(tmp_path / "result.json")
    assert make(ledger, last=1) == [1]
    ledger.stop()
    assert ledger.take() is None
    assert make(begin(tmp_path / "result.json")) == [2, 3, 4, 5]


def test_ranges() -> None:
    assert ranges([7, 1, 2, 3, 5]) == "1-3,5,7"
    assert numbers("1-3,5,7") == {1, 2, 3, 5, 7}
    assert ranges([]) == ""
    assert numbers("") == set()
