"""What the benchmarks of growth compute: the exponent, the cost of a process with its children, the table, the record."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from growth import Cost, Growth, cost_of, table  # the folder is on the path only from here on
from record import merged

BURN = "import time\nwhile time.process_time() < 0.3: pass"


@pytest.mark.parametrize(("after", "exponent"), [(1.0, 0.0), (10.0, 1.0), (100.0, 2.0)])
def test_the_exponent_is_of_the_two_largest_sizes(after: float, exponent: float) -> None:
    growth = Growth("command", {1: Cost(50, 1, 1), 10: Cost(1, 1, 1), 100: Cost(after, 1, 1)})
    assert growth.exponent == pytest.approx(exponent)


def test_processor_time_counts_the_children_and_not_the_waiting() -> None:
    waits = cost_of([sys.executable, "-c", "import time; time.sleep(0.5)"], os.environ)
    burns = cost_of(
        [sys.executable, "-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BURN!r}], check=True)"], os.environ
    )
    assert burns.processor > 0.3
    assert waits.wall > 0.5 > waits.processor


def test_memory_is_that_of_the_command_and_not_of_who_measures() -> None:
    held = bytearray(os.urandom(1)) * 200_000_000  # more than what is measured holds
    small = cost_of([sys.executable, "-c", "pass"], os.environ)
    large = cost_of([sys.executable, "-c", "held = bytearray(b'x') * 100_000_000"], os.environ)
    assert len(held) > small.memory * 1e6
    assert small.memory < 60
    assert 95 < large.memory - small.memory < 120


def test_a_command_that_fails_is_told_with_its_words() -> None:
    with pytest.raises(AssertionError, match=r"ended with 3:\nno such thing"):
        cost_of([sys.executable, "-c", "import sys; print('no such thing', file=sys.stderr); sys.exit(3)"], os.environ)


def test_the_table_fits_a_terminal() -> None:
    costs = {1: Cost(0.1, 100, 1), 10_000: Cost(1234.5, 12345.6, 12345)}
    text = table("values of many keys", "revisions", [Growth("helmtool values local HG0105a", costs)])
    assert max(map(len, text.splitlines())) <= 80
    assert "10,000 revisions" in text


def test_a_table_replaces_the_one_of_its_title_alone() -> None:
    document = {"growth": {"a": {"x": 1}, "b": {"x": 2}}, "side by side": {"a": {"x": 3}}}
    assert merged(document, "growth", "a", {"x": 4}) == {"growth": {"a": {"x": 4}, "b": {"x": 2}}, "side by side": {"a": {"x": 3}}}
    assert document["growth"]["a"] == {"x": 1}


def test_nothing_is_kept_unless_it_is_asked_for() -> None:
    code = "import record; record.FILE = record.Path('/nowhere/result.json'); record.keep_growth('t', 'keys', [])"
    for wanted, ends in (("", 0), ("1", 1)):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "HELMTOOL_BENCH_KEEP": wanted, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
        )
        assert done.returncode == ends, done.stderr
