"""Namespaces of a test's own."""

from __future__ import annotations

import time
from typing import Any

from helmtool.adapters.cluster import Cluster
from helmtool.model.manifest import ObjectKey

PATIENCE = 120.0
"""Seconds for the controllers of a busy machine."""


def make_namespace(server: Cluster, name: str, labels: dict[str, str] | None = None) -> None:
    """A namespace, once its default account is there: no pod is admitted before."""
    made: dict[str, Any] = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels or {}}}
    answer = server.create(made)
    assert answer.status in (201, 409), answer.message
    deadline = time.monotonic() + PATIENCE
    while server.get(ObjectKey("v1", "ServiceAccount", name, "default")) is None:
        assert time.monotonic() < deadline, f"the namespace {name} has no default account"
        time.sleep(0.1)
