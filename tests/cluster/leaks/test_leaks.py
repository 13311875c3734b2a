"""The leak hunt: random commands, random secrets, random faults; nothing of a secret is seen anywhere but where it belongs.

`HELMTOOL_LEAK_RUNS` says how many runs (default: a sample of about two minutes), `HELMTOOL_LEAK_SEED` which. `make proofs` makes
2,000 and writes result.json beside this file.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from dataclasses import asdict
from pathlib import Path

import pytest
from cli import Kube

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

from hunt import Hunt  # noqa: E402
from stored import stored_objects  # noqa: E402

RUNS = int(os.environ.get("HELMTOOL_LEAK_RUNS", "40"))
SEED = int(os.environ.get("HELMTOOL_LEAK_SEED", "20260105"))
BATCH = 25
RESULT = Path(__file__).with_name("result.json")

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is needed to watch the programs")


def tidy(kube: Kube) -> None:
    """What a killed run leaves, so that the next ones do more than wait for it."""
    kube("delete", "lease", "--all", "--ignore-not-found")
    for status in ("pending-install", "pending-upgrade", "pending-rollback"):
        kube("delete", "secret", "-l", f"owner=helm,status={status}", "--ignore-not-found")


def hunt(kube: Kube, folder: Path, runs: int, *, broken: bool = False) -> Hunt:
    hunting = Hunt(SEED, folder, kube.state, broken)
    for number in range(runs):
        before = hunting.counts["exit code -9"]
        hunting.run(number)
        if hunting.counts["exit code -9"] > before:
            tidy(kube)
        if number % BATCH == BATCH - 1 or number == runs - 1:
            hunting.look_in_etcd(stored_objects(kube.state))
        if broken and hunting.found:
            break
    return hunting


def report(done: Hunt, seconds: int, file: Path) -> None:
    """What was run, what was looked at, and what was found."""
    summary = {"runs": done.counts["runs"], "seed": SEED, "found": len(done.found), "seconds": seconds}
    counts = {"counts": dict(sorted(done.counts.items())), "canaries": dict(sorted(done.shapes.items()))}
    file.write_text(json.dumps(summary | counts | {"leaks": [asdict(one) for one in done.found]}, indent=2) + "\n")


def test_nothing_leaks(kube: Kube, tmp_path: Path) -> None:
    started = time.monotonic()
    done = hunt(kube, tmp_path, RUNS)
    report(done, round(time.monotonic() - started), RESULT if RUNS >= 2000 else tmp_path / "result.json")
    assert not done.found, "\n".join(f"run {f.run}: {f.shape} in {f.where}: {f.command} {f.spec}" for f in done.found[:20])
    assert done.counts["programs watched"] > RUNS
    assert done.counts["objects in etcd looked at"] > 50


def test_a_broken_redactor_is_found(kube: Kube, tmp_path: Path) -> None:
    """The hunt itself can fail: the same runs with a redactor that strikes nothing."""
    done = hunt(kube, tmp_path, 60, broken=True)
    assert {found.where for found in done.found} & {"stdout", "stderr"}
