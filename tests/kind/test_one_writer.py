"""One writer of the index, whatever takes a pod away; the server stops when a test lets it, and tells in the work directory who writes."""

from __future__ import annotations

import itertools
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from cli import Helmtool
from images import RealRegistry
from node import ADMIN, NAMESPACE, RELEASE, Node, wait_for

TAG = "HG0705a"
GRACE = ("--set", "terminationGracePeriodSeconds=100")
DATA = "/home/cmsusr/dqmgui/data"
INDEX = f"import sqlite3; index = sqlite3.connect('{DATA}/dqmgui.sqlite')"


@pytest.fixture(scope="module")
def slow(helmtool: Helmtool, node: Node, registry: RealRegistry) -> Iterator[Helmtool]:
    """The command line, where the server that waits for `let_it_stop` serves; every test leaves a pod of it."""
    node.pull_from(registry.host, registry.port)
    helmtool("release", "kind", TAG, *GRACE, "--timeout", "3m", "--no-verify", "--wait-lock", "1m")
    yield helmtool
    let_it_stop(node, node.pod())


def let_it_stop(node: Node, pod: dict[str, Any]) -> None:
    done = node.inside(pod, f"touch {DATA}/leave")
    assert done.returncode == 0, done.stderr


def terminating(node: Node, pod: str) -> bool:
    return any(p["metadata"]["name"] == pod and "deletionTimestamp" in p["metadata"] for p in node.get("pods", f"app={RELEASE}"))


def second(node: Node, old: str) -> str:
    """The name of the pod that comes for another one; empty as long as there is none."""
    return next((p["metadata"]["name"] for p in node.get("pods", f"app={RELEASE}") if p["metadata"]["name"] != old), "")


def evict(node: Node, pod: str) -> None:
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": NAMESPACE}}
    answer = node.client().request("POST", f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}/eviction", body=eviction)
    assert answer.status == 201, answer


def drain(node: Node, pod: str) -> None:
    """The node takes pods again while the drain still waits for the old one, as if there were a second node."""
    argv = ["docker", "exec", node.container, "kubectl", "--kubeconfig", ADMIN]
    argv += ["drain", node.container, f"--pod-selector=app={RELEASE}", "--ignore-daemonsets", "--timeout=60s"]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as draining:
        try:
            wait_for("the pod is evicted", lambda: terminating(node, pod) or draining.poll() is not None, 30)
        finally:
            draining.terminate()
    node.kubectl("uncordon", node.container)


def delete(node: Node, pod: str) -> None:
    node.kubectl("delete", "pod", pod, "--wait=false")


def force(node: Node, pod: str) -> None:
    node.kubectl("delete", "pod", pod, "--grace-period=0", "--force")


def ready_again(node: Node, old: str) -> None:
    def ready() -> bool:
        pods = [p for p in node.get("pods", f"app={RELEASE}") if p["metadata"]["name"] != old]
        return len(pods) == 1 and any(c["type"] == "Ready" and c["status"] == "True" for c in pods[0]["status"].get("conditions", []))

    wait_for("another pod is ready", ready, 90)


def ask_index(node: Node, question: str) -> str:
    return node.inside(node.pod(), f'python3 -c "{INDEX}; {question}"').stdout.strip()


def writers(node: Node) -> list[str]:
    """Who wrote into the work directory, one entry for each time that it was another one than before."""
    beats = node.inside(node.pod(), f"cat {DATA}/beats").stdout.split()
    return [name for name, _ in itertools.groupby(beats)]


def test_a_release_never_runs_two_pods(slow: Helmtool, node: Node) -> None:
    old = node.pod()
    with node.watch() as watch:
        running = slow.start("release", "kind", TAG, *GRACE, "--set", "podAnnotations.again=yes", "--timeout", "3m", "--no-verify")
        wait_for("the old pod is told to stop", lambda: terminating(node, old["metadata"]["name"]), 90)
        time.sleep(3)  # for a second pod to come, where one would
        let_it_stop(node, old)
        result = running.wait()
    assert result.code == 0, result
    first, new = old["metadata"]["name"], node.pod()["metadata"]["name"]
    assert (watch.names, watch.most_at_once) == ([first, new], 1)
    assert watch.end_of(first)["exitCode"] == 0
    assert datetime.fromisoformat(watch.begin_of(new)) >= datetime.fromisoformat(watch.end_of(first)["finishedAt"])
    assert writers(node)[-2:] == [first, new]


@pytest.mark.parametrize("take_away", [evict, drain, delete])
def test_a_second_pod_waits_until_the_first_has_stopped(slow: Helmtool, node: Node, take_away: Callable[[Node, str], None]) -> None:
    pod = node.pod()
    old = pod["metadata"]["name"]
    ask_index(node, "index.execute('INSERT INTO samples VALUES (316142)'); index.commit()")
    held = ask_index(node, "print(index.execute('SELECT count(*) FROM samples').fetchone()[0])")
    with node.watch() as watch:
        take_away(node, old)
        waits = f"INFO {DATA} is in use: {old}, process"
        wait_for("the second pod waits", lambda: (name := second(node, old)) and waits in node.log(name), 75)
        assert "INFO starting the server" not in node.log(second(node, old))
        let_it_stop(node, pod)
        ready_again(node, old)
    new = node.pod()["metadata"]["name"]
    assert (watch.names, watch.most_at_once) == ([old, new], 2)
    # Ended by SIGTERM within the grace period, for a kill would be 137.
    assert watch.end_of(old)["exitCode"] == 0
    assert writers(node)[-2:] == [old, new]
    assert len(set(writers(node))) == len(writers(node))
    assert ask_index(node, "print(index.execute('PRAGMA integrity_check').fetchone()[0])") == "ok"
    assert ask_index(node, "print(index.execute('SELECT count(*) FROM samples').fetchone()[0])") == held


def test_a_pod_that_is_deleted_by_force_leaves_one_writer(slow: Helmtool, node: Node) -> None:
    """The API server does not wait for the pod; only the lock knows that its server still stops."""
    old = node.pod()["metadata"]["name"]
    force(node, old)
    ready_again(node, old)
    new = node.pod()["metadata"]["name"]
    assert writers(node)[-2:] == [old, new]
    assert len(set(writers(node))) == len(writers(node))
    assert ask_index(node, "print(index.execute('PRAGMA integrity_check').fetchone()[0])") == "ok"
