"""Rows for people: one case for each state that a pod goes through, in the objects' own form."""

from __future__ import annotations

from typing import Any

import pytest

from helmtool.model.causes import Cause, Certainty
from helmtool.model.observation import Observation
from helmtool.model.rollout import judge
from helmtool.model.rollout_view import EventRow, PodRow, RolloutView, view_of

REVISION = {"deployment.kubernetes.io/revision": "2"}
DEPLOYMENT = {
    "kind": "Deployment",
    "metadata": {"name": "web", "uid": "d", "annotations": REVISION, "generation": 2},
    "spec": {"replicas": 1},
    "status": {"observedGeneration": 2, "updatedReplicas": 1, "replicas": 1},
}
SET = {"metadata": {"name": "web-2", "uid": "s", "annotations": REVISION, "ownerReferences": [{"controller": True, "uid": "d"}]}}
CREATED = "2026-01-01T00:00:00Z"


def pod(status: dict[str, Any], owner: str = "s", **metadata: Any) -> dict[str, Any]:
    owners = [{"controller": True, "uid": owner}]
    about = {"name": "web-2-x", "uid": "p", "creationTimestamp": CREATED, "ownerReferences": owners}
    return {"metadata": about | metadata, "status": status}


def event(uid: str, reason: str, message: str = "", at: str = "2026-01-01T00:00:05Z", kind: str = "Pod", name: str = "web-2-x") -> Any:
    return {"involvedObject": {"uid": uid, "kind": kind, "name": name}, "reason": reason, "message": message, "lastTimestamp": at}


def view(*pods: Any, events: tuple[Any, ...] = (), causes: tuple[Cause, ...] = ()) -> RolloutView:
    seen = Observation(DEPLOYMENT, (SET,), pods, events, seconds=12.5)
    return view_of("Deployment/web", seen, judge(DEPLOYMENT), causes)


def container(ready: bool = False, restarts: int = 0, last: Any = None, started: bool | None = None, **state: Any) -> dict[str, Any]:
    status = {"name": "c", "ready": ready, "restartCount": restarts, "state": state, "lastState": {"terminated": last} if last else {}}
    return status | ({} if started is None else {"started": started})


def of(*containers: dict[str, Any], init: tuple[dict[str, Any], ...] = (), **more: Any) -> dict[str, Any]:
    return {"phase": "Pending", "containerStatuses": list(containers), "initContainerStatuses": list(init)} | more


READY = {"conditions": [{"type": "Ready", "status": "True"}]}
UNPLACED = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes are available"}
CREATING = container(waiting={"reason": "ContainerCreating"})
DONE = container(ready=True, terminated={"exitCode": 0, "reason": "Completed"})
KILLED = {"exitCode": 137, "reason": "OOMKilled"}


