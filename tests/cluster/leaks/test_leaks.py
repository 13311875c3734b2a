"""The leak hunt: random commands, random secrets, random faults; nothing of a secret is seen anywhere but where it belongs.

`HELMTOOL_LEAK_RUNS` says how many runs (default: a sample of about two minutes), `HELMTOOL_LEAK_SEED` which. `make proofs` makes
2,000 and writes result.json beside this file.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import pytest
from cli import Kube

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

from hunt import Found, Hunt  # noqa: E402
from stored import stored_objects  # noqa: E402

RUNS = int(os.environ.get("HELMTOOL_LEAK_RUNS", "40"))
SEED = int(os.environ.get("HELMTOOL_LEAK_SEED", "20260105"))
BATCH, WORKERS = 25, 2
RESULT = Path(__file__).with_name("result.json")


@pytest.fixture(autouse=True)
def strace() -> None:
    """What watches the programs; without it the hunt would show less than it says."""
    assert shutil.which("strace"), "strace is missing. Next: apt-get install strace"


def prepared(kube: Kube, folder: Path, worker: int = 0, *, broken: bool = False) -> Hunt:
    """A hunt in a folder and a namespace of its own."""
    folder.mkdir()
    return Hunt(f"{SEED}/{worker}", folder, kube.state, f"hunt-{worker}{'-broken' if broken else ''}", broken)


def hunt(hunting: Hunt, runs: int, after_batch: Callable[[], object] = lambda: None) -> None:
    """Runs, and looks into etcd after each batch; a broken redactor is hunted until it is found."""
    try:
        for number in range(runs):
            before = hunting.counts["exit code -9"]
            hunting.run(number)
            if hunting.counts["exit code -9"] > before:
                hunting.tidy()
            if number % BATCH == BATCH - 1 or number == runs - 1:
                hunting.look_in_etcd(stored_objects(hunting.state))
                after_batch()
            if hunting.broken and hunting.found:
                break
    finally:
        hunting.kubectl("delete", "namespace", hunting.namespace, "--wait=false")


def report(done: list[Hunt], seconds: int, file: Path) -> list[Found]:
    """Writes what was run, what was looked at, and what was found, and gives the latter."""
    found = [one for hunting in done for one in hunting.found]
    counts, shapes = (
        dict(sorted(sum((Counter(dict(getattr(h, name))) for h in done), Counter()).items())) for name in ("counts", "shapes")
    )
    summary = {"runs": counts["runs"], "seed": SEED, "found": len(found), "seconds": seconds, "counts": counts, "canaries": shapes}
    file.write_text(json.dumps(summary | {"leaks": [asdict(one) for one in found]}, indent=2) + "\n")
    return found


def test_nothing_leaks(kube: Kube, tmp_path: Path) -> None:
    started = time.monotonic()
    done = [prepared(kube, tmp_path / f"{worker}", worker) for worker in range(WORKERS)]
    file, lock = RESULT if RUNS >= 2000 else tmp_path / "result.json", threading.Lock()

    def so_far() -> list[Found]:  # a hunt that is stopped leaves what it has seen
        with lock:
            return report(done, round(time.monotonic() - started), file)

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(lambda one: hunt(one, RUNS // WORKERS, so_far), done))
    found = so_far()
    assert not found, "\n".join(f"run {f.run}: {f.shape} in {f.where}: {f.command} {f.spec}" for f in found[:20])
    assert sum(h.counts["programs watched"] for h in done) > RUNS
    assert all(h.counts["objects in etcd looked at"] > 50 for h in done)


def test_a_broken_redactor_is_found(kube: Kube, tmp_path: Path) -> None:
    """The hunt itself can fail: the same runs with a redactor that strikes nothing."""
    done = prepared(kube, tmp_path / "broken", broken=True)
    hunt(done, 60)
    assert {found.where for found in done.found} & {"stdout", "stderr"}
