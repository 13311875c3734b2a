"""How far a Deployment is, from its status alone."""

from __future__ import annotations

from dataclasses import dataclass

from helmtool.model.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Rollout:
    """The state of one Deployment: complete, failed for good, or under way; `text` says it in a few words."""

    complete: bool
    failed: bool
    text: str
    ready: int = 0
    desired: int = 0


def judge(deployment: Manifest | None) -> Rollout:
    """Reads the state as `kubectl rollout status` does: a status that an older generation wrote says nothing yet."""
    if deployment is None:
        return Rollout(False, False, "not there")
    spec, status = deployment.get("spec") or {}, deployment.get("status") or {}
    desired, ready = int(spec.get("replicas", 1)), int(status.get("readyReplicas", 0))
    if int(status.get("observedGeneration", 0)) < int((deployment.get("metadata") or {}).get("generation", 0)):
        return Rollout(False, False, "waiting for the controller", ready, desired)
    for condition in status.get("conditions") or []:
        if condition.get("type") == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded":
            return Rollout(False, True, f"{ready} of {desired} pods ready", ready, desired)
    updated, total, available = (int(status.get(k, 0)) for k in ("updatedReplicas", "replicas", "availableReplicas"))
    if updated < desired:
        return Rollout(False, False, f"{updated} of {desired} new pods started", ready, desired)
    if total > updated:
        return Rollout(False, False, f"{total - updated} old pods left", ready, desired)
    if available < updated:
        return Rollout(False, False, f"{available} of {desired} pods available", ready, desired)
    return Rollout(True, False, f"{ready} of {desired} pods ready", ready, desired)
