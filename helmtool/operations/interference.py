"""What others have set on a live Deployment that changes how a release goes: a pause, more replicas, a HorizontalPodAutoscaler."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from helmtool.adapters.cluster import Cluster
from helmtool.errors import HelmtoolError, Refused
from helmtool.model.causes import Cause, pause_cause
from helmtool.model.manifest import Manifest, key_of
from helmtool.model.ownership import field_writer
from helmtool.model.reading import at, mapping, number, text

log = logging.getLogger(__name__)

RULE = "two pods of the service must never share a work directory"


class DeploymentPaused(Refused):
    """The Deployment is paused (`kubectl rollout pause`): no pod of a new template would start."""

    code = "deployment-paused"


def paused_error(cause: Cause) -> DeploymentPaused:
    """The refusal of a command that would change a paused Deployment."""
    return DeploymentPaused(cause.text, hint=cause.next, cause_codes=[cause.code])


def read_autoscalers(cluster: Cluster) -> tuple[Manifest, ...]:
    """The HorizontalPodAutoscalers of the namespace; none if they cannot be read, since no command needs that right."""
    try:
        return tuple(cluster.list("autoscaling/v1", "HorizontalPodAutoscaler"))
    except HelmtoolError as error:
        log.info("whether a HorizontalPodAutoscaler scales the service is not known: %s", error.message)
        return ()


def notes_on(live: Manifest | None, autoscalers: Sequence[Manifest]) -> tuple[str, ...]:
    """One sentence for each thing that others have set on a live Deployment, with the command that removes it.

    Empty if the object does not exist or is not a Deployment.
    """
    if live is None or live.get("kind") != "Deployment":
        return ()
    key, pause = key_of(live), pause_cause(live)
    notes = [f"{pause.text}; next: {pause.next}"] if pause else []
    scalers = [hpa for hpa in autoscalers if _scales(hpa, live)]
    notes += [f"{_described(hpa)} scales {key}, and {RULE}; next: {_delete(hpa)}" for hpa in scalers]
    replicas = number(live, "spec", "replicas") or 0
    if replicas > 1:
        who = f"HorizontalPodAutoscaler/{text(scalers[0], 'metadata', 'name')}" if scalers else field_writer(live, "spec", "replicas")
        scale = f"kubectl -n {key.namespace} scale deployment/{key.name} --replicas=1"
        notes.append(f"{key} has {replicas} replicas{f', set by {who}' if who else ''}: {RULE}{'' if scalers else f'; next: {scale}'}")
    return tuple(notes)


def _scales(autoscaler: Manifest, live: Manifest) -> bool:
    target = mapping(autoscaler, "spec", "scaleTargetRef")
    return (text(target, "kind"), text(target, "name")) == ("Deployment", text(live, "metadata", "name"))


def _described(autoscaler: Manifest) -> str:
    low, high = number(autoscaler, "spec", "minReplicas"), at(autoscaler, "spec", "maxReplicas")
    return f"HorizontalPodAutoscaler/{text(autoscaler, 'metadata', 'name')} ({1 if low is None else low} to {high} pods)"


def _delete(autoscaler: Manifest) -> str:
    return f"kubectl -n {text(autoscaler, 'metadata', 'namespace')} delete hpa {text(autoscaler, 'metadata', 'name')}"
