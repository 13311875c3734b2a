"""The Secrets of the namespace that hold versions of the service's secret, and the key of their names."""

from __future__ import annotations

import json
from typing import Any

from helmtool.adapters.answer import Answer
from helmtool.adapters.cluster import Cluster
from helmtool.errors import OperationFailed
from helmtool.model.manifest import Manifest, ObjectKey, key_of
from helmtool.model.redaction import protect
from helmtool.model.secret_version import MANAGER, SecretVersion, key_name, key_object, read_key, read_version, selector, version_object

CLAIM = "helmtool/claimed-by"
"""The annotation that changes a version's state when a release takes it over: a delete of the state before then fails."""
USERS = (("apps/v1", "Deployment"), ("apps/v1", "ReplicaSet"), ("v1", "Pod"), ("coordination.k8s.io/v1", "Lease"))
"""The kinds that keep a version alive by naming it."""


class VersionStore:
    """The versions of one release. Every value that is read is known to the redactor."""

    def __init__(self, cluster: Cluster, release: str) -> None:
        self._cluster, self._release = cluster, release

    def versions(self) -> list[SecretVersion]:
        """Every version, oldest first."""
        found = [_read(live) for live in self._cluster.list("v1", "Secret", label_selector=selector(self._release))]
        return sorted(found, key=lambda version: (version.created, version.name))

    def read(self, name: str) -> SecretVersion | None:
        """One Secret, a version or not; nothing where it is not there."""
        live = self._cluster.get(self._key(name))
        return _read(live) if live else None

    def key(self, base: str) -> bytes | None:
        """The key of the names; nothing where it was not made yet, or is lost. Raises KeyDamaged and ClusterForbidden."""
        live = self._cluster.get(self._key(key_name(base)))
        if live is None:
            return None
        key = read_key(live)
        protect(key)
        return key

    def make_key(self, base: str, key: bytes) -> bool:
        """Stores a new key; false where somebody else was faster, whose key counts."""
        answer = self._cluster.create(key_object(base, self._cluster.namespace, self._release, key))
        if answer.status == 409:
            return False
        _require_ok(answer, f"the Secret {key_name(base)}")
        return True

    def apply(self, name: str, files: dict[str, bytes]) -> None:
        """Makes the immutable Secret, server-side under its own field manager."""
        manifest = version_object(name, self._cluster.namespace, self._release, files)
        _require_ok(self._cluster.apply(manifest, manager=MANAGER), f"the Secret {name}")

    def claim(self, version: SecretVersion, by: str) -> bool:
        """Changes a version's state, so that a delete that has seen the state before fails; false where it is gone or changed meanwhile."""
        operations: list[dict[str, Any]] = [
            {"op": "test", "path": "/metadata/uid", "value": version.uid},
            {"op": "add", "path": "/metadata/annotations", "value": {CLAIM: by}},
        ]
        answer = self._cluster.patch(self._key(version.name), operations, MANAGER)
        if answer.status in (404, 409, 422):
            return False
        _require_ok(answer, f"the Secret {version.name}")
        return True

    def delete(self, version: SecretVersion) -> bool:
        """Deletes exactly this state; false where it is gone, or was claimed since."""
        return self._cluster.delete(self._key(version.name), uid=version.uid, version=version.version)

    def named_in_objects(self, names: list[str]) -> dict[str, list[str]]:
        """Which Deployments, ReplicaSets, pods and Leases of the namespace name each Secret, in any field."""
        lists = self._cluster.in_parallel([lambda a=api, k=kind: self._cluster.list(a, k) for api, kind in USERS])
        users: dict[str, list[str]] = {name: [] for name in names}
        for (_, kind), objects in zip(USERS, lists, strict=True):
            for live in objects:
                text = json.dumps(live)
                for name in (name for name in names if name in text):
                    users[name].append(f"{kind}/{key_of(live).name}")
        return users

    def _key(self, name: str) -> ObjectKey:
        return ObjectKey("v1", "Secret", self._cluster.namespace, name)


def _read(live: Manifest) -> SecretVersion:
    version = read_version(live)
    for value in version.files.values():
        protect(value)
    return version


def _require_ok(answer: Answer, what: str) -> None:
    if answer.status >= 300:
        raise OperationFailed(f"{what} could not be written: {answer.message or answer.status}", hint="kubectl auth can-i create secrets")
