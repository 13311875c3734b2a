"""The ConfigMap that holds the records of a release."""

from __future__ import annotations

from collections.abc import Callable

from helmtool.adapters.cluster import Cluster
from helmtool.errors import OperationFailed
from helmtool.model.manifest import Manifest, ObjectKey
from helmtool.model.reading import text
from helmtool.model.record import Record, append, dump, load

KEY = "records.json"
ATTEMPTS = 5


def read_records(cluster: Cluster, release: str) -> list[Record]:
    """The records of a release, oldest first."""
    live = cluster.get(_key(cluster, release))
    return load(text(live, "data", KEY))


def add_record(cluster: Cluster, release: str, record: Record, stored: Manifest | None = None) -> Manifest:
    """Appends one record and gives the object that holds them; a writer that was faster is read again, so that none is lost.

    `stored` is that object as it was last written, which saves reading it. Raises OperationFailed.
    """
    return _change(cluster, release, lambda records: append(records, record), stored)


def remove_record(cluster: Cluster, release: str, record: Record) -> None:
    """Takes back exactly this record, if it is there. Raises OperationFailed."""
    _change(cluster, release, lambda records: [one for one in records if one != record])


def _change(cluster: Cluster, release: str, change: Callable[[list[Record]], list[Record]], stored: Manifest | None = None) -> Manifest:
    for _ in range(ATTEMPTS):
        live = stored if text(stored, "metadata", "resourceVersion") else cluster.get(_key(cluster, release))
        stored = None
        records = change(load(text(live, "data", KEY)))
        document = _document(cluster, release, dump(records), live)
        answer = cluster.replace(document) if live else cluster.create(document)
        if answer.status < 300:
            return answer.body
        if answer.status not in (404, 409):  # gone, or changed, since it was read
            break
    said = "the record of the release could not be written"
    raise OperationFailed(f"{said}: {answer.message}", recorded=f"{said}: {answer.summary}")


def _key(cluster: Cluster, release: str) -> ObjectKey:
    return ObjectKey("v1", "ConfigMap", cluster.namespace, f"{release}-releases")


def _document(cluster: Cluster, release: str, records: str, live: Manifest | None) -> Manifest:
    metadata = {"name": f"{release}-releases", "namespace": cluster.namespace, "labels": {"app.kubernetes.io/managed-by": "helmtool"}}
    if live:
        metadata["resourceVersion"] = live["metadata"]["resourceVersion"]
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {KEY: records}}
