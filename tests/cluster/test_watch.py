"""Rollouts watched on a real API server: how many requests they cost, what they survive, and what a person sees meanwhile."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cli import PATIENCE, UNSCHEDULABLE, Helmtool, Kube, wait_until
from embedded import Heard
from screen import shown

from helmtool.adapters import local
from helmtool.adapters.answer import ClusterForbidden
from helmtool.adapters.cluster import Cluster
from helmtool.adapters.connection import Request
from helmtool.adapters.kubeconfig import read_access
from helmtool.adapters.local import LocalCluster, kwok
from helmtool.adapters.local.objects import NAMESPACE
from helmtool.adapters.local.processes import end, processes_below
from helmtool.adapters.local.state import State
from helmtool.model.causes import Certainty
from helmtool.model.rollout_view import RolloutView
from helmtool.operations.progress import Silent
from helmtool.operations.watch import SETTLING, RolloutFailed, watch_rollout

pytestmark = pytest.mark.slow

NOWHERE = {"nowhere": "here"}
LABELS = {"app": "watched"}


def deployment(**pod: Any) -> dict[str, Any]:
    container = {"name": "c", "image": "nosuch:1"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "watched", "namespace": NAMESPACE},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": LABELS},
            "template": {"metadata": {"labels": LABELS}, "spec": {"terminationGracePeriodSeconds": 0, "containers": [container], **pod}},
        },
    }


class Seen(Silent):
    """The views of a rollout, and the warnings."""

    def __init__(self) -> None:
        self.views: list[RolloutView] = []
        self.warnings: list[str] = []

    def watching(self, view: RolloutView) -> None:
        self.views.append(view)

    def warn(self, text: str) -> None:
        self.warnings.append(text)


class Counting(Cluster):
    """Counts the requests that it sends."""

    def __init__(self, kubeconfig: str) -> None:
        super().__init__(read_access(kubeconfig), NAMESPACE)
        self.sent: list[str] = []
        send = self.connection.send

        def count(request: Request, *rest: Any, **more: Any) -> Any:
            watch = request.query and "watch" in request.query
            self.sent.append(f"{'WATCH' if watch else request.method} {request.path.rsplit('/', 1)[-1]}")
            return send(request, *rest, **more)

        self.connection.send = count  # type: ignore[method-assign]


@pytest.fixture
def api(kube: Kube, cluster: LocalCluster) -> Iterator[Counting]:
    made = Counting(cluster.kubeconfig)
    yield made
    made.connection.client.pool_manager.clear()


@pytest.fixture(autouse=True)
def no_threads_left() -> Iterator[None]:
    yield
    wait_until(lambda: not [thread.name for thread in threading.enumerate() if thread.name.startswith("watch ")])


class Watching:
    """A rollout that is watched in a thread of its own, so that the test can meddle."""

    def __init__(self, api: Cluster, manifest: dict[str, Any], seconds: float = PATIENCE) -> None:
        self.seen = Seen()
        self.error: BaseException | None = None
        self.ended = 0.0
        self._work = lambda: watch_rollout(api, [manifest], seconds=seconds, progress=self.seen)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            asyncio.run(self._work())
        except BaseException as error:
            self.error = error
        self.ended = time.monotonic()

    def sees(self, condition: Callable[[RolloutView], object]) -> None:
        """Waits until the last view is such a one."""
        wait_until(lambda: (self.seen.views and condition(self.seen.views[-1])) or self.ended)
        assert condition(self.seen.views[-1]), self.seen.views[-1]

    def wait(self) -> Watching:
        self._thread.join(2 * PATIENCE)
        assert not self._thread.is_alive()
        return self

    def succeeds(self) -> None:
        error = self.wait().error
        if error:
            raise error

    def fails(self) -> RolloutFailed:
        assert isinstance(self.wait().error, RolloutFailed), self.error
        return self.error  # type: ignore[return-value]


def test_what_is_complete_costs_one_request(kube: Kube, api: Counting) -> None:
    kube("apply", "-f", "-", input=deployment())
    kube("rollout", "status", "deployment/watched", "--timeout", "30s")
    Watching(api, deployment()).succeeds()
    assert api.sent == ["GET watched"]


def test_a_rollout_costs_few_requests_however_long_it_takes(kube: Kube, api: Counting) -> None:
    kube("apply", "-f", "-", input=deployment(nodeSelector=NOWHERE))
    watching = Watching(api, deployment())
    watching.sees(lambda view: view.pods and view.pods[0].phase == "Unschedulable" and view.events)
    before = len(api.sent)
    time.sleep(3)  # nothing happens, so nothing is asked
    assert len(api.sent) == before
    kube("apply", "-f", "-", input=deployment())
    watching.succeeds()
    assert sorted(api.sent) == [
        "GET events",
        "GET pods",
        "GET replicasets",
        "GET watched",
        "WATCH deployments",
        "WATCH events",
        "WATCH pods",
        "WATCH replicasets",
    ]
    assert watching.seen.warnings == []


def test_an_interrupted_wait_leaves_no_thread(kube: Kube, api: Counting) -> None:
    kube("apply", "-f", "-", input=deployment(nodeSelector=NOWHERE))

    async def interrupted() -> float:
        seen = Seen()
        task = asyncio.ensure_future(watch_rollout(api, [deployment()], seconds=PATIENCE, progress=seen))
        while not (seen.views and seen.views[-1].pods):
            await asyncio.sleep(0.05)
        assert len([t for t in threading.enumerate() if t.name.startswith("watch ")]) == 4
        began = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - began

    assert asyncio.run(interrupted()) < 5, "the streams would be held for thirty seconds"


def waiting(reason: str, message: str) -> str:
    state = {"waiting": {"reason": reason, "message": message}}
    statuses = [{"name": "c", "image": "nosuch:1", "imageID": "", "ready": False, "restartCount": 0, "state": state}]
    return json.dumps({"status": {"containerStatuses": statuses}})


@pytest.fixture
def pulls(kube: Kube, api: Counting) -> Iterator[tuple[Watching, Callable[[str, str], None]]]:
    """A rollout whose pod no node takes, and how its container is said to be: as a kubelet says it of an image."""
    kube("apply", "-f", "-", input=deployment(nodeSelector=NOWHERE))
    watching = Watching(api, deployment())
    watching.sees(lambda view: view.pods)
    name = watching.seen.views[-1].pods[0].name

    def say(reason: str, message: str) -> None:
        kube("patch", "pod", name, "--subresource=status", "--type=merge", "-p", waiting(reason, message))

    yield watching, say
    kube("apply", "-f", "-", input=deployment())
    watching.wait()


def test_a_cause_that_stays_certain_ends_the_wait(pulls: tuple[Watching, Callable[[str, str], None]]) -> None:
    watching, say = pulls
    began = time.monotonic()
    say("ErrImagePull", "nosuch:1: not found")
    error = watching.fails()
    assert error.causes[0].certainty is Certainty.CERTAIN
    assert SETTLING <= watching.ended - began < PATIENCE / 2


def test_a_cause_that_passes_does_not(kube: Kube, pulls: tuple[Watching, Callable[[str, str], None]]) -> None:
    watching, say = pulls
    say("ErrImagePull", "nosuch:1: not found")
    say("ContainerCreating", "")
    watching.sees(lambda view: view.pods and view.pods[0].said != "nosuch:1: not found")
    time.sleep(2 * SETTLING)
    kube("apply", "-f", "-", input=deployment())
    watching.succeeds()


def test_the_timeout(kube: Kube, api: Counting) -> None:
    kube("apply", "-f", "-", input=deployment(nodeSelector=NOWHERE))
    began = time.monotonic()
    watching = Watching(api, deployment(), seconds=2)
    assert "took longer than the timeout" in str(watching.fails())
    assert watching.ended - began >= 2


def test_a_deployment_that_vanishes_and_comes_back(kube: Kube, api: Counting) -> None:
    kube("apply", "-f", "-", input=deployment(nodeSelector=NOWHERE))
    watching = Watching(api, deployment())
    watching.sees(lambda view: view.pods)
    kube("delete", "deployment", "watched")
    watching.sees(lambda view: view.text == "not there")
    kube("apply", "-f", "-", input=deployment())
    watching.succeeds()


def role(*rules: tuple[str, str, list[str]]) -> list[dict[str, Any]]:
    group = "rbac.authorization.k8s.io"
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "limited"}},
        {
            "apiVersion": f"{group}/v1",
            "kind": "Role",
            "metadata": {"name": "limited"},
            "rules": [{"apiGroups": [g], "resources": [resource], "verbs": verbs} for g, resource, verbs in rules],
        },
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "limited"},
            "roleRef": {"apiGroup": group, "kind": "Role", "name": "limited"},
            "subjects": [{"kind": "ServiceAccount", "name": "limited", "namespace": NAMESPACE}],
        },
    ]


@pytest.fixture
def limited(kube: Kube, cluster: LocalCluster, tmp_path: Path) -> Iterator[Callable[..., Counting]]:
    """A person with these rights alone."""
    made: list[Counting] = []

    def give(*rules: tuple[str, str, list[str]]) -> Counting:
        for each in role(*rules):
            kube("apply", "-f", "-", input=each)
        config = json.loads(kube("config", "view", "--raw", "--flatten", "-o", "json"))
        config["users"] = [{"name": user["name"], "user": {"token": kube("create", "token", "limited")}} for user in config["users"]]
        file = tmp_path / "limited.yaml"
        file.write_text(json.dumps(config))
        made.append(Counting(str(file)))
        return made[-1]

    yield give
    for each in made:
        each.connection.client.pool_manager.clear()
    kube("delete", "rolebinding,role,serviceaccount", "limited", "--ignore-not-found")


def test_rights_that_are_missing_are_said_and_the_rollout_goes_on(kube: Kube, limited: Callable[..., Counting]) -> None:
    """Deployments may only be read by name, pods be listed, ReplicaSets be watched, events nothing at all."""
    api = limited(("apps", "deployments", ["get"]), ("", "pods", ["list"]), ("apps", "replicasets", ["list", "watch"]))
    kube("apply", "-f", "-", input=deployment(nodeSelector=NOWHERE))
    watching = Watching(api, deployment())
    watching.sees(lambda view: view.pods and view.pods[0].phase == "Unschedulable")
    kube("apply", "-f", "-", input=deployment())
    watching.succeeds()
    told = "\n".join(watching.seen.warnings)
    assert len(watching.seen.warnings) == 3
    for kind, how in (("Deployment", "watched"), ("Pod", "watched"), ("Event", "read")):
        assert f"objects of the kind {kind} cannot be {how}" in told


def test_a_deployment_that_may_not_be_read_is_an_error(kube: Kube, limited: Callable[..., Counting]) -> None:
    kube("apply", "-f", "-", input=deployment())
    assert isinstance(Watching(limited(("", "pods", ["list"])), deployment()).wait().error, ClusterForbidden)


def kill_api_server(state: State) -> Callable[[], subprocess.Popen[bytes]]:
    """Kills the API server alone, and gives what starts it again as it was started."""
    (found,) = [each for each in processes_below(state.folder) if each.program.name == "kube-apiserver"]
    process = Path(f"/proc/{found.pid}")
    argv, folder = (process / "cmdline").read_bytes().rstrip(b"\0").split(b"\0"), (process / "cwd").readlink()
    end(found)
    return lambda: subprocess.Popen(argv, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def test_an_api_server_that_is_killed_and_comes_back(own_state: State) -> None:
    up = local.up(Heard())
    kube, api = Kube(own_state), Counting(up.kubeconfig)
    kube("apply", "-f", "-", input=deployment(nodeSelector=NOWHERE))
    watching = Watching(api, deployment(), seconds=2 * PATIENCE)
    watching.sees(lambda view: view.pods)
    start = kill_api_server(own_state)
    watching.sees(lambda view: "trying again" in view.text)
    with start() as again:
        watching.sees(lambda view: view.text == "0 of 1 pods available" and view.pods)
        wait_until(lambda: kwok.is_ready(own_state))
        kube("apply", "-f", "-", input=deployment())
        watching.succeeds()
        again.kill()
    assert len(api.sent) < 120
    api.connection.client.pool_manager.clear()


class OnTerminal:
    """A command line whose stdout and stderr are one terminal."""

    def __init__(self, helmtool: Helmtool, *arguments: str) -> None:
        self._parent, child = pty.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        environment = helmtool.environment | {"TERM": "xterm", "NO_COLOR": "1"}
        argv = [sys.executable, "-m", "helmtool", *arguments]
        self.process = subprocess.Popen(argv, cwd=helmtool.project, env=environment, stdin=child, stdout=child, stderr=child)
        os.close(child)
        self.written = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        try:
            while some := os.read(self._parent, 65536):
                self.written += some.decode()
        except OSError:  # the last one on the other side has left
            pass

    def saw(self, text: str) -> OnTerminal:
        wait_until(lambda: text in self.written or self.process.poll() is not None)
        assert text in self.written
        return self

    def end(self) -> list[str]:
        """The lines that are left when it has ended."""
        try:
            self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self.process.wait()
            self._reader.join()
            os.close(self._parent)
        return shown(self.written)


def test_a_person_sees_the_pod_and_its_events_and_no_rubbish_afterwards(helmtool: Helmtool) -> None:
    helmtool("release", "local", "HG0105a")
    running = OnTerminal(helmtool, "release", "local", "HG0205a", *UNSCHEDULABLE, "--timeout", "6s")
    running.saw("  event ").saw("Unschedulable")
    left = running.end()
    assert running.process.returncode == 1
    assert not [line for line in left if line.startswith(("  pod ", "  event ", "… "))]
    assert [line for line in left if line.startswith("✓ apply")]
    assert left[-1] == "  next: helmtool history local; kubectl get nodes --show-labels"
    assert max(map(len, left)) <= 80


def test_ctrl_c_leaves_no_rubbish_either(helmtool: Helmtool) -> None:
    helmtool("release", "local", "HG0105a")
    running = OnTerminal(helmtool, "release", "local", "HG0205a", *UNSCHEDULABLE, "--timeout", "60s").saw("  event ")
    running.process.send_signal(signal.SIGINT)
    left = running.end()
    assert running.process.returncode == 130
    assert not [line for line in left if line.startswith(("  pod ", "  event ", "… "))]
    assert "\x1b[?25l" not in running.written


def test_a_script_gets_objects_on_stderr_and_one_document_on_stdout(helmtool: Helmtool) -> None:
    result = helmtool("release", "local", "HG0105a", *UNSCHEDULABLE, "--timeout", "4s", "-o", "json", code=1)
    assert result.error["code"] == "release-failed"
    news = [json.loads(line) for line in result.err.splitlines()]
    assert {line["state"] for line in news} == {"done", "skip", "start", "warn", "watch", "note"}
    last = [line for line in news if line["state"] == "watch"][-1]
    assert (last["step"], last["ready"], last["desired"]) == ("watch", 0, 1)
    assert [pod["phase"] for pod in last["pods"]] == ["Unschedulable"]
    assert {"FailedScheduling"} <= {event["reason"] for event in last["events"]}
