"""The lock: who holds it writes, a holder that is gone stops nobody, and who lost it stops writing."""

from __future__ import annotations

import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cli import (
    LOCK_SECONDS,
    REPOSITORY,
    SHORT,
    UNSCHEDULABLE,
    Helmtool,
    Kube,
    Running,
    add_hanging_hook,
    kill_with_children,
    other_helm,
    wait_until,
)

from helmtool.adapters.cluster import Cluster
from helmtool.adapters.kubeconfig import read_access
from helmtool.adapters.lease import LeaseStore
from helmtool.model.lease import Lease

pytestmark = pytest.mark.slow

NAME = "newdqmgui-lock"
SECONDS = LOCK_SECONDS


@pytest.fixture
def helmtool(quick_lock: Path, kube: Kube) -> Helmtool:
    """HG0105a serves."""
    helmtool = Helmtool(quick_lock)
    helmtool("release", "local", "HG0105a")
    return helmtool


def lease(kube: Kube) -> dict[str, Any] | None:
    return kube.get("lease", NAME)


def hang(project: Path, helmtool: Helmtool, kube: Kube) -> Running:
    """A release that holds the lock, in the middle of helm's work, until somebody ends it."""
    add_hanging_hook(project)
    running = helmtool.start("release", "local", "HG0105b", "-o", "json")
    wait_until(lambda: kube.get("job", "hang"))
    (project / "charts/newdqmgui/templates/hang.yaml").unlink()
    return running


def end(running: Running) -> None:
    assert running.send(signal.SIGINT).wait().code == 130


def test_it_is_held_while_something_is_written(quick_lock: Path, helmtool: Helmtool, kube: Kube) -> None:
    assert lease(kube) is None
    running = hang(quick_lock, helmtool, kube)
    found = lease(kube)
    assert found
    assert found["metadata"]["annotations"]["helmtool/command"] == "release local HG0105b"
    assert found["spec"]["leaseDurationSeconds"] == SECONDS
    wait_until(lambda: (lease(kube) or found)["spec"]["renewTime"] != found["spec"]["renewTime"])
    end(running)
    assert lease(kube) is None


def test_lost_while_going_back_is_no_interruption(helmtool: Helmtool, kube: Kube, tmp_path: Path) -> None:
    """Helm hangs in the rollback of a release that failed; then the lock goes to somebody else."""
    hanging = Helmtool(helmtool.project, other_helm(tmp_path, "if [ $1 = rollback ]; then exec sleep 60; fi"))
    running = hanging.start("release", "local", "HG0105b", *UNSCHEDULABLE, *SHORT, "-o", "json").saw("rollback")
    patch = {"spec": {"holderIdentity": "bob@elsewhere/1"}, "metadata": {"annotations": {"helmtool/who": "bob@elsewhere"}}}
    kube("patch", "lease", NAME, "--type=merge", "-p", json.dumps(patch))
    result = running.wait()
    assert (result.code, result.error["code"]) == (1, "lock-lost"), result
    assert "it is held by bob@elsewhere" in result.error["message"]
    kube("delete", "lease", NAME)


@pytest.mark.parametrize("command", [("release", "local", "HG0105c"), ("rollback", "local", "1", "--force")])
def test_another_is_refused_as_long_as_the_holder_lives(quick_lock: Path, helmtool: Helmtool, kube: Kube, command: tuple[str, ...]) -> None:
    helmtool("release", "local", "HG0105d")
    running = hang(quick_lock, helmtool, kube)
    if command[0] == "release":  # which would be refused for Helm's pending revision even before the lock
        kube.store_status(3, "failed")
    before = {key: version for key, version in kube.versions().items() if key[0] != "Lease"}
    refused = helmtool(*command, "-o", "json", code=4)
    assert refused.error["code"] == "locked"
    assert "(release local HG0105b) since " in refused.error["message"]
    assert {key: version for key, version in kube.versions().items() if key[0] != "Lease"} == before
    end(running)


def test_a_reader_needs_no_lock(quick_lock: Path, helmtool: Helmtool, kube: Kube) -> None:
    running = hang(quick_lock, helmtool, kube)
    started = time.monotonic()
    helmtool("status", "local")
    helmtool("history", "local")
    helmtool("rollback", "local", "1", "--dry-run")
    assert time.monotonic() - started < 20
    end(running)


