"""Fuzzing of everything that helmtool reads: no traceback, no hang, no wrong exit code, no secret, nothing that a terminal obeys."""

from __future__ import annotations

import json
import os
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue

import pytest
from cases import Case
from forkserver import Ran
from judge import judge
from kinds import KINDS, SHARES
from sites import Good, Site, good_files

SAMPLE = 1500
RUNS = int(os.environ.get("HELMTOOL_FUZZ_RUNS", str(SAMPLE)))
SEED = os.environ.get("HELMTOOL_FUZZ_SEED", "1")
ONLY = os.environ.get("HELMTOOL_FUZZ_ONLY", "")
"""`kind:number`, that input alone; or `kind`, the inputs of that kind."""
RESULT = Path(__file__).parent / "result.json"
KEPT = Path(os.environ.get("HELMTOOL_FUZZ_KEPT", "/tmp/helmtool-fuzz"))
WORKERS = 4
"""More than two cores: a registry that answers slowly is waited for."""
REAL = 100
"""One of so many inputs is also run as a process of its own."""
MOMENT = re.compile(rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.\d]*Z?|\b\d+(\.\d+)? ?(s|seconds|ms|min)\b|helmtool-fuzz-\w+|0x[0-9a-f]{6,}")


@dataclass
class Found:
    """What all inputs gave together; one lock for all threads."""

    codes: Counter[tuple[str, int]] = field(default_factory=Counter)
    slowest: dict[str, float] = field(default_factory=dict)
    memory: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    longest: list[tuple[float, str]] = field(default_factory=list)
    compared: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, kind: str, ran: Ran, wrong: list[str], number: int, *, compared: bool) -> None:
        """Counts one input."""
        with self.lock:
            self.codes[kind, ran.code] += 1
            self.slowest[kind] = max(self.slowest.get(kind, 0.0), ran.cpu)
            self.memory[kind] = max(self.memory.get(kind, 0), ran.memory)
            self.compared += compared
            self.longest.append((ran.seconds, f"{kind}:{number}"))
            if wrong:
                self.failures.append(f"{kind}:{number}: {'; '.join(wrong)}")
                print(f"\nFAILED {self.failures[-1]}\n  again: {again(kind, number)}", flush=True)


def again(kind: str, number: int) -> str:
    """The command that runs one input once more."""
    return f"HELMTOOL_FUZZ_SEED={SEED} HELMTOOL_FUZZ_ONLY={kind}:{number} .venv/bin/pytest -s tests/fuzz"


def inputs() -> list[tuple[str, int]]:
    """The inputs of this run, by kind and number, all kinds mixed."""
    kind, _, number = ONLY.partition(":")
    if number:
        return [(kind, int(number))]
    whole = sum(SHARES.values())
    chosen = [(one, number) for one, share in SHARES.items() if kind in ("", one) for number in range(-(-RUNS * share // whole))]
    random.Random(SEED).shuffle(chosen)
    return chosen


def make(kind: str, number: int, good: Good) -> Case:
    """An input: always the same of a seed, a kind and a number."""
    return KINDS[kind](random.Random(f"{SEED}/{kind}/{number}"), good)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Good:
    return good_files(tmp_path_factory.mktemp("good"))


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory, good: Good) -> Iterator[Queue[Site]]:
    queue: Queue[Site] = Queue()
    every = [Site(tmp_path_factory.mktemp("helmtool-fuzz-"), good) for _ in range(1 if ":" in ONLY else WORKERS)]
    for site in every:
        queue.put(site)
    yield queue
    for site in every:
        site.close()


def test_no_input_brings_it_down(sites: Queue[Site], good: Good) -> None:
    found, chosen = Found(), inputs()
    begun = shown = time.monotonic()
    with ThreadPoolExecutor(WORKERS) as pool:
        for done, _ in enumerate(pool.map(lambda one: _try(*one, sites, good, found), chosen), 1):
            if time.monotonic() - shown > 5:
                shown = time.monotonic()
                print(f"{done}/{len(chosen)} inputs, {shown - begun:.0f} s, {len(found.failures)} failures", flush=True)
    print(f"the longest took {', '.join(f'{seconds:.0f} s ({name})' for seconds, name in sorted(found.longest)[-5:])}", flush=True)
    if os.environ.get("HELMTOOL_FUZZ_RUNS") and not ONLY:
        RESULT.write_text(json.dumps(_result(found, len(chosen)), indent=1) + "\n")
    assert not found.failures, "\n".join(found.failures)


def _try(kind: str, number: int, sites: Queue[Site], good: Good, found: Found) -> None:
    case, site = make(kind, number, good), sites.get()
    try:
        site.prepare(case)
        ran = site.run(case)
        wrong = judge(case, ran)
        compared = ":" in ONLY or random.Random(f"{SEED}/{kind}/{number}/real").randrange(REAL) == 0
        if compared and not wrong:
            site.prepare(case)
            wrong = _compare(ran, *site.run_for_real(case))
        if wrong or ":" in ONLY:
            _keep(kind, number, case, site, ran)
        found.add(kind, ran, wrong, number, compared=compared)
    finally:
        sites.put(site)


def _compare(ran: Ran, code: int, out: bytes, err: bytes) -> list[str]:
    """Whether a process of its own says the same; times apart."""
    pairs = (("exit code", ran.code, code), ("stdout", _timeless(ran.out), _timeless(out)), ("stderr", _timeless(ran.err), _timeless(err)))
    return [
        f"a process of its own has another {what}: {real!r:.300} instead of {forked!r:.300}"
        for what, forked, real in pairs
        if forked != real
    ]


def _timeless(text: bytes) -> bytes:
    return MOMENT.sub(b"T", text)


def _keep(kind: str, number: int, case: Case, site: Site, ran: Ran) -> None:
    """Keeps what was put in and what came out."""
    folder = KEPT / f"{SEED}-{kind}-{number}"
    folder.mkdir(parents=True, exist_ok=True)
    parts = {"arguments": repr(site.arguments(case)).encode(), "out": ran.out, "err": ran.err}
    parts |= {
        name.replace("/", "_"): content if isinstance(content, bytes) else content.kind.encode() for name, content in case.files.items()
    }
    for name, content in parts.items():
        (folder / name).write_bytes(content)
    if ":" in ONLY:
        err, out = ran.err.decode("utf-8", "replace"), ran.out.decode("utf-8", "replace")
        print(f"{case.arguments} {ran.code} {ran.cpu:.2f} s {ran.memory >> 20} MiB; kept in {folder}\n{err[-2000:]!a}\n{out[-2000:]!a}")


def _result(found: Found, inputs: int) -> dict[str, object]:
    kinds = sorted({kind for kind, _ in found.codes})
    table = {
        kind: {
            "inputs": sum(count for (one, _), count in found.codes.items() if one == kind),
            "exit codes": {str(code): count for (one, code), count in sorted(found.codes.items()) if one == kind},
            "slowest, seconds of CPU": round(found.slowest[kind], 1),
            "most memory, MiB": found.memory[kind] >> 20,
        }
        for kind in kinds
    }
    return {"seed": SEED, "inputs": inputs, "also as a process of their own": found.compared, "failures": found.failures, "kinds": table}
