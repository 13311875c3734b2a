"""The Lease that is the lock of a release: read, taken, renewed and given back, each only over the state that was read."""

from __future__ import annotations

from collections.abc import Mapping

from helmtool.adapters.answer import Answer
from helmtool.adapters.cluster import Cluster
from helmtool.errors import OperationFailed
from helmtool.model.lease import API_VERSION, KIND, Lease, lease_object, read_lease
from helmtool.model.manifest import ObjectKey


class LeaseStore:
    """The Lease `RELEASE-lock` in the release's namespace. Of two writers at the same moment exactly one wins (HTTP 409 for the other)."""

    def __init__(self, cluster: Cluster, release: str) -> None:
        self._cluster = cluster
        self._key = ObjectKey(API_VERSION, KIND, cluster.namespace, f"{release}-lock")

    def read(self, seconds: float | None = None) -> Lease | None:
        """The lock as it is now, or None if nobody holds it. `seconds` limits the request."""
        live = self._cluster.get(self._key, seconds)
        return read_lease(live) if live else None

    def write(self, lease: Lease, names: Mapping[str, str], seconds: float) -> Lease | None:
        """Stores the lock: a new one without `uid`, else over exactly that state. Nothing where somebody else was faster.

        `seconds` limits the request. Raises OperationFailed, ClusterUnreachable and ClusterForbidden.
        """
        document = lease_object(lease, self._key.name, self._cluster.namespace, dict(names))
        send = self._cluster.replace if lease.uid else self._cluster.create
        return self._written(send(document, seconds=seconds))

    def delete(self, lease: Lease) -> bool:
        """Removes exactly this state of the lock; false where it is another's, or gone already."""
        return self._cluster.delete(self._key, uid=lease.uid, version=lease.version)

    def _written(self, answer: Answer) -> Lease | None:
        if answer.status in (404, 409):
            return None
        if answer.status >= 300:
            raise OperationFailed(
                f"the lock {self._key} cannot be written: {answer.message or answer.status}",
                hint=f"kubectl -n {self._key.namespace} get lease {self._key.name} -o yaml",
            )
        return read_lease(answer.body)
