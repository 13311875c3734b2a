"""What the embedded cluster cannot show, for it forbids nothing: a read that is not allowed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from helmtool.adapters.answer import Answer, ClusterForbidden
from helmtool.model.manifest import Manifest, ObjectKey
from helmtool.operations.progress import Silent
from helmtool.operations.secrets.versions import plan, prune

FORBIDDEN = ClusterForbidden('the API server forbids it: secrets is forbidden: User "ann" cannot get resource "secrets"')
VERSION = {"metadata": {"name": "s-0123456789abcdef", "uid": "u", "resourceVersion": "1"}, "data": {}}


class Forbidding:
    """An API server that forbids some reads and takes every write down."""

    namespace = "dqm"

    def __init__(self, *forbidden: str) -> None:
        self.forbidden = forbidden
        self.written: list[str] = []

    def get(self, key: ObjectKey) -> Manifest | None:
        if key.name in self.forbidden:
            raise FORBIDDEN
        return None

    def list(self, _version: str, kind: str, label_selector: str = "") -> list[Manifest]:
        if kind in self.forbidden:
            raise FORBIDDEN
        return [VERSION] if "secret-version" in label_selector else []

    def in_parallel(self, calls: Any) -> list[Any]:
        return [call() for call in calls]

    def create(self, manifest: Manifest) -> Answer:
        self.written.append(manifest["metadata"]["name"])
        return Answer(201, manifest)

    def delete(self, key: ObjectKey, **_: str) -> bool:
        self.written.append(f"- {key.name}")
        return True


def session(cluster: Forbidding) -> Any:
    return SimpleNamespace(cluster=cluster, environment=SimpleNamespace(release="r"))


def test_a_key_that_may_not_be_read_is_not_taken_for_a_lost_one() -> None:
    cluster = Forbidding("s-key")
    with pytest.raises(ClusterForbidden):
        plan(session(cluster), "s", {"a": b"1"}, "")
    assert cluster.written == []


@pytest.mark.parametrize("kind", ["Deployment", "ReplicaSet", "Pod", "Lease"])
def test_nothing_is_removed_where_not_all_users_can_be_seen(kind: str) -> None:
    cluster = Forbidding(kind)
    with pytest.raises(ClusterForbidden):
        prune(session(cluster), "s-other", Silent())
    assert cluster.written == []


def test_what_nobody_names_is_removed_where_all_can_be_seen() -> None:
    cluster = Forbidding()
    assert prune(session(cluster), "s-other", Silent()) == ("s-0123456789abcdef",)
    assert cluster.written == ["- s-0123456789abcdef"]
    assert prune(session(cluster), "s-0123456789abcdef", Silent()) == ()
