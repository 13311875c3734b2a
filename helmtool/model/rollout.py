"""How far a Deployment is, from its status alone."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from helmtool.model.manifest import Manifest
from helmtool.model.reading import listing, message_of, number

DEFAULT_DEADLINE = 600
"""The API server's own progressDeadlineSeconds."""


class Rollout(NamedTuple):
    """The state of one Deployment: complete, failed for good, or under way; `text` says it in a few words.

    `progress_deadline` is how many seconds it may stand still; endless where the Deployment could not be read. `recorded` is the text for
    a record, if `text` quotes another program.
    """

    complete: bool
    failed: bool
    text: str
    ready: int = 0
    desired: int = 0
    progress_deadline: float = math.inf
    recorded: str = ""


def judge(deployment: Manifest | None) -> Rollout:
    """Reads the state as `kubectl rollout status` does: a status that an older generation wrote says nothing yet.

    In one thing it differs: a Deployment that is scaled to 0 is never complete, since nothing serves.
    """
    if deployment is None:
        return Rollout(False, False, "not there")
    spec, status = deployment.get("spec") or {}, deployment.get("status") or {}
    replicas = number(spec, "replicas")
    desired, ready = 1 if replicas is None else replicas, number(status, "readyReplicas") or 0
    current = (number(status, "observedGeneration") or 0) >= (number(deployment, "metadata", "generation") or 0)
    missing = _missing(desired, status) if current else "waiting for the controller"
    failed = current and _deadline_exceeded(status)
    text = f"{ready} of {desired} pods ready" if failed or not missing else missing
    return Rollout(
        not missing and not failed, failed, text, ready, desired, float(number(spec, "progressDeadlineSeconds") or DEFAULT_DEADLINE)
    )


def _missing(desired: int, status: dict[str, Any]) -> str:
    """What a complete rollout still lacks; empty when nothing."""
    if desired == 0:
        return "scaled to 0 replicas: no pod runs"
    updated, total, available = (number(status, k) or 0 for k in ("updatedReplicas", "replicas", "availableReplicas"))
    if updated < desired:
        return f"{updated} of {desired} new pods started"
    if total > updated:
        return f"{total - updated} old pods left"
    return f"{available} of {desired} pods available" if available < updated else ""


def late_mark(deployment: Manifest | None) -> tuple[str, str]:
    """What tells one report of a missed deadline from another: its time and its words; both empty where there is none.

    The controller writes a condition anew only when its status or reason changes. So a rollout that begins after one that was late
    finds that one's report, with the name of that one's ReplicaSet, until it makes progress itself.
    """
    status = (deployment or {}).get("status") or {}
    late = [c for c in listing(status, "conditions") if c.get("reason") == "ProgressDeadlineExceeded"]
    return (str(late[0].get("lastUpdateTime") or ""), message_of(late[0])) if late else ("", "")


def _deadline_exceeded(status: dict[str, Any]) -> bool:
    """Whether the newest ReplicaSet made no progress for too long.

    Before there is one, the controller counts from the last progress of the rollout before: after one that failed an hour ago it
    calls a new one late at once, while the old pod still stops. It then names the Deployment, not a ReplicaSet.
    """
    late = [c for c in listing(status, "conditions") if c.get("type") == "Progressing" and c.get("reason") == "ProgressDeadlineExceeded"]
    return any(not message_of(c).startswith("Deployment ") for c in late)
