"""Crashes anywhere: after each, the old or the new version serves, and the next commands get on without hand work."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml
from cli import Kube
from crashes import ENV, HITS, LOCK_SECONDS, MOMENTS, Crash, Outcome, Site, table
from encrypted import make_checkout
from proxy import Proxy

RUNS = int(os.environ.get("HELMTOOL_CRASH_RUNS", "40"))
SEED = os.environ.get("HELMTOOL_CRASH_SEED", "1")
RESULT = Path(__file__).parent / "result.json"
COMMANDS = ("release", "release-new-secret", "release-that-fails", "rollback", "secrets-apply")


@pytest.fixture
def site(project: Path, kube: Kube, tmp_path: Path) -> Iterator[Site]:
    proxy = Proxy(kube.state.kubeconfig)
    kubeconfig = proxy.kubeconfig(tmp_path / "kubeconfig")
    file = project / "values/environments.yaml"
    document = yaml.safe_load(file.read_text())
    document["environments"][ENV] |= {"protected": False, "stableTag": "off", "lockSeconds": LOCK_SECONDS, "kubeconfig": str(kubeconfig)}
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    checkout = make_checkout(tmp_path / "secrets")
    checkout.put({"password": b"hunter2-Correct-Horse"})
    site = Site(project, kube, proxy, kubeconfig, checkout)
    for _ in range(2):
        assert site.release(site.next_tag()).code == 0
    yield site
    proxy.close()


def writes_of(site: Site) -> dict[str, int]:
    """How many writes each command has when nothing hits it."""
    counts = {}
    for command in COMMANDS:
        site.proxy.watch()
        site.helmtool(*site.arguments(command, site.next_tag()), code=None)
        counts[command] = len(site.proxy.writes)
        assert site.release(site.next_tag()).code == 0
    return counts


def test_crashes(site: Site) -> None:
    counts = writes_of(site)
    assert all(counts.values()), counts
    every = [Crash(c, write, moment, hit) for c in COMMANDS for write in range(1, counts[c] + 1) for moment in MOMENTS for hit in HITS]
    chosen = random.Random(SEED).sample(every, min(RUNS, len(every)))
    chosen += random.Random(f"{SEED}/more").choices(every, k=max(0, RUNS - len(every)))
    outcomes: list[Outcome] = []
    for number, crash in enumerate(chosen, 1):
        outcomes.append(site.run(crash))
        print(
            f"{number}/{len(chosen)} {crash} at {outcomes[-1].at}: {outcomes[-1].code} → {outcomes[-1].way_on}; {outcomes[-1].problems}",
            flush=True,
        )
        if outcomes[-1].code == -99 or outcomes[-1].said == "TRACEBACK":
            outcomes[-1].problems.append(outcomes[-1].said)
    failed = [outcome for outcome in outcomes if outcome.problems]
    if os.environ.get("HELMTOOL_CRASH_RUNS"):
        result = {
            "seed": SEED,
            "runs": len(outcomes),
            "points": len(every),
            "failed": [asdict(o) for o in failed],
            "table": table(outcomes),
        }
        RESULT.write_text(json.dumps(result, indent=1) + "\n")
    assert not failed, "\n".join(f"{o.crash} at {o.at}: {o.code} {o.said}; {o.way_on}; {o.problems}" for o in failed)
