"""Many releases at once on one environment: exactly one at a time writes, as the API server's audit log has it.

`HELMTOOL_WRITERS_RUNS` says how many (default: a sample), `HELMTOOL_WRITERS_SEED` which. `make proofs` starts 50 and writes
result.json beside this file.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from audit import LOG, audited_tools
from audited import POLICY, Held, Write, holds, read, violations, writers
from cli import ROOT, SHORT, UNSCHEDULABLE, Helmtool, Kube
from embedded import Heard

from helmtool.adapters import local
from helmtool.adapters.local import kwok
from helmtool.adapters.local.objects import NAMESPACE
from helmtool.adapters.local.state import State

RUNS = int(os.environ.get("HELMTOOL_WRITERS_RUNS", "8"))
SEED = os.environ.get("HELMTOOL_WRITERS_SEED", "1")
RESULT = Path(__file__).with_name("result.json")
PATIENCE = 30.0 + 15.0 * RUNS
"""Seconds for all of them: each that waits for the lock may find another before it."""
SHOWN_EVERY = 5.0
"""Seconds between two lines of progress."""
WAYS = {"waits": ("--wait-lock", "20m"), "does not wait": (), "waits, then fails": ("--wait-lock", "20m", *UNSCHEDULABLE, *SHORT)}
REFUSED = {"locked", "release-pending", "changed-meanwhile", "cluster-unreachable"}
"""How a release ends that another one was faster than, or for which the API server was too busy; it is begun again, up to TRIES times."""
TRIES = 3


class Writer:
    """Somebody who wants to release a tag, and tries again where somebody else was faster."""

    def __init__(self, kubeconfig: Path, way: str, tag: str) -> None:
        self.name, self.way, self.tag = kubeconfig.name, way, tag
        self._kubeconfig = kubeconfig
        self.words: list[str] = []
        self.unclear: list[str] = []
        self._out = kubeconfig.with_suffix(".out")
        self._argv = [sys.executable, "-m", "helmtool", "--kubeconfig", str(kubeconfig), "-o", "json", "release", "local", tag, *WAYS[way]]
        self._begin()

    def _begin(self) -> None:
        with self._out.open("wb") as stdout, self._out.with_suffix(".err").open("wb") as stderr:
            streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": stdout, "stderr": stderr}
            self.process = subprocess.Popen(self._argv, cwd=ROOT, env=Helmtool().environment, **streams)

    @property
    def ended(self) -> bool:
        """Whether it is done, or has given up; begins again where it has not."""
        if self.process.poll() is None:
            return False
        if len(self.words) < TRIES and not (self.words and self.words[-1] not in REFUSED):
            self._note(json.loads(self._out.read_text()).get("error", {}))
            if self.words[-1] in REFUSED and len(self.words) < TRIES:
                self._begin()
                return False
        return True

    def _note(self, error: dict[str, Any]) -> None:
        """Keeps how a try ended, and what is wrong with that."""
        word = error.get("code", "released")
        self.words.append(word)
        allowed = REFUSED | {"release-failed" if self.way == "waits, then fails" else "released"}
        named = word not in ("locked", "release-pending") or "(release local HG" in error["message"]
        if word not in allowed or not named or (self.process.returncode == 0) != (word == "released"):
            self.unclear.append(f"{self.name} ({self.way}) ended with {self.process.returncode}, {word}: {error.get('message')}")

    def write_without_the_lock(self, state: State) -> None:
        """What a hand does that the lock does not know."""
        argv = ["create", "configmap", "by-hand", "-n", NAMESPACE]
        assert kwok.kubectl(state, "--kubeconfig", str(self._kubeconfig), *argv).returncode == 0

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def audit(own_state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The audit log of a cluster of its own, on which HG0101a serves."""
    for name, value in audited_tools(tmp_path, POLICY).items():
        monkeypatch.setenv(name, value)
    local.up(Heard())
    assert own_state.kubeconfig.is_file()
    Helmtool()("release", "local", "HG0101a")
    return tmp_path / LOG


@pytest.fixture
def started(audit: Path, own_state: State, tmp_path: Path) -> Iterator[list[Writer]]:
    """All of them, started at once."""
    chance, found = random.Random(SEED), []
    for number, kubeconfig in enumerate(writers(own_state, tmp_path, RUNS), 1):
        way, tag = chance.choices(list(WAYS), (6, 3, 1))[0], f"HG{1 + number // 26:02d}02{chr(ord('a') + number % 26)}"
        found.append(Writer(kubeconfig, way, tag))
    yield found
    for writer in found:
        writer.end()


def test_one_at_a_time(started: list[Writer], audit: Path, own_state: State) -> None:
    began = time.monotonic()
    wait_for(started, began)
    writes = read(audit)
    held = holds(writes)
    problems = violations(writes, held) + [problem for writer in started for problem in writer.unclear]
    problems += wrong_end(started, held, Kube(own_state))
    unreachable = sum(writer.words.count("cluster-unreachable") for writer in started)
    problems += [f"{unreachable} tries found the API server too busy"] * (unreachable > RUNS // 5)
    writing = Counter(write.writer for write in writes if not write.of_the_lock)
    ends = Counter(word for writer in started for word in writer.words)
    print(f"{time.monotonic() - began:.0f} s; {ends}; the lock was held {len(held)} times, {len(writing)} wrote", flush=True)
    if "HELMTOOL_WRITERS_RUNS" in os.environ:
        write_result(started, writes, held, problems)
    assert not problems, "\n".join(problems)
    # What is shown must have been there to be seen: several who wrote, and several who wanted to at the same time.
    assert len(writing) > 1
    assert any(writer.words[0] in REFUSED for writer in started)
    started[0].write_without_the_lock(own_state)
    assert [found.partition(":")[0] for found in violations(read(audit), held)] == ["outside its time with the lock"]


def wait_for(started: list[Writer], began: float) -> None:
    shown = 0.0
    while (running := [w for w in started if not w.ended]) and time.monotonic() < began + PATIENCE:
        if time.monotonic() > shown + SHOWN_EVERY:
            shown = time.monotonic()
            print(f"{shown - began:.0f} s: {RUNS - len(running)}/{RUNS} have ended", flush=True)
        time.sleep(0.2)
    assert not running, f"{[writer.name for writer in running]} have not ended after {PATIENCE:.0f} s"


def wrong_end(started: list[Writer], held: list[Held], kube: Kube) -> list[str]:
    """Whether what serves in the end is what the last of them released that could."""
    released = {writer.name: writer.tag for writer in started if writer.words[-1] == "released"}
    last = next((released[one.writer] for one in reversed(held) if one.writer in released), "HG0101a")
    found = [f"{last} was released last, and {kube.image} serves"] if not kube.image.endswith(f":{last}") else []
    return found + (["a lock is left"] if kube.get("lease", "newdqmgui-lock") else [])


def write_result(started: list[Writer], writes: list[Write], held: list[Held], problems: list[str]) -> None:
    ends = Counter(f"{writer.way}: {writer.words[-1]}" for writer in started)
    tries = Counter(word for writer in started for word in writer.words)
    result = {
        "seed": SEED,
        "runs": RUNS,
        "failures": problems,
        "times that the lock was held": len(held),
        "writers that wrote more than it": len({write.writer for write in writes if not write.of_the_lock}),
        "writes": sum(not write.of_the_lock for write in writes),
        "writes of the lock": sum(write.of_the_lock for write in writes),
        "tries": dict(sorted(tries.items())),
        "ends": dict(sorted(ends.items())),
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
