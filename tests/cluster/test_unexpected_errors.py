"""After the apply any failure leads to a rollback and a finished record, also an error that nobody foresaw."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import pytest
from cli import REPOSITORY, ROOT, UNSCHEDULABLE, Helmtool, Kube, Result
from fleets import Fleet

FAULT = """
import importlib, os
module, _, name = os.environ["FAULT"].partition(":")
holder = importlib.import_module(module)
*owner, name = name.split(".")
for part in owner:
    holder = getattr(holder, part)
def broken(*_, **__):
    raise eval(os.environ["FAULT_ERROR"])
setattr(holder, name, broken)
"""
"""Python runs it before the program (site): the function that FAULT names (`MODULE:NAME` or `MODULE:CLASS.NAME`) raises."""
POINTS = {
    "helmtool.operations.upgrade:kept_manifests": "RecursionError('deep')",
    "helmtool.operations.settle:watch_rollout": "KeyError('a')",
    "helmtool.operations.settle:verify": "UnicodeDecodeError('utf-8', bytes(1), 0, 1, 'odd')",
    "helmtool.operations.settle:readiness": "MemoryError()",
}


def broken(project: Path, folder: Path, point: str, error: str) -> Helmtool:
    (folder / "sitecustomize.py").write_text(FAULT)
    return Helmtool(project, {"PYTHONPATH": f"{folder}:{ROOT}", "FAULT": point, "FAULT_ERROR": error})


@pytest.mark.parametrize("point", POINTS)
def test_an_error_after_the_apply(project: Path, kube: Kube, helmtool: Helmtool, tmp_path: Path, point: str) -> None:
    helmtool("release", "local", "HG0105a", "--timeout", "20s")
    failed = broken(project, tmp_path, point, POINTS[point])("release", "local", "HG0105b", "--timeout", "20s", "-o", "json", code=1)
    assert failed.error["code"] == "release-failed"
    assert "internal error in helmtool: " in failed.error["message"]
    assert "rolled back" in failed.error["message"]
    assert "Traceback" not in failed.err
    assert kube.serving == [f"{REPOSITORY}:HG0105a"]
    lines = {line["revision"]: line for line in helmtool("history", "local", "-o", "json").json}
    assert (lines[2]["record"]["outcome"], lines[3]["record"]["outcome"]) == ("failed", "deployed")
    helmtool("release", "local", "HG0105b", "--timeout", "20s")


def test_an_error_while_the_cause_is_looked_for(project: Path, kube: Kube, helmtool: Helmtool, tmp_path: Path) -> None:
    helmtool("release", "local", "HG0105a", "--timeout", "20s")
    program = broken(project, tmp_path, "helmtool.operations.going_back:explain", "TypeError('odd')")
    failed = program("release", "local", "HG0105b", *UNSCHEDULABLE, "--timeout", "3s", "-o", "json", code=1)
    assert "rolled back" in failed.error["message"]
    assert kube.serving == [f"{REPOSITORY}:HG0105a"]


def test_renewals_of_the_lock_that_fail_in_an_unforeseen_way(quick_lock: Path, kube: Kube, tmp_path: Path) -> None:
    Helmtool(quick_lock)("release", "local", "HG0105a", "--timeout", "20s")
    program = broken(quick_lock, tmp_path, "helmtool.operations.lock:Lock._renew", "KeyError('a')")
    began = time.monotonic()
    failed = program("release", "local", "HG0105b", *UNSCHEDULABLE, "--timeout", "20s", "-o", "json", code=1)
    assert time.monotonic() - began < 15
    assert failed.error["code"] == "lock-lost"
    assert "could not be renewed (internal error in helmtool: KeyError)" in failed.error["message"]
    assert "Traceback" not in failed.err


RUNS = int(os.environ.get("HELMTOOL_ERROR_RUNS", "24"))
SEED = os.environ.get("HELMTOOL_ERROR_SEED", "1")
AT_ONCE = 3
ANYWHERE = """
import faulthandler, os, sys, threading
faulthandler.dump_traceback_later(90, exit=True)  # what hangs says where
AT, FILE = int(os.environ["FAULT_AT"]), os.environ["FAULT_FILE"]
calls = 0
def note(text):
    with open(FILE, "w") as file:
        file.write(text)
def trace(frame, event, _):
    global calls
    code = frame.f_code
    if event != "call" or "/helmtool/" not in code.co_filename or not code.co_flags & 1:  # the body of a module or class
        return
    if calls or (code.co_name == "upgrade" and code.co_filename.endswith("adapters/helm.py")):
        calls += 1
        if calls == AT:
            note(f"{code.co_filename.rpartition('/helmtool/')[2]} {code.co_name} {threading.current_thread().name}")
            sys.settrace(None)
            raise eval(os.environ["FAULT_ERROR"])
