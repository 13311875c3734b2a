"""Small observations: a Deployment of one replica, its newest ReplicaSet, and one pod of it."""

from __future__ import annotations

from typing import Any

from helmtool.model.observation import REVISION, Observation

IMAGE = "registry.cern.ch/cmsweb/newdqmgui:HG0105a"


def at(second: int) -> str:
    return f"2026-05-01T10:{second // 60:02}:{second % 60:02}Z"


def deployment(**status: Any) -> dict[str, Any]:
    applied = [{"manager": "helm", "operation": "Apply", "time": at(0)}]
    metadata = {"name": "newdqmgui", "namespace": "dqm", "uid": "d", "annotations": {REVISION: "2"}, "managedFields": applied}
    return {"metadata": metadata, "spec": {"progressDeadlineSeconds": 540}, "status": status}


def replica_set(*conditions: dict[str, Any]) -> dict[str, Any]:
    owners = [{"uid": "d", "controller": True}]
    metadata = {"name": "newdqmgui-2", "uid": "r", "annotations": {REVISION: "2"}, "ownerReferences": owners}
    return {"metadata": metadata, "status": {"conditions": list(conditions)}}


def pod(state: dict[str, Any] | None = None, *, restarts: int = 0, last: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """`state` is the container's; `more` may be `spec`, `status` and `metadata` fields to add."""
    told = {"name": "newdqmgui", "restartCount": restarts, "ready": False, "state": state or {}, "lastState": last or {}}
    spec = {"nodeName": "node1", "containers": [{"name": "newdqmgui", "image": IMAGE}], "volumes": []}
    status = {"phase": "Pending", "startTime": at(1), "containerStatuses": [told] if state is not None else []}
    metadata = {"name": "newdqmgui-2-x", "namespace": "dqm", "uid": "p", "creationTimestamp": at(1)}
    owners = {"ownerReferences": [{"uid": "r", "controller": True}]}
    return {
        "metadata": metadata | owners | more.get("metadata", {}),
        "spec": spec | more.get("spec", {}),
        "status": status | more.get("status", {}),
    }


def event(reason: str, message: str, first: int = 1, last: int = 1, uid: str = "p", count: int = 1) -> dict[str, Any]:
    return {
        "involvedObject": {"uid": uid, "kind": "Pod", "name": "newdqmgui-2-x"},
        "reason": reason,
        "message": message,
        "count": count,
        "firstTimestamp": at(first),
        "lastTimestamp": at(last),
    }


def seen(*events: dict[str, Any], pods: list[dict[str, Any]] | None = None, seconds: float = 5.0, **more: Any) -> Observation:
    return Observation(
        more.get("deployment", deployment()),
        (more.get("replica_set", replica_set()),),
        tuple(pods if pods is not None else [pod({"waiting": {"reason": "ContainerCreating"}})]),
        tuple(events),
        more.get("logs", {}),
        seconds,
    )


def crashed(code: int, reason: str = "Error", second: int = 2) -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "reason": reason, "startedAt": at(1), "finishedAt": at(second)}}


BACK_OFF = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}
LOG_OF = ("newdqmgui-2-x", "newdqmgui")
