"""Namespaces of a test's own."""

from __future__ import annotations

import time
from collections.abc import Callable
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
    account = ObjectKey("v1", "ServiceAccount", name, "default")
    wait_for(lambda: server.get(account) is not None, lambda: f"the namespace {name} has no default account")


def wait_for(condition: Callable[[], bool], explain: Callable[[], object]) -> None:
    """Returns once the condition holds; fails with the explanation where it does not in PATIENCE."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, explain()
        time.sleep(0.1)
