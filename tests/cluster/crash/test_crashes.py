"""Crashes anywhere: after each, the old or the new version serves, and the next commands get on without hand work."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue

import pytest
from cli import ROOT, Helmtool
from crashes import COMMANDS, Crash, Outcome
from launcher import Launcher
from ledger import Ledger, is_complete
from place import Site, site

SAMPLE = 300
WHOLE = "HELMTOOL_CRASH_RUNS" in os.environ
RUNS = int(os.environ.get("HELMTOOL_CRASH_RUNS", SAMPLE))
SEED = os.environ.get("HELMTOOL_CRASH_SEED", "1")
RESULT = Path(__file__).parent / "result.json"
SITES = 3
"""More than there are cores: much of a run is waiting for a lock to run out."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short enough for the path of a socket."""
    folder = Path(tempfile.mkdtemp(prefix="crash-")).resolve()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def ended_by_sigterm() -> Iterator[None]:
    """SIGTERM is as Ctrl-C: what is under way is brought to its end, so that the file and the machine are as they should be."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.skipif(WHOLE and is_complete(RESULT, RUNS), reason="result.json says that all runs hold; remove it to begin anew")
def test_crashes(folder: Path) -> None:
    environment = Helmtool().environment
    with Launcher(folder, environment) as launcher, ExitStack() as stack, ThreadPoolExecutor(SITES) as pool:
        # One after the other: started together on a busy machine, they take longer than each may.
        sites = [stack.enter_context(site(launcher, folder / str(number))) for number in range(SITES)]
        list(pool.map(Site.renew, sites))
        ledger = Ledger(RESULT if WHOLE else None, RUNS, SEED, _writes(pool, sites), _commit())
        working = [pool.submit(_work, ledger, place) for place in sites]
        try:
            for future in working:
                future.result()
        finally:
            ledger.stop()  # after Ctrl-C each site still ends its run
    assert not ledger.failures, "\n".join(map(str, ledger.failures))
    assert ledger.done == ledger.total


def _writes(pool: ThreadPoolExecutor, sites: list[Site]) -> dict[str, int]:
    """How many writes each command has."""
    free: SimpleQueue[Site] = SimpleQueue()
    for place in sites:
        free.put(place)

    def measure(command: str) -> int:
        place = free.get()
        try:
            return place.writes_of(command)
        finally:
            free.put(place)

    writes = dict(zip(COMMANDS, pool.map(measure, COMMANDS), strict=True))
    print(f"\nwrites: {writes}", flush=True)
    return writes


def _work(ledger: Ledger, place: Site) -> None:
    while taken := ledger.take():
        number, crash = taken
        begun = time.monotonic()
        outcome = _crash(place, crash)
        ledger.enter(number, outcome)
        seconds = time.monotonic() - begun
        ways = ", ".join(outcome.way_on)
        print(f"{ledger.done}/{ledger.total} {number}: {crash} at {outcome.at}: {outcome.code} → {ways} ({seconds:.1f} s)", flush=True)
        if outcome.problems:
            print(f"FAILED {number}: {outcome}", flush=True)
            place.renew()


def _crash(place: Site, crash: Crash) -> Outcome:
    try:
        return place.crash(crash)
    except Exception:  # whatever it is, the file keeps it, and the other runs are made
        return Outcome(crash, problems=[traceback.format_exc()])


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip()
