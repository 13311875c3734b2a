"""Hundreds of releases and rollbacks in a row: what the tool needs and what it leaves behind stays bounded.

`HELMTOOL_SOAK_RUNS` says how many (default: a sample), `HELMTOOL_SOAK_SEED` which. `make proofs` makes 500 and writes result.json
beside this file.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
import yaml
from cli import Kube
from embedded import objects
from encrypted import make_checkout
from soak import ENV, STEADY, Measure, Soak, beyond_bounds, growth, table

from helmtool.model.record import MAX_RECORDS

RUNS = int(os.environ.get("HELMTOOL_SOAK_RUNS", "24"))
SEED = os.environ.get("HELMTOOL_SOAK_SEED", "1")
RESULT = Path(__file__).with_name("result.json")
SHOWN_EVERY = 5.0
"""Seconds between two lines of progress."""


@pytest.fixture
def soak(project: Path, kube: Kube, tmp_path: Path) -> Soak:
    file = project / "values/environments.yaml"
    document = yaml.safe_load(file.read_text())
    document["environments"][ENV] |= {"protected": False, "stableTag": "off"}
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    checkout = make_checkout(tmp_path / "secrets")
    checkout.put({"password": b"hunter2-Correct-Horse"})
    return Soak(project, kube, checkout, SEED)


def events(kube: Kube) -> int:
    return len(objects(kube.state, "events"))


def test_nothing_grows(soak: Soak, kube: Kube) -> None:
    measures: list[Measure] = []
    made, shown = [events(kube)], 0.0
    for number in range(1, RUNS + 1):
        name, measure = soak.run()
        measures.append(measure)
        if number % 25 == 0 or number == RUNS:
            made.append(events(kube))
            keep(soak, measures, made)
        if time.monotonic() > shown + SHOWN_EVERY or number == RUNS:
            shown = time.monotonic()
            print(f"{number}/{RUNS} {name}: {measure}; {len(soak.problems)} problems", flush=True)
    problems = problems_of(soak, measures)
    assert not problems, "\n".join(problems)


def problems_of(soak: Soak, measures: list[Measure]) -> list[str]:
    """What went wrong, and what is not within its bounds; until the records are full, they and what they hold grow: memory may not."""
    return soak.problems + beyond_bounds(measures) + growth(measures, STEADY if len(measures) >= 4 * MAX_RECORDS else ("rss",))


def keep(soak: Soak, measures: list[Measure], made: list[int]) -> None:
    """Writes the result so far: a run that is ended keeps what it has seen. `made` are the namespace's events after each 25 operations."""
    if "HELMTOOL_SOAK_RUNS" in os.environ:
        done = dict(sorted(soak.done.items()))
        result = {"seed": SEED, "runs": len(measures), "operations": done, "failures": problems_of(soak, measures)}
        RESULT.write_text(json.dumps(result | {"measures": table(measures), "most events": max(made)}, indent=1) + "\n")