def test_a_killed_holder_is_followed(quick_lock: Path, helmtool: Helmtool, kube: Kube) -> None:
    running = hang(quick_lock, helmtool, kube)
    kill_with_children(running.process)
    running.wait()
    assert lease(kube)
    result = helmtool("rollback", "local", "1", "--force")
    assert f"(release local HG0105b) since {(result.err.split('since ')[1])[:10]}" in result.err
    assert f"was not renewed for {SECONDS} s and is taken over" in result.err
    assert lease(kube) is None
    helmtool("release", "local", "HG0105c")
    assert kube.serving == [f"{REPOSITORY}:HG0105c"]


def test_who_waits_gets_it(quick_lock: Path, helmtool: Helmtool, kube: Kube) -> None:
    running = hang(quick_lock, helmtool, kube)
    waiting = helmtool.start("rollback", "local", "1", "--force", "--wait-lock", "30s").saw("lock ")
    time.sleep(SECONDS)  # long enough to see that the holder lives
    assert waiting.process.poll() is None
    end(running)
    result = waiting.wait()
    # The holder went back by itself, so there is another revision than the one that was shown.
    assert (result.code, "somebody released meanwhile" in result.err) == (4, True), result


def test_who_lost_it_stops_helm_and_writes_nothing(quick_lock: Path, helmtool: Helmtool, kube: Kube) -> None:
    running = hang(quick_lock, helmtool, kube)
    patch = {"spec": {"holderIdentity": "bob@elsewhere/1"}, "metadata": {"annotations": {"helmtool/who": "bob@elsewhere"}}}
    kube("patch", "lease", NAME, "--type=merge", "-p", json.dumps(patch))
    started = time.monotonic()
    result = running.wait()
    assert (result.code, result.error["code"]) == (1, "lock-lost"), result
    assert "it is held by bob@elsewhere" in result.error["message"]
    assert time.monotonic() - started < 10
    found = lease(kube)
    assert found
    assert found["spec"]["holderIdentity"] == "bob@elsewhere/1"  # another's lock is not removed
    records = json.loads((kube.get("configmap", "newdqmgui-releases") or {})["data"]["records.json"])
    assert [(r["revision"], r["outcome"]) for r in records] == [(1, "deployed"), (2, "started")]
    assert max(kube.revisions) == 2  # and nothing was rolled back
    kube("delete", "lease", NAME)


def test_who_cannot_renew_stops_in_time(quick_lock: Path, helmtool: Helmtool, kube: Kube) -> None:
    """The API server is stopped for a while, as a network that is cut."""
    running = hang(quick_lock, helmtool, kube)
    server = _api_server(kube)
    os.kill(server, signal.SIGSTOP)
    try:
        started = time.monotonic()
        wait_until(lambda: running.process.poll() is not None)
        assert time.monotonic() - started < 3 * SECONDS + 5
    finally:
        os.kill(server, signal.SIGCONT)
    result = running.wait()
    assert (result.code, result.error["code"]) == (1, "lock-lost"), result


def _api_server(kube: Kube) -> int:
    """The process of this cluster's API server."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if words[0].endswith(b"kube-apiserver") and any(str(kube.state.folder).encode() in word for word in words):
                return int(entry.name)
    raise AssertionError("no API server of this cluster")


def test_of_many_at_once_one_gets_it(kube: Kube) -> None:
    store = LeaseStore(Cluster(read_access(str(kube.state.kubeconfig)), "dqm"), "newdqmgui")

    def take(number: int) -> Lease | None:
        return store.write(Lease(f"holder/{number}", "w", "c", "2026-05-01T10:00:00.000000Z", "2026-05-01T10:00:00.000000Z", 15), {}, 10)

    with ThreadPoolExecutor(20) as pool:
        taken = [one for one in pool.map(take, range(20)) if one]
    assert len(taken) == 1
    first = taken[0]
    with ThreadPoolExecutor(20) as pool:
        over = [one for one in pool.map(lambda number: store.write(first._replace(holder=f"over/{number}"), {}, 10), range(20)) if one]
    assert len(over) == 1
    assert not store.delete(first)  # it has changed since
    assert store.delete(over[0])
    assert store.read() is None
