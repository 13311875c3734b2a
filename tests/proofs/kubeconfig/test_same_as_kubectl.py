"""helmtool connects as kubectl does, for generated combinations of kubeconfig and environment, or refuses what kubectl refuses."""

from __future__ import annotations

import os
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from typing import NamedTuple

import pytest
from combinations import combinations, made
from keys import Keys, made_keys
from programs import Outcome, clean, of_helmtool, of_kubectl
from recorder import Recorder
from worker import Worker

SAMPLE = 600
RUNS = int(os.environ.get("HELMTOOL_KUBECONFIG_RUNS", str(SAMPLE)))
SEED = os.environ.get("HELMTOOL_KUBECONFIG_SEED", "1")
ONLY = os.environ.get("HELMTOOL_KUBECONFIG_ONLY", "")
"""The id of one combination."""
WORKERS = 3
PROGRESS = 5.0
"""Seconds between two lines of progress."""

DIFFERENT: dict[str, str] = {}
"""Values of dimensions in which helmtool differs on purpose, with the reason."""


class Lane(NamedTuple):
    """What one combination at a time needs."""

    recorder: Recorder
    worker: Worker
    folder: Path


class Compared(NamedTuple):
    """One combination: what kubectl did, and how helmtool differs (empty if it does not)."""

    identity: str
    kubectl: Outcome
    wrong: str


def test_same_as_kubectl(tmp_path: Path) -> None:
    chosen = [ONLY] if ONLY else combinations(RUNS, SEED)
    begun = time.monotonic()
    results = _compare_all(chosen, tmp_path)
    kinds = Counter(result.kubectl.kind for result in results)
    wrong = [result for result in results if result.wrong]
    print(f"{len(results)} combinations in {time.monotonic() - begun:.0f} s, {len(wrong)} differ; kubectl: {dict(kinds)}", flush=True)
    if ONLY:
        print(f"{ONLY}\nkubectl: {results[0].kubectl}")
    assert not wrong, "\n\n".join(f"{result.identity}\n{result.wrong}" for result in wrong)
    assert ONLY or min(kinds[kind] for kind in ("answered", "TLS refused", "refused before a connection")) > len(results) / 50, kinds


def _compare_all(chosen: list[str], folder: Path) -> list[Compared]:
    keys = made_keys(folder)
    lanes: Queue[Lane] = Queue()
    for number in range(WORKERS):
        recorder = Recorder(keys.server_file, keys.ca_file, keys.names)
        lanes.put(Lane(recorder, Worker(), folder / str(number)))

    def compare(identity: str) -> Compared:
        lane = lanes.get()
        try:
            return _compare(identity, lane, keys)
        finally:
            lanes.put(lane)

    results, said = [], time.monotonic()
    with ThreadPoolExecutor(WORKERS) as pool:
        for result in pool.map(compare, chosen):
            results.append(result)
            if time.monotonic() - said > PROGRESS:
                print(f"combinations: {len(results)}/{len(chosen)}", flush=True)
                said = time.monotonic()
    for lane in [lanes.get() for _ in range(WORKERS)]:
        with lane.recorder, lane.worker:
            pass
    return results


def _compare(identity: str, lane: Lane, keys: Keys) -> Compared:
    lane.folder.mkdir()
    draft = made(identity, lane.folder, lane.recorder.ports, keys)
    try:
        kubectl = of_kubectl(draft, lane.recorder)
        helmtool = of_helmtool(draft, lane.recorder, lane.worker)
    finally:
        clean(draft)
    wrong = "" if helmtool == kubectl else f"kubectl: {kubectl}\nhelmtool: {helmtool}"
    if helmtool.words.startswith(("traceback", "died")):
        wrong += f"\nhelmtool has no error of its own: {helmtool.words}"
    told = [secret for secret in draft.secrets if secret and secret.strip() in helmtool.words]
    return Compared(identity, kubectl, wrong + "".join(f"\na secret is in the message: {secret[:30]!r}" for secret in told))
