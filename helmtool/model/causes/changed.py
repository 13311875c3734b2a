"""Causes that others have set on the Deployment itself: it is paused, or scaled to 0."""

from __future__ import annotations

from collections.abc import Iterator

from helmtool.model.causes.catalogue import make
from helmtool.model.causes.cause import Cause, Certainty
from helmtool.model.manifest import Manifest
from helmtool.model.observation import Observation
from helmtool.model.ownership import field_writer
from helmtool.model.reading import at, message_of, number, text


def pause_cause(deployment: Manifest | None) -> Cause | None:
    """Why no pod of a new template starts; None if the Deployment is not paused."""
    if at(deployment, "spec", "paused") is not True:
        return None
    who = field_writer(deployment, "spec", "paused")
    return make("paused", {**_names(deployment), "who": who or "another manager"}, ["spec.paused: true"], Certainty.CERTAIN)


def changed_causes(observation: Observation) -> Iterator[Cause]:
    """A pause that keeps the newest template from its pods, and a Deployment that is to have none."""
    deployment = observation.deployment
    desired = number(deployment, "spec", "replicas")
    if desired == 0:
        who = field_writer(deployment, "spec", "replicas")  # with kubectl scale --replicas=0 the API server forgets it
        said = [message_of(event) for event in observation.events_of(deployment or {}) if text(event, "reason") == "ScalingReplicaSet"]
        seen = [f"spec.replicas: 0{f', set by {who}' if who else ''}", *said[-1:]]
        yield make("scaled-to-zero", _names(deployment), seen, Certainty.CERTAIN)
    elif (cause := pause_cause(deployment)) and (number(observation.newest_set, "spec", "replicas") or 0) < (desired or 1):
        yield cause


def _names(deployment: Manifest | None) -> dict[str, str]:
    return {"namespace": text(deployment, "metadata", "namespace"), "deployment": text(deployment, "metadata", "name")}
