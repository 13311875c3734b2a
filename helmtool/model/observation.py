"""What is known of a rollout at one moment: the API server's own objects, and what the containers said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from helmtool.model.manifest import Manifest
from helmtool.model.reading import at, listing, mapping, text

REVISION = "deployment.kubernetes.io/revision"
"""Annotation by which the Deployment controller numbers the ReplicaSets of a Deployment."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One Deployment, what belongs to it, and the events about any of them.

    `pods` are those that the Deployment's selector chooses, old ones too. `logs` holds the last lines of a container by the
    names of its pod and of itself: of the one that ended where one did. `seconds` is how long the rollout has been watched.
    """

    deployment: Manifest | None
    replica_sets: tuple[Manifest, ...] = ()
    pods: tuple[Manifest, ...] = ()
    events: tuple[Manifest, ...] = ()
    logs: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def newest_set(self) -> Manifest | None:
        """The ReplicaSet of the newest pod template; nothing until the controller has made it."""
        if self.deployment is None:
            return None
        wanted, uid = _revision(self.deployment), text(self.deployment, "metadata", "uid")
        return next((s for s in self.replica_sets if _revision(s) == wanted and _owner(s) == uid), None)

    @property
    def new_pods(self) -> tuple[Manifest, ...]:
        """The pods of the newest template that are not on their way out."""
        uid = text(self.newest_set, "metadata", "uid")
        return tuple(p for p in self.pods if uid and _owner(p) == uid and "deletionTimestamp" not in mapping(p, "metadata"))

    @property
    def old_pods(self) -> tuple[Manifest, ...]:
        """The pods of earlier templates, and those on their way out."""
        new = {text(p, "metadata", "name") for p in self.new_pods}
        return tuple(p for p in self.pods if text(p, "metadata", "name") not in new)

    def events_of(self, manifest: Manifest) -> tuple[Manifest, ...]:
        """The events about this very object, the oldest first."""
        uid = text(manifest, "metadata", "uid")
        return tuple(sorted((e for e in self.events if uid and text(e, "involvedObject", "uid") == uid), key=event_time))


def event_time(event: Manifest) -> str:
    """When an event was last seen (RFC 3339), whichever of its fields says it."""
    return text(event, "series", "lastObservedTime") or text(event, "lastTimestamp") or text(event, "eventTime")


def _revision(manifest: Manifest) -> str:
    return str(at(manifest, "metadata", "annotations", REVISION) or "")


def _owner(manifest: Manifest) -> str:
    return next((text(o, "uid") for o in listing(manifest, "metadata", "ownerReferences") if o.get("controller")), "")
