"""What the schema and the rules accept, the API server takes; what the API server refuses, validation has refused before."""

from __future__ import annotations

import json
import queue
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import running
from documents import Document, accepted, mutated, shrunk
from judges import Bench, Objects, Verdict
from results import write_result

from helmtool.adapters.cluster import Cluster

SAMPLE = 120
SHOWN = 5


@dataclass
class Benches:
    """A bench for each of the threads."""

    objects: Objects
    free: queue.SimpleQueue[Bench] = field(default_factory=queue.SimpleQueue)

    @contextmanager
    def one(self) -> Iterator[Bench]:
        """A bench that nobody else uses."""
        bench = self.free.get()
        try:
            yield bench
        finally:
            self.free.put(bench)


@pytest.fixture(scope="module")
def benches(server: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Benches]:
    made = Benches(Objects(server))
    for _ in range(running.WORKERS):
        made.free.put(Bench(tmp_path_factory.mktemp("checkout") / "project", made.objects))
    yield made
    while not made.free.empty():
        made.free.get().close()


def kind_of(said: str) -> str:
    """What went wrong without the places: a smaller document must go wrong in the same way."""
    return re.sub(r"\S*(?:\d|/)\S*", "", said)[:90]


def explain(benches: Benches, number: int, document: Document, wrong: Callable[[Verdict], str]) -> str:
    """The smallest document found that is as wrong, and how to make the first one again."""
    with benches.one() as bench:
        kind = kind_of(wrong(bench.judge(document)))
        smallest = shrunk(document, lambda less: kind_of(wrong(bench.judge(less))) == kind)
        said = wrong(bench.judge(smallest))
    return f"number {number}: {said}\n  smallest: {json.dumps(smallest, ensure_ascii=False)}\n  again: {running.again(number)}"


def test_what_is_accepted_is_taken_by_the_api_server(benches: Benches) -> None:
    def wrong(verdict: Verdict) -> str:
        refused = f"helmtool refuses it ({verdict.helmtool.refused_by}): {'; '.join(verdict.helmtool.reasons)}"
        return verdict.contradiction or (refused if verdict.helmtool.refused_by else "")

    def run(number: int) -> tuple[int, Document, str]:
        document = accepted(running.SEED, number)
        with benches.one() as bench:
            return number, document, running.seen(number, wrong(bench.judge(document)))

    results = list(running.each("accepted", running.numbers(SAMPLE), run))
    bad = [(number, document) for number, document, said in results if said]
    failures = [explain(benches, number, document, wrong) for number, document in bad[:SHOWN]]
    write_result("accepted", {"documents": len(results), "failures": len(bad), "objects": benches.objects.asked})
    assert not bad, f"{len(bad)} of {len(results)}:\n" + "\n".join(failures)


@dataclass
class Tally:
    """What was seen of the mutations, by the changed key at the top."""

    keys: dict[str, Counter[str]] = field(default_factory=dict)
    by: Counter[str] = field(default_factory=Counter)

    def count(self, keys: tuple[str, ...], verdict: Verdict, unchecked: tuple[str, ...]) -> None:
        """Takes one mutation in."""
        server = bool(unchecked or verdict.server)
        self.by[verdict.helmtool.refused_by or "accepted"] += 1
        self.by["refused by the API server or not renderable"] += server
        self.by["stricter than the API server"] += bool(verdict.helmtool.refused_by) and not server
        for key in set(keys):
            row = self.keys.setdefault(key, Counter())
            row.update({"mutations": 1, "server": server, "helmtool": bool(verdict.helmtool.refused_by)})

    def table(self) -> dict[str, Any]:
        """The figures, in a fixed order."""
        return {"by": dict(sorted(self.by.items())), "keys": {key: dict(self.keys[key]) for key in sorted(self.keys)}}


def test_what_the_api_server_refuses_was_refused_before(benches: Benches) -> None:
    tally = Tally()

    def run(number: int) -> tuple[int, Document, tuple[str, ...], Verdict, tuple[str, ...]]:
        document, keys = mutated(running.SEED, number)
        with benches.one() as bench:
            verdict = bench.judge(document)
            return number, document, keys, verdict, bench.unchecked(document) if verdict.helmtool.refused_by else ()

    bad = []
    for number, document, keys, verdict, unchecked in running.each("mutated", running.numbers(SAMPLE), run):
        tally.count(keys, verdict, unchecked)
        if running.seen(number, verdict.contradiction):
            bad.append((number, document))
    failures = [explain(benches, number, document, lambda verdict: verdict.contradiction) for number, document in bad[:SHOWN]]
    write_result("mutated", {"failures": len(bad), **tally.table()})
    assert not bad, f"{len(bad)} mutations:\n" + "\n".join(failures)
    assert running.ONLY or all(tally.by[kind] for kind in ("schema", "accepted", "stricter than the API server")), tally.by
