"""What is known of a rollout at one moment: the API server's own objects, and what the containers said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from helmtool.model.manifest import Manifest

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
        wanted, uid = _revision(self.deployment), self.deployment["metadata"].get("uid")
        return next((s for s in self.replica_sets if _revision(s) == wanted and _owner(s) == uid), None)

    @property
    def new_pods(self) -> tuple[Manifest, ...]:
        """The pods of the newest template that are not on their way out."""
        newest = self.newest_set
        uid = newest["metadata"].get("uid") if newest else None
        return tuple(p for p in self.pods if uid and _owner(p) == uid and "deletionTimestamp" not in p["metadata"])

    @property
    def old_pods(self) -> tuple[Manifest, ...]:
        """The pods of earlier templates, and those on their way out."""
        new = {p["metadata"]["name"] for p in self.new_pods}
        return tuple(p for p in self.pods if p["metadata"]["name"] not in new)

    def events_of(self, manifest: Manifest) -> tuple[Manifest, ...]:
        """The events about this very object, the oldest first."""
        uid = manifest["metadata"].get("uid")
        found = (e for e in self.events if (e.get("involvedObject") or {}).get("uid") == uid)
        return tuple(sorted(found, key=event_time))


def event_time(event: Manifest) -> str:
    """When an event was last seen (RFC 3339), whichever of its fields says it."""
    series = event.get("series") or {}
    return str(series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime") or "")


def _revision(manifest: Manifest) -> str:
    return str((manifest["metadata"].get("annotations") or {}).get(REVISION) or "")


def _owner(manifest: Manifest) -> str:
    owners = manifest["metadata"].get("ownerReferences") or []
    return next((str(o.get("uid")) for o in owners if o.get("controller")), "")