sys.settrace(trace)
threading.settrace(trace)
if not AT:
    import atexit
    atexit.register(lambda: note(str(calls)))
"""
"""The call number FAULT_AT of a function of helmtool raises, counted from the moment when helm is started; 0 only counts them."""
ERRORS = (
    "KeyError('a')",
    "RecursionError('deep')",
    "MemoryError()",
    "OSError(28, 'full')",
    "AssertionError()",
    "TimeoutError()",
)
COMMANDS = {"serves": (), "fails": (*UNSCHEDULABLE,)}


def released(fleet: Fleet, folder: Path, name: str, tag: str, how: str, at: int, error: str = "") -> tuple[Result, str]:
    """A release with an error at one call, and where that was."""
    (folder / "sitecustomize.py").write_text(ANYWHERE)
    file = folder / f"at-{name}"
    file.unlink(missing_ok=True)
    variables = {"PYTHONPATH": f"{folder}:{ROOT}", "FAULT_AT": str(at), "FAULT_ERROR": error, "FAULT_FILE": str(file)}
    program = Helmtool(fleet.helmtool.project, fleet.helmtool.variables | variables)
    timeout = ("--timeout", "3s" if how == "fails" else "20s")
    result = program.start("release", name, tag, *COMMANDS[how], *timeout, "--yes", "-o", "json").wait(120)
    return result, file.read_text() if file.exists() else ""


def judge(fleet: Fleet, name: str, before: str, tag: str, result: Result) -> list[str]:
    """What is wrong: neither the old version with both records finished, nor the new one with its own."""
    serves = fleet.image(name)
    lines = sorted(fleet.helmtool("history", name, "-o", "json").json, key=lambda line: int(line["revision"]))
    records = [str(line["record"]["outcome"]) for line in lines]
    problems = [f"Helm says {fleet.revisions(name)}"] if any(status.startswith("pending") for status in fleet.revisions(name)) else []
    if result.code == 0 or serves == tag:
        holds = (serves, records[-1]) == (tag, "deployed")
    elif "Helm has changed nothing" in result.out:
        holds = (serves, records[-1]) == (before, "failed")
    else:  # a rollback that Helm has made, and that could not be watched to its end, has failed too
        holds = serves == before and records[-2:] in (["failed", "deployed"], ["failed", "failed"])
    problems += [] if holds else [f"{serves} serves, and the records say {records}"]
    return problems + ([result.err] if "Traceback" in result.err or "most recent call first" in result.err else [])


@pytest.mark.slow
def test_an_error_anywhere_after_the_apply(make_fleet: Callable[[int], Fleet], tmp_path: Path) -> None:
    fleet, chance, free = make_fleet(AT_ONCE), random.Random(SEED), SimpleQueue[str]()
    last = {}
    for number in range(1, AT_ONCE + 1):
        fleet.helmtool("release", f"dev{number}", "HG0105a", "--timeout", "20s", "--yes")
        last[f"dev{number}"] = "HG0105a"
        free.put(f"dev{number}")
    calls = {}
    for how, tag in (("serves", "HG0105b"), ("fails", "HG0105c")):
        calls[how] = int(released(fleet, tmp_path, "dev1", tag, how, 0)[1])
    last["dev1"] = "HG0105b"
    seen: Counter[str] = Counter()

    def run(number: int, how: str, at: int, error: str) -> str:
        name = free.get()
        tag = f"HG02{number // 26 % 12 + 1:02d}{chr(ord('a') + number % 26)}"
        began = time.monotonic()
        result, where = released(fleet, tmp_path, name, tag, how, at, error)
        problems = judge(fleet, name, last[name], tag, result)
        ended = "rolled back" if "rolled back: " in result.out else f"exit code {result.code}"
        seen[ended if where else "not met"] += 1
        said = f"{number}: {how}, {error} at call {at}, {where}: exit code {result.code} after {time.monotonic() - began:.0f} s"
        said += f": {problems}" if problems else ""
        print(said, result.out[-400:] if problems else "", flush=True)
        if problems:
            fleet.helmtool("release", name, "HG0105a", "--timeout", "20s", "--yes", code=None)
        last[name] = fleet.image(name)
        free.put(name)
        return said if problems else ""

    drawn = [(n, how := chance.choice([*COMMANDS]), chance.randint(1, calls[how]), chance.choice(ERRORS)) for n in range(RUNS)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        wrong = [*filter(None, pool.map(lambda one: run(*one), drawn))]
    print(f"{RUNS} errors: {dict(seen)}", flush=True)
    assert not wrong, "\n".join(wrong)
