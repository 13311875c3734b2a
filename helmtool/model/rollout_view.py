"""A rollout as people follow it: few rows, from an observation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from helmtool.model.causes import Cause
from helmtool.model.manifest import Manifest
from helmtool.model.observation import Observation, event_time
from helmtool.model.reading import listing, message_of, number, text
from helmtool.model.rollout import Rollout

EVENTS = 3


@dataclass(frozen=True, slots=True)
class PodRow:
    """One pod. `said` is what its probe or its container last said, `created` an RFC 3339 moment; `old` pods are on their way out."""

    name: str
    phase: str
    ready: bool
    old: bool
    restarts: int
    said: str
    created: str


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event; `at` is when it was last seen (RFC 3339), `about` the object's kind and name, `count` how often it was."""

    at: str
    about: str
    reason: str
    message: str
    warning: bool = False
    count: int = 1


@dataclass(frozen=True, slots=True)
class RolloutView:
    """One Deployment under way. `text` is its state in a few words, `seconds` how long it is watched, `cause` the best so far."""

    name: str
    text: str
    ready: int
    desired: int
    seconds: float
    pods: tuple[PodRow, ...] = ()
    events: tuple[EventRow, ...] = ()
    cause: str = ""

    @property
    def headline(self) -> str:
        """The state in one line: it names the pod that is waited for, and how it is."""
        waiting = next((pod for pod in self.pods if not pod.ready and not pod.old), None)
        return f"{self.text} (pod {waiting.name}: {waiting.phase})" if waiting else self.text


def view_of(name: str, observation: Observation, state: Rollout, causes: Sequence[Cause] = ()) -> RolloutView:
    """The rows for an observation: new pods before old ones, the last events oldest first."""
    pods = [*observation.new_pods, *observation.old_pods]
    old = {pod["metadata"]["name"] for pod in observation.old_pods}
    rows = tuple(_pod(pod, observation.events_of(pod), pod["metadata"]["name"] in old) for pod in pods)
    events = tuple(map(_event, _last_events(observation, pods)))
    return RolloutView(name, state.text, state.ready, state.desired, observation.seconds, rows, events, causes[0].text if causes else "")


def _last_events(observation: Observation, pods: Sequence[Manifest]) -> list[Manifest]:
    owners = [owner for owner in (observation.deployment, observation.newest_set) if owner]
    found = [event for owner in (*owners, *pods) for event in observation.events_of(owner)]
    return sorted(found, key=event_time)[-EVENTS:]


def events_around(observation: Observation) -> tuple[EventRow, ...]:
    """What was said about the Deployment, all that it made (gone pods too), and the claims that its pods mount; the oldest first."""
    name = text(observation.deployment, "metadata", "name")
    claims = {claim for pod in observation.pods for v in listing(pod, "spec", "volumes") if (claim := _claim(v))}

    def is_about(event: Manifest) -> bool:
        kind, about = text(event, "involvedObject", "kind"), text(event, "involvedObject", "name")
        return (kind == "PersistentVolumeClaim" and about in claims) or about == name or about.startswith(f"{name}-")

    return tuple(map(_event, sorted(filter(is_about, observation.events), key=event_time)))


def is_ready(pod: Manifest) -> bool:
    """Whether the pod serves: its condition Ready."""
    return _condition(pod, "Ready").get("status") == "True"


def _claim(volume: Manifest) -> str:
    return text(volume, "persistentVolumeClaim", "claimName")


def _event(event: Manifest) -> EventRow:
    about = event.get("involvedObject") or {}
    return EventRow(
        event_time(event),
        f"{about.get('kind', '')}/{about.get('name', '')}",
        str(event.get("reason") or ""),
        message_of(event),
        event.get("type") == "Warning",
        number(event, "series", "count") or number(event, "count") or 1,
    )


def _pod(pod: Manifest, events: Sequence[Manifest], old: bool) -> PodRow:
    statuses = list(_statuses(pod))
    metadata = pod["metadata"]
    return PodRow(
        name=metadata["name"],
        phase=_phase(pod, events),
        ready=is_ready(pod) and "deletionTimestamp" not in metadata,
        old=old,
        restarts=sum(int(status.get("restartCount", 0)) for status in statuses),
        said=_said(pod, statuses, events),
        created=str(metadata.get("creationTimestamp") or ""),
    )


def _statuses(pod: Manifest) -> Iterator[dict[str, Any]]:
    """Of all containers, in the order in which they start."""
    status = pod.get("status") or {}
    yield from status.get("initContainerStatuses") or []
    yield from status.get("containerStatuses") or []


def _condition(pod: Manifest, kind: str) -> dict[str, Any]:
    conditions: list[dict[str, Any]] = (pod.get("status") or {}).get("conditions") or []
    return next((c for c in conditions if c.get("type") == kind), {})


def _phase(pod: Manifest, events: Sequence[Manifest]) -> str:
    """How far the pod is, in kubectl's words where it has one."""
    status = pod.get("status") or {}
    if "deletionTimestamp" in pod["metadata"]:
        return "Terminating"
    if status.get("phase") in ("Failed", "Succeeded"):
        return str(status.get("reason") or status["phase"])
    if is_ready(pod):
        return "Ready"
    scheduled = _condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        return str(scheduled.get("reason") or "Pending")
    return next((phase for each in _statuses(pod) if (phase := _container_phase(each, events))), str(status.get("phase") or "Pending"))


def _container_phase(status: dict[str, Any], events: Sequence[Manifest]) -> str:
    """Of a container that is waited for; empty for one that is ready, or has done its work."""
    state = status.get("state") or {}
    waiting, ended = state.get("waiting"), state.get("terminated")
    if waiting is not None:
        pulling = bool(events) and events[-1].get("reason") == "Pulling"
        reason = str(waiting.get("reason") or "Waiting")
        return "Pulling" if pulling and reason in ("ContainerCreating", "PodInitializing") else reason
    if ended is not None:
        return "" if ended.get("exitCode") == 0 and status.get("ready") else str(ended.get("reason") or "Terminated")
    if "running" in state and not status.get("ready"):
        return "Not ready" if status.get("started") else "Starting"
    return ""


def _said(pod: Manifest, statuses: Sequence[dict[str, Any]], events: Sequence[Manifest]) -> str:
    """Why it is not ready: the scheduler's, the kubelet's or the probe's last words, else how a container ended before."""
    if is_ready(pod):
        return ""
    waiting = [message_of(s, "state", "waiting") for s in statuses]
    probes = [message_of(event) for event in events if event.get("reason") == "Unhealthy"]
    ended = [(s.get("lastState") or {}).get("terminated") or (s.get("state") or {}).get("terminated") for s in statuses]
    exits = [f"exit code {e.get('exitCode')} ({e.get('reason')})" for e in ended if e and e.get("exitCode")]
    said = [message_of(_condition(pod, "PodScheduled")), *waiting, *probes[-1:], *exits]
    return next((text for text in said if text), "")
