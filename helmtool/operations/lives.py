"""Objects as they live, asked for as soon as somebody knows that they will be needed."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from functools import partial

from helmtool.adapters.cluster import Cluster
from helmtool.model.manifest import Manifest, ObjectKey, key_of


class Lives:
    """The live objects of one plan. Each is read once, in a thread, whoever asks for it first."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._asked: dict[ObjectKey, Future[Manifest | None]] = {}

    def ask(self, manifests: Iterable[Manifest]) -> None:
        """Begins to read the objects that these describe, and waits for none."""
        new = [key for key in dict.fromkeys(map(key_of, manifests)) if key not in self._asked]
        self._asked |= zip(new, self._cluster.begin([partial(self._cluster.get, key) for key in new]), strict=True)

    def of(self, manifests: Iterable[Manifest]) -> dict[ObjectKey, Manifest | None]:
        """The objects, with nothing for one that is not there. Raises ClusterUnreachable and ClusterForbidden."""
        manifests = [*manifests]
        self.ask(manifests)
        return {key: self._asked[key].result() for key in map(key_of, manifests)}
