"""Helm's own record of a release, read from the cluster in one request: the Secrets `sh.helm.release.v1.NAME.vN`."""

from __future__ import annotations

import base64
import functools
import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any, TypeVar

from helmtool.adapters.cluster import Cluster
from helmtool.adapters.records import read_records
from helmtool.errors import OperationFailed
from helmtool.model.chart import ChartFiles
from helmtool.model.manifest import Manifest, ObjectKey
from helmtool.model.record import Record
from helmtool.model.revision import Revision, RevisionStatus, is_of

Read = TypeVar("Read")
GZIP = b"\x1f\x8b\x08"
LARGEST = 64 << 20
"""Bytes of a revision, unpacked: values, manifest and the whole chart."""


class StorageUnreadable(OperationFailed):
    """Helm's own record of a revision is damaged."""

    code = "storage-unreadable"


def read_revisions(cluster: Cluster, release: str) -> list[Revision]:
    """Every kept revision, oldest first, as `helm history` and `helm get` would give it, without starting helm.

    The payload is base64 of gzip of JSON inside the Secret's own base64 (Helm's storage driver v1); its status counts,
    the label beside it has no effect.
    """
    secrets = cluster.list("v1", "Secret", label_selector=f"owner=helm,name={release}")
    return sorted((_revision(secret) for secret in secrets if secret.get("type") == "helm.sh/release.v1"), key=lambda r: r.number)


def revision_labels(cluster: Cluster, release: str) -> list[tuple[int, str]]:
    """Number and status of every kept revision as its labels have them: little to read, for what need not be exact."""
    query = {"labelSelector": f"owner=helm,name={release}"}
    accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
    found = cluster.require(cluster.request("GET", cluster.collection("v1", "Secret"), query, accept=accept)).body.get("items") or []
    labels = [secret["metadata"].get("labels") or {} for secret in found]
    return [(int(label["version"]), str(label.get("status") or "")) for label in labels if str(label.get("version") or "").isdecimal()]


def read_history(cluster: Cluster, release: str) -> list[Revision]:
    """The kept revisions, oldest first, each with the outcome that its record tells."""
    return read_history_and_records(cluster, release)[0]


def read_history_and_records(cluster: Cluster, release: str) -> tuple[list[Revision], list[Record]]:
    """The same, and the records themselves, which outlive revisions; both asked for at the same time.

    A record of another release that had the number before (see `is_of`) is left out.
    """
    revisions, kept = cluster.in_parallel([lambda: read_revisions(cluster, release), lambda: read_records(cluster, release)])
    made = {revision.number: revision for revision in revisions}
    records = [record for record in kept if record.revision not in made or is_of(record, made[record.revision])]
    outcomes = {record.revision: record.outcome for record in records}
    return [revision._replace(outcome=outcomes.get(revision.number, "")) for revision in revisions], records


def read_chart(cluster: Cluster, release: str, number: int) -> ChartFiles | None:
    """The chart that a kept revision was made with; nothing where the revision is not kept. Raises StorageUnreadable."""
    secret = cluster.get(_key(cluster, release, number))
    return _readable(secret, lambda payload: _chart(_decode(payload))) if secret else None


def mark(cluster: Cluster, release: str, number: int, status: RevisionStatus) -> bool:
    """Gives a kept revision another status, as Helm does: in its payload, which counts, and in the label, by which Helm looks for it.

    False where it is gone, or somebody was faster. Raises StorageUnreadable, OperationFailed and ClusterUnreachable.
    """
    secret = cluster.get(_key(cluster, release, number))
    if secret is None:
        return False

    def marked(payload: str) -> bytes:
        stored = _decode(payload)
        stored["info"]["status"] = status.value
        return base64.b64encode(base64.b64encode(gzip.compress(json.dumps(stored, ensure_ascii=False).encode())))

    secret["data"]["release"] = _readable(secret, marked).decode()
    secret["metadata"]["labels"]["status"] = status.value
    answer = cluster.replace(secret)
    if answer.status in (404, 409):
        return False
    cluster.require(answer)
    return True


def _key(cluster: Cluster, release: str, number: int) -> ObjectKey:
    return ObjectKey("v1", "Secret", cluster.namespace, f"sh.helm.release.v1.{release}.v{number}")


def _revision(secret: Manifest) -> Revision:
    return _readable(secret, _unpacked_once)


@functools.lru_cache(maxsize=32)
def _unpacked_once(payload: str) -> Revision:
    """A release reads its history before the lock, under it and at its end; most of it is the same each time."""
    return _read(_decode(payload))


def _readable(secret: Manifest, read: Callable[[str], Read]) -> Read:
    try:
        return read(secret["data"]["release"])
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError, zlib.error):
        # No word of the payload: the values of the release are in it.
        name = (secret.get("metadata") or {}).get("name")
        raise StorageUnreadable(
            f"the Secret {name} says that it holds a Helm revision, but it cannot be read",
            hint=f"helm history and helm get fail on it too; if nobody needs it: kubectl delete secret {name}",
        ) from None


def _decode(payload: str) -> dict[str, Any]:
    """The stored release; Helm reads one that is not compressed too."""
    data = base64.b64decode(base64.b64decode(payload, validate=True), validate=True)
    stored: dict[str, Any] = json.loads(_unpacked(data) if data.startswith(GZIP) else data)
    return stored


def _unpacked(data: bytes) -> bytes:
    """What is in the one member that Helm writes; a Secret of 1 MiB may hold a thousand times as much. Raises ValueError, zlib.error."""
    stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    content = stream.decompress(data, LARGEST)
    if not stream.eof:
        raise ValueError("cut off, or too large")
    return content


def _read(stored: dict[str, Any]) -> Revision:
    info, chart = stored.get("info") or {}, stored.get("chart") or {}
    metadata = chart.get("metadata") or {}
    return Revision(
        number=int(stored["version"]),
        status=_status(str(info.get("status"))),
        updated=str(info.get("last_deployed") or ""),
        chart=f"{metadata.get('name')}-{metadata.get('version')}",
        chart_version=str(metadata.get("version") or ""),
        description=str(info.get("description") or ""),
        manifest=str(stored.get("manifest") or ""),
        values=dict(stored.get("config") or {}),
        defaults=dict(chart.get("values") or {}),
    )


def _chart(stored: dict[str, Any]) -> ChartFiles:
    chart = stored["chart"]
    templates = {str(file["name"]): base64.b64decode(file["data"]) for file in chart["templates"]}
    return ChartFiles(templates, base64.b64decode(chart.get("schema") or ""), dict(chart.get("values") or {}))


def _status(text: str) -> RevisionStatus:
    try:
        return RevisionStatus(text)
    except ValueError:
        return RevisionStatus.UNKNOWN
