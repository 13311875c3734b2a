"""What is known of a rollout at one moment: the API server's own objects, and what the containers said."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from helmtool.model.manifest import Manifest
from helmtool.model.reading import at, listing, mapping, text

REVISION = "deployment.kubernetes.io/revision"
"""Annotation by which the Deployment controller numbers the ReplicaSets of a Deployment."""
TEMPLATE_HASH = "pod-template-hash"
"""Label by which it tells the pods of its ReplicaSets apart."""


@dataclass(frozen=True)  # without slots, so that what is asked for again and again is looked for once
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

    @cached_property
    def newest_set(self) -> Manifest | None:
        """The ReplicaSet of the newest pod template; nothing until the controller has made it.

        The number alone does not tell: with Recreate the Deployment keeps the old one until the old pods are gone.
        """
        if self.deployment is None:
            return None
        wanted, uid, template = _revision(self.deployment), text(self.deployment, "metadata", "uid"), _template(self.deployment)
        owned = (s for s in self.replica_sets if _revision(s) == wanted and _owner(s) == uid)
        return next((s for s in owned if _template(s) == template), None)

    @cached_property
    def new_pods(self) -> tuple[Manifest, ...]:
        """The pods of the newest template that are not on their way out."""
        uid = text(self.newest_set, "metadata", "uid")
        return tuple(p for p in self.pods if uid and _owner(p) == uid and "deletionTimestamp" not in mapping(p, "metadata"))

    @cached_property
    def old_pods(self) -> tuple[Manifest, ...]:
        """The pods of earlier templates, and those on their way out."""
        new = {text(p, "metadata", "name") for p in self.new_pods}
        return tuple(p for p in self.pods if text(p, "metadata", "name") not in new)

    def events_of(self, manifest: Manifest) -> tuple[Manifest, ...]:
        """The events about this very object, the oldest first."""
        return self._events_by_uid.get(text(manifest, "metadata", "uid"), ())

    @cached_property
    def _events_by_uid(self) -> Mapping[str, tuple[Manifest, ...]]:
        found: dict[str, list[Manifest]] = defaultdict(list)
        for event in sorted(self.events, key=event_time):
            if uid := text(event, "involvedObject", "uid"):
                found[uid].append(event)
        return {uid: tuple(events) for uid, events in found.items()}


def event_time(event: Manifest) -> str:
    """When an event was last seen (RFC 3339), whichever of its fields says it."""
    return text(event, "series", "lastObservedTime") or text(event, "lastTimestamp") or text(event, "eventTime")


def _revision(manifest: Manifest) -> str:
    return str(at(manifest, "metadata", "annotations", REVISION) or "")


def _template(manifest: Manifest) -> Manifest:
    """The pod template without the label that the controller adds to a ReplicaSet's."""
    template = mapping(manifest, "spec", "template")
    metadata = mapping(template, "metadata")
    labels = {name: value for name, value in mapping(metadata, "labels").items() if name != TEMPLATE_HASH}
    return {**template, "metadata": {**metadata, "labels": labels}}


def _owner(manifest: Manifest) -> str:
    return next((text(o, "uid") for o in listing(manifest, "metadata", "ownerReferences") if o.get("controller")), "")
