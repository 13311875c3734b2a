"""Looks at a Deployment and all that belongs to it."""

from __future__ import annotations

from helmtool.adapters.cluster import Cluster
from helmtool.model.manifest import Manifest, ObjectKey
from helmtool.model.observation import Observation


def observe(cluster: Cluster, key: ObjectKey, seconds: float) -> Observation:
    """What is known of the Deployment now. Raises ClusterUnreachable and ClusterForbidden."""
    live = cluster.get(key)
    if live is None:
        return Observation(None, seconds=seconds)
    chosen = selector(live)
    sets, pods, events = cluster.in_parallel(
        [
            lambda: cluster.list("apps/v1", "ReplicaSet", label_selector=chosen),
            lambda: cluster.list("v1", "Pod", label_selector=chosen),
            lambda: cluster.list("v1", "Event"),
        ]
    )
    return Observation(live, tuple(sets), tuple(pods), tuple(events), seconds=seconds)


def selector(deployment: Manifest) -> str:
    """The label selector of the Deployment's pods, as a request takes it."""
    labels = deployment["spec"]["selector"].get("matchLabels") or {}
    return ",".join(f"{name}={value}" for name, value in labels.items())
