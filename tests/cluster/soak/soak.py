"""A long row of releases and rollbacks, and what each leaves behind: memory, objects, history, records."""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from cli import SHORT, UNSCHEDULABLE, Helmtool, Kube
from embedded import KINDS, objects
from encrypted import Checkout

ENV = "prod"
OPERATIONS = {"release": 55, "new secret": 10, "fails": 5, "rollback": 25, "again": 5}
"""What is done, and how often in a hundred: `fails` is a release whose pod finds no node, `again` one of what serves already."""
EXPECTED = {"fails": 1}
"""Exit codes other than 0."""


@dataclass(frozen=True)
class Measure:
    """What was there after one operation. `rss` is the largest process of it, helmtool or helm, in MiB; sizes are in bytes."""

    rss: float
    seconds: float
    objects: int
    revisions: int
    revision_bytes: int
    secret_versions: int
    config_maps: int
    leases: int
    replica_sets: int
    pods: int
    record_bytes: int


BOUNDS = {
    "rss": 120,
    "objects": 60,
    "revisions": 10,
    "revision_bytes": 1_000_000,
    "secret_versions": 12,
    "config_maps": 3,
    "leases": 0,
    "replica_sets": 11,
    "pods": 2,
    "record_bytes": 256 * 1024,
}
"""The most of each that may ever be there; of the versions of the secret one for each ReplicaSet, and their key."""
STEADY = ("rss", "objects", "revisions", "revision_bytes", "config_maps", "record_bytes")
"""What may not grow once the records are full; how many versions, ReplicaSets and pods there are is chance, within the bounds."""
GROWTH = 1.1
"""The largest value of the second half may be this many times the first half's; of memory the median, for what a single helm needs is
chance: its collector runs when it likes."""
FILLING = 10
"""Operations until Helm's history is full; they do not count."""


class Soak:
    """A checkout, a cluster, and the row of operations that a seed gives."""

    def __init__(self, project: Path, kube: Kube, checkout: Checkout, seed: str) -> None:
        self.kube, self.checkout = kube, checkout
        self.helmtool = Helmtool(project, {"KUBECONFIG": str(kube.state.kubeconfig)})
        self.done: Counter[str] = Counter()
        self.problems: list[str] = []
        self._chance = random.Random(seed)
        self._tags = 0

    def run(self) -> tuple[str, Measure]:
        """One operation and what is there after it; the first is a release."""
        names = list(OPERATIONS)
        name = self._chance.choices(names, list(OPERATIONS.values()))[0] if self.done["release"] > 1 else "release"
        began = time.monotonic()
        code, said, rss = _measured(self.helmtool, self._arguments(name))
        seconds = time.monotonic() - began
        self.done[name] += 1
        if code != EXPECTED.get(name, 0):
            self.problems.append(f"operation {self.done.total()} ({name}) ended with {code}: {said[-500:]}")
        return name, self._measure(rss, seconds)

    def _arguments(self, name: str) -> list[str]:
        if name == "rollback":
            return ["rollback", ENV, "--timeout", "2m"]
        if name == "new secret":
            self.checkout.put({"password": self._chance.randbytes(12).hex().encode()})
        self._tags += name != "again"
        extra = (*UNSCHEDULABLE, *SHORT) if name == "fails" else ("--timeout", "2m")
        return ["release", ENV, self._serving() if name == "again" else self._tag(), *self.checkout.options, *extra]

    def _tag(self) -> str:
        number = self._tags
        return f"HG{1 + number // 26 % 28:02d}{1 + number // 728 % 12:02d}{chr(ord('a') + number % 26)}"

    def _serving(self) -> str:
        return self.kube.image.partition(":")[2]

    def _measure(self, rss: float, seconds: float) -> Measure:
        found = objects(self.kube.state, KINDS)
        kinds = Counter(item["kind"] for item in found)
        stored = [item for item in found if item["kind"] == "Secret" and item["metadata"]["name"].startswith("sh.helm.release.")]
        records = next((i["data"]["records.json"] for i in found if i["metadata"]["name"] == "newdqmgui-releases"), "")
        return Measure(
            rss=round(rss, 1),
            seconds=round(seconds, 2),
            objects=len(found),
            revisions=len(stored),
            revision_bytes=sum(len(item["data"]["release"]) for item in stored),
            secret_versions=sum(i["kind"] == "Secret" and i["metadata"]["name"].startswith("newdqmgui-secrets-") for i in found),
            config_maps=kinds["ConfigMap"],
            leases=kinds["Lease"],
            replica_sets=kinds["ReplicaSet"],
            pods=kinds["Pod"],
            record_bytes=len(records.encode()),
        )


def _measured(helmtool: Helmtool, arguments: Sequence[str]) -> tuple[int, str, float]:
    """Exit code, stderr, and the resident memory in MiB of the largest process that it was, or started and waited for."""
    with tempfile.TemporaryFile() as said:
        argv = [sys.executable, "-m", "helmtool", *arguments]
        process = subprocess.Popen(
            argv, cwd=helmtool.project, env=helmtool.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        return process.returncode, said.read().decode(errors="replace"), usage.ru_maxrss / 1024


def beyond_bounds(measures: Sequence[Measure]) -> list[str]:
    """Where more was there than ever may be."""
    found = []
    for name, bound in BOUNDS.items():
        most = max(getattr(measure, name) for measure in measures)
        if most > bound:
            found.append(f"{name}: {most}, at most {bound} were expected")
    return found


def growth(measures: Sequence[Measure], names: Sequence[str]) -> list[str]:
    """What grew from the first half to the second by more than GROWTH."""
    found = []
    for name in names:
        first, second = _halves(measures[FILLING:], name, statistics.median if name == "rss" else max)
        if second > first * GROWTH:
            found.append(f"{name}: {first} in the first half, {second} in the second")
    return found


def table(measures: Sequence[Measure]) -> dict[str, Any]:
    """Each measure: median and maximum of both halves, and its bound."""
    rows = {}
    for name in (field.name for field in fields(Measure)):
        (m1, m2), (x1, x2) = _halves(measures, name, statistics.median), _halves(measures, name, max)
        rows[name] = {"first half": {"median": m1, "max": x1}, "second half": {"median": m2, "max": x2}, "bound": BOUNDS.get(name)}
    return rows


def _halves(measures: Sequence[Measure], name: str, of: Callable[[list[Any]], Any]) -> tuple[Any, Any]:
    values = [asdict(measure)[name] for measure in measures]
    middle = len(values) // 2
    return of(values[:middle]), of(values[middle:])
