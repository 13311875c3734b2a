"""The lock of a release as a Lease (coordination.k8s.io/v1), and whether its holder still lives."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import Enum
from typing import Any, NamedTuple

from helmtool.model.manifest import Manifest
from helmtool.model.reading import mapping

API_VERSION, KIND = "coordination.k8s.io/v1", "Lease"
LONGEST = 300
"""Seconds: more than `lockSeconds` allows was written by other hands, and would have everybody wait."""
WHO, COMMAND = "helmtool/who", "helmtool/command"


class Lease(NamedTuple):
    """A lock that somebody holds. `holder` is unique for each command; `since` and `renewed` are RFC 3339 by the holder's clock.

    `uid` and `version` say which state of the object this is; both are empty for one that is not stored yet.
    """

    holder: str
    who: str
    command: str
    since: str
    renewed: str
    seconds: int
    uid: str = ""
    version: str = ""

    def __str__(self) -> str:
        """Who holds it, for which command, since when."""
        return f"{self.who or self.holder} ({self.command or 'an unknown command'}) since {self.since[:19].replace('T', ' ')} UTC"


class Standing(Enum):
    """What is known of a holder."""

    UNKNOWN = "unknown"
    ALIVE = "alive"
    GONE = "gone"


class Observer:
    """Judges a holder by the renewals seen here: clocks of two machines are never compared (as client-go's leader election does)."""

    def __init__(self) -> None:
        self._seen: tuple[str, str] | None = None
        self._at = 0.0
        self._renewals = 0

    def look(self, lease: Lease, now: float) -> Standing:
        """The standing at a moment of a monotonic clock, in seconds: gone after a whole lease duration without any write to it."""
        if self._seen != (lease.uid, lease.version):
            same_lease = self._seen is not None and self._seen[0] == lease.uid
            self._renewals = self._renewals + 1 if same_lease else 0
            self._seen, self._at = (lease.uid, lease.version), now
        if now - self._at >= lease.seconds:
            return Standing.GONE
        return Standing.ALIVE if self._renewals else Standing.UNKNOWN


def moment(now: datetime) -> str:
    """A time as Leases hold it: RFC 3339 with microseconds (metav1.MicroTime)."""
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def read_lease(live: Manifest) -> Lease:
    """The lock that an object is; people may have edited it, so what is missing is empty, and a missing duration is 15 s."""
    metadata, spec, annotations = mapping(live, "metadata"), mapping(live, "spec"), mapping(live, "metadata", "annotations")
    return Lease(
        holder=str(spec.get("holderIdentity") or ""),
        who=str(annotations.get(WHO) or ""),
        command=str(annotations.get(COMMAND) or ""),
        since=str(spec.get("acquireTime") or ""),
        renewed=str(spec.get("renewTime") or ""),
        seconds=_seconds(spec.get("leaseDurationSeconds")),
        uid=str(metadata.get("uid") or ""),
        version=str(metadata.get("resourceVersion") or ""),
    )


def lease_object(lease: Lease, name: str, namespace: str, names: dict[str, str]) -> Manifest:
    """The object to write; with `uid` and `version`, only over exactly that state. `names` are annotations: what the holder needs kept."""
    metadata: dict[str, Any] = {
        "name": name,
        "namespace": namespace,
        "labels": {"app.kubernetes.io/managed-by": "helmtool"},
        "annotations": {WHO: lease.who, COMMAND: lease.command, **names},
    }
    metadata |= {"uid": lease.uid, "resourceVersion": lease.version} if lease.uid else {}
    spec = {
        "holderIdentity": lease.holder,
        "leaseDurationSeconds": lease.seconds,
        "acquireTime": lease.since,
        "renewTime": lease.renewed,
    }
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec}


def _seconds(value: Any) -> int:
    return min(value, LONGEST) if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 15
