"""Waits for a rollout and says why it does not end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from helmtool.adapters.cluster import Cluster, ClusterUnreachable
from helmtool.errors import OperationFailed, Problem
from helmtool.model.manifest import Manifest, ObjectKey, key_of
from helmtool.model.rollout import Rollout, judge
from helmtool.operations.progress import Progress

FIRST_LOOK, GROWTH, LONGEST_PAUSE = 0.05, 1.2, 1.0
"""Seconds to the first look, what each pause grows by, the longest one: a rollout is seen within a sixth of the time it took."""
CONTROLLER_GRACE = 5.0
"""Seconds that the controller may be late with `ProgressDeadlineExceeded`; it was seen not to set it at all."""
EVENTS_SHOWN = 5


class RolloutFailed(OperationFailed):
    """The new pods did not become available; `problems` holds the evidence."""

    code = "rollout-failed"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a pod is not ready, in the words of the kubelet and of events."""

    path: str
    message: str


async def watch_rollout(cluster: Cluster, manifests: Iterable[Manifest], *, seconds: float, progress: Progress) -> None:
    """Waits until every Deployment among the objects serves its newest pods.

    Complete is what `kubectl rollout status` calls so: the controller has seen the newest generation, every replica is
    updated and available, and no old one is left. Raises RolloutFailed when the Deployment says that its deadline is
    over, or after `seconds`.
    """
    deadline = time.monotonic() + seconds
    for key in [key_of(m) for m in manifests if m.get("kind") == "Deployment"]:
        await _watch_one(cluster, key, deadline, progress)


async def _watch_one(cluster: Cluster, key: ObjectKey, deadline: float, progress: Progress) -> None:
    started, pause, shown = time.monotonic(), FIRST_LOOK, ""
    moved = started
    while True:
        live, state = await asyncio.to_thread(_look, cluster, key)
        if state.complete:
            progress.done("watch", f"{key}: {state.text} after {time.monotonic() - started:.1f} s")
            return
        if state.text != shown:
            progress.start("watch", f"{key}: {state.text}")
            shown, moved = state.text, time.monotonic()
        over = time.monotonic() >= deadline
        stuck = time.monotonic() >= moved + state.progress_deadline + CONTROLLER_GRACE
        if state.failed or stuck or over:
            await _fail(cluster, key, live, state, over and not stuck)
        await asyncio.sleep(pause)
        pause = min(pause * GROWTH, LONGEST_PAUSE)


def _look(cluster: Cluster, key: ObjectKey) -> tuple[Manifest | None, Rollout]:
    """The Deployment and its state; an API server that does not answer for a while does not end a rollout."""
    try:
        live = cluster.get(key)
    except ClusterUnreachable as error:
        return None, Rollout(False, False, f"{error.message}; trying again")
    return live, judge(live)


async def _fail(cluster: Cluster, key: ObjectKey, live: Manifest | None, state: Rollout, over: bool) -> None:
    evidence = await asyncio.to_thread(collect_evidence, cluster, live)
    why = "took longer than the timeout" if over and not state.failed else "did not make progress before its deadline"
    raise RolloutFailed(f"the rollout of {key} {why}: {state.text}", problems=[Problem(e.message, path=e.path) for e in evidence])


def collect_evidence(cluster: Cluster, deployment: Manifest | None) -> list[Evidence]:
    """What the pods of a Deployment, and the last warnings about them, say of a rollout that does not end."""
    if deployment is None:
        return []
    labels = deployment["spec"]["selector"]["matchLabels"]
    pods = cluster.list("v1", "Pod", label_selector=",".join(f"{k}={v}" for k, v in labels.items()))
    found = [Evidence(f"Deployment/{deployment['metadata']['name']}", text) for text in _conditions(deployment)]
    found += [Evidence(f"Pod/{pod['metadata']['name']}", text) for pod in pods for text in _pod_reasons(pod)]
    return found + _warning_events(cluster, [p["metadata"]["name"] for p in pods])


def _conditions(deployment: Manifest) -> list[str]:
    conditions = (deployment.get("status") or {}).get("conditions") or []
    return [f"{c.get('reason')}: {c.get('message')}" for c in conditions if c.get("type") == "ReplicaFailure" and c.get("status") == "True"]


def _pod_reasons(pod: Manifest) -> list[str]:
    status: dict[str, Any] = pod.get("status") or {}
    found = [
        f"{c.get('reason')}: {c.get('message')}" for c in status.get("conditions") or [] if c.get("status") == "False" and c.get("message")
    ]
    for container in status.get("containerStatuses") or []:
        waiting = (container.get("state") or {}).get("waiting")
        ended = (container.get("lastState") or {}).get("terminated")
        if waiting:
            found.append(f"container {container['name']}: {waiting.get('reason')} {waiting.get('message', '')}".rstrip())
        if ended:
            found.append(f"container {container['name']} ended with exit code {ended.get('exitCode')}: {ended.get('reason')}")
    return found or [f"phase {status.get('phase')}"]


def _warning_events(cluster: Cluster, pods: Sequence[str]) -> list[Evidence]:
    events = [e for e in cluster.list("v1", "Event", field_selector="type=Warning") if (e.get("involvedObject") or {}).get("name") in pods]
    newest = sorted(events, key=lambda e: str(e.get("lastTimestamp") or e.get("eventTime") or ""))[-EVENTS_SHOWN:]
    return [Evidence(f"Pod/{e['involvedObject']['name']}", f"{e.get('reason')}: {e.get('message')}") for e in newest]
