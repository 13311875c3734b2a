"""Looks at a Deployment and all that belongs to it: once, or for as long as a rollout takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

from helmtool.adapters.answer import ClusterForbidden
from helmtool.adapters.cluster import Cluster
from helmtool.adapters.stream import Source, Stream, snapshot
from helmtool.model.manifest import Manifest, ObjectKey
from helmtool.model.observation import Observation

END_PATIENCE = 1.0
"""Seconds that the streams get to end; one that a silent server holds ends by itself later."""


def observe(cluster: Cluster, key: ObjectKey, seconds: float) -> Observation:
    """What is known of the Deployment now; what may not be read is left out. Raises ClusterUnreachable and ClusterForbidden."""
    live = cluster.get(key)
    if live is None:
        return Observation(None, seconds=seconds)
    sets, pods, events = cluster.in_parallel([partial(_allowed, cluster, source) for source in around(live)])
    return Observation(live, sets, pods, events, seconds=seconds)


def around(deployment: Manifest) -> tuple[Source, Source, Source]:
    """Where to find what belongs to a Deployment: its ReplicaSets, its pods, and the events of the namespace.

    The API server selects events by one object's name alone, and the pods' names are not known before.
    """
    chosen = selector(deployment)
    return Source("apps/v1", "ReplicaSet", chosen), Source("v1", "Pod", chosen), Source("v1", "Event")


def selector(deployment: Manifest) -> str:
    """The label selector of the Deployment's pods, as a request takes it."""
    labels = deployment["spec"]["selector"].get("matchLabels") or {}
    return ",".join(f"{name}={value}" for name, value in labels.items())


def _allowed(cluster: Cluster, source: Source) -> tuple[Manifest, ...]:
    try:
        return snapshot(cluster, source)
    except ClusterForbidden:
        return ()


class Observer:
    """One Deployment under observation: streams keep it up to date, and call `changed` from their threads.

    The Deployment alone tells whether a rollout is complete; `explain` also follows what tells why it is not. As a context manager it
    ends the streams.
    """

    def __init__(self, cluster: Cluster, key: ObjectKey, known: Manifest | None, changed: Callable[[], None]) -> None:
        self._cluster, self._changed, self._began = cluster, changed, time.monotonic()
        self._deployment = Stream(cluster, Source(key.api_version, key.kind, name=key.name), changed, known)
        self._around: tuple[Stream, ...] = ()
        self._told: set[str] = set()

    def __enter__(self) -> Observer:
        self._deployment.start()
        return self

    def __exit__(self, *_: object) -> None:
        streams = (self._deployment, *self._around)
        for stream in streams:
            stream.close()
        until = time.monotonic() + END_PATIENCE
        for stream in streams:
            stream.join(max(until - time.monotonic(), 0.0))

    def explain(self) -> None:
        """Follows the ReplicaSets, pods and events too, as soon as the Deployment is known."""
        found = self._deployment.objects
        if not self._around and found:
            self._around = tuple(Stream(self._cluster, source, self._changed) for source in around(found[0]))
            for stream in self._around:
                stream.start()

    @property
    def explains(self) -> bool:
        """Whether what surrounds the Deployment was read once."""
        return bool(self._around) and all(stream.settled for stream in self._around)

    @property
    def trouble(self) -> str:
        """Why the Deployment may be another by now; empty while all is well."""
        return self._deployment.trouble

    def look(self) -> Observation:
        """What is known, without a request. Raises ClusterForbidden where the Deployment cannot be read."""
        for stream in (self._deployment, *self._around):
            if stream.failure:
                raise stream.failure
        if self._deployment.blind and self._deployment.denied:
            raise self._deployment.denied
        found = self._deployment.objects
        sets, pods, events = [stream.objects for stream in self._around] or [(), (), ()]
        return Observation(found[0] if found else None, sets, pods, events, seconds=time.monotonic() - self._began)

    def missing_rights(self) -> Iterator[str]:
        """A sentence for each kind that may not be followed, once."""
        for stream in (self._deployment, *self._around):
            kind, error = stream.source.kind, stream.denied
            how = "read, so they explain nothing" if stream.blind else "watched, so they are asked for again and again"
            text = f"objects of the kind {kind} cannot be {how}: {error.message if error else ''}"
            if error and text not in self._told:
                self._told.add(text)
                yield text