@pytest.mark.parametrize(
    ("status", "events", "phase", "said"),
    [
        ({}, (), "Pending", ""),
        ({"phase": "Pending", "conditions": [UNPLACED]}, (), "Unschedulable", "0/1 nodes are available"),
        (of(CREATING), (), "ContainerCreating", ""),
        (of(CREATING), (event("p", "Scheduled", at="1"), event("p", "Pulling", at="2")), "Pulling", ""),
        (of(CREATING), (event("p", "Pulling", at="1"), event("p", "Pulled", at="2")), "ContainerCreating", ""),
        (of(CREATING), (event("other", "Pulling"),), "ContainerCreating", ""),
        (of(container(waiting={"reason": "ErrImagePull", "message": "not found"})), (), "ErrImagePull", "not found"),
        (of(container(waiting={})), (), "Waiting", ""),
        (of(container(waiting={"reason": "PodInitializing"}), init=(container(running={}),)), (), "Starting", ""),
        (of(CREATING, init=(DONE,)), (), "ContainerCreating", ""),
        (of(CREATING, init=(container(terminated={"exitCode": 1, "reason": "Error"}),)), (), "Error", "exit code 1 (Error)"),
        (of(container(running={}, started=False), phase="Running"), (), "Starting", ""),
        (of(container(running={}, started=True), phase="Running"), (), "Not ready", ""),
        (
            of(container(running={}, started=True, restarts=2, last=KILLED), phase="Running"),
            (event("p", "Unhealthy", "first", at="1"), event("p", "Unhealthy", "Readiness probe failed: 503", at="2")),
            "Not ready",
            "Readiness probe failed: 503",
        ),
        (of(container(running={}, started=True, restarts=2, last=KILLED), phase="Running"), (), "Not ready", "exit code 137 (OOMKilled)"),
        (
            of(container(waiting={"reason": "CrashLoopBackOff", "message": "back-off 10s"}, restarts=2, last=KILLED)),
            (),
            "CrashLoopBackOff",
            "back-off 10s",
        ),
        (of(container(ready=True, running={}, started=True), **READY), (event("p", "Unhealthy", "early"),), "Ready", ""),
        ({"phase": "Failed", "reason": "Evicted"}, (), "Evicted", ""),
        ({"phase": "Failed"}, (), "Failed", ""),
    ],
)
def test_a_pod_on_its_way(status: dict[str, Any], events: tuple[Any, ...], phase: str, said: str) -> None:
    (row,) = view(pod(status), events=events).pods
    assert (row.phase, row.said) == (phase, said)
    assert row.ready is (phase == "Ready")


def test_new_pods_come_first_and_old_ones_are_marked() -> None:
    ready = of(container(ready=True, running={}, restarts=3), **READY)
    leaving = pod(ready, "old", name="web-1-y", uid="o", deletionTimestamp="2026-01-01T00:00:09Z")
    found = view(leaving, pod(of(container(restarts=2, waiting={"reason": "X"}), init=(container(restarts=1),))))
    assert found.pods == (
        PodRow("web-2-x", "X", ready=False, old=False, restarts=3, said="", created=CREATED),
        PodRow("web-1-y", "Terminating", ready=False, old=True, restarts=3, said="", created=CREATED),
    )


def test_the_last_events_of_what_belongs_to_the_rollout() -> None:
    events = (
        event("p", "Pulled", at="2026-01-01T00:00:04Z"),
        event("elsewhere", "Pulled", at="2026-01-01T00:00:09Z"),
        event("d", "ScalingReplicaSet", "up", "2026-01-01T00:00:01Z", "Deployment", "web"),
        event("s", "FailedCreate", "quota", "2026-01-01T00:00:03Z", "ReplicaSet", "web-2"),
        event("p", "Scheduled", at="2026-01-01T00:00:02Z"),
    )
    assert view(pod({}), events=events).events == (
        EventRow("2026-01-01T00:00:02Z", "Pod/web-2-x", "Scheduled", ""),
        EventRow("2026-01-01T00:00:03Z", "ReplicaSet/web-2", "FailedCreate", "quota"),
        EventRow("2026-01-01T00:00:04Z", "Pod/web-2-x", "Pulled", ""),
    )


def test_the_headline_names_the_pod_that_is_waited_for() -> None:
    old = pod({}, "old", name="web-1-y", uid="o")
    assert view(old).headline == "0 of 1 pods available"
    assert view(old, pod(of(CREATING))).headline == "0 of 1 pods available (pod web-2-x: ContainerCreating)"
    assert view(pod(of(container(ready=True, running={}), **READY))).headline == "0 of 1 pods available"


def test_the_rest_is_what_is_known_of_the_deployment() -> None:
    found = view(causes=(Cause("a", "the best", Certainty.LIKELY), Cause("b", "another", Certainty.POSSIBLE)))
    assert found == RolloutView("Deployment/web", "0 of 1 pods available", 0, 1, 12.5, cause="the best")
    assert view_of("Deployment/web", Observation(None), judge(None)) == RolloutView("Deployment/web", "not there", 0, 0, 0.0)
