"""A live object is read once, whoever asks for it first."""

from __future__ import annotations

from typing import Any

import pytest

from helmtool.adapters.cluster import Cluster
from helmtool.errors import OperationFailed
from helmtool.model.manifest import Manifest, ObjectKey
from helmtool.operations.lives import Lives


def manifest(name: str) -> Manifest:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}


class Asked(Cluster):
    """A cluster that has every ConfigMap but `gone`, and keeps which were asked for."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def get(self, key: ObjectKey) -> Manifest | None:
        self.keys.append(key.name)
        if key.name == "refused":
            raise OperationFailed("no")
        return None if key.name == "gone" else {**manifest(key.name), "live": True}


def test_each_object_is_read_once() -> None:
    cluster = Asked()
    lives = Lives(cluster)
    lives.ask([manifest("a"), manifest("gone"), manifest("a")])
    lives.ask([manifest("b"), manifest("a")])
    found: dict[ObjectKey, Any] = lives.of([manifest("a"), manifest("gone"), manifest("c")])
    assert {key.name: live and live["live"] for key, live in found.items()} == {"a": True, "gone": None, "c": True}
    assert sorted(cluster.keys) == ["a", "b", "c", "gone"]


def test_what_is_refused_is_said_to_who_needs_it() -> None:
    lives = Lives(Asked())
    lives.ask([manifest("refused")])
    assert list(lives.of([manifest("a")]))
    with pytest.raises(OperationFailed):
        lives.of([manifest("refused")])
