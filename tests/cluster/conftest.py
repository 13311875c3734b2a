"""One embedded cluster for all tests of a session, in a state folder of its own that is gone afterwards."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from helmtool.adapters import local
from helmtool.adapters.local import LocalCluster, kwok
from helmtool.adapters.local.objects import NAMESPACE, prerequisites
from helmtool.adapters.local.state import State, current_state

HERE = Path(__file__).parent
KINDS = (
    "deployments.apps,replicasets.apps,jobs.batch,pods,services,ingresses.networking.k8s.io,networkpolicies.networking.k8s.io,"
    "persistentvolumeclaims,configmaps,secrets,serviceaccounts,leases.coordination.k8s.io"
)
"""What a release and its tool make, owners before what they own."""
OF_KUBERNETES = {("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")}


class Silent:
    """Listens to the progress, for tests that look at it."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def start(self, step: str, text: str) -> None:
        self.texts.append(text)

    def done(self, step: str, text: str) -> None:
        self.texts.append(text)

    def warn(self, text: str) -> None:
        self.texts.append(text)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.cluster)


@pytest.fixture(scope="session")
def session_state_home() -> Iterator[Path]:
    """XDG_STATE_HOME of the whole session, so that the command line finds the shared cluster too."""
    folder = Path(tempfile.mkdtemp(prefix="helmtool-state-")).resolve()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder))
        patch.delenv("KUBECONFIG", raising=False)
        yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def cluster(session_state_home: Path) -> Iterator[LocalCluster]:
    """The shared embedded cluster: `kubeconfig`, `server`, `namespace`, …; down again at the end, whatever the tests did."""
    try:
        yield local.up(Silent())
    finally:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XDG_STATE_HOME", str(session_state_home))
            local.down(Silent())


@pytest.fixture
def shared_state(cluster: LocalCluster) -> State:
    """The folder of the shared cluster."""
    return State(Path(cluster.kubeconfig).parent)


@pytest.fixture
def fresh_release(shared_state: State) -> Iterator[str]:
    """The namespace with nothing but the prerequisites in it, before the test and after it."""
    clean(shared_state)
    yield NAMESPACE
    clean(shared_state)


@pytest.fixture
def own_state(monkeypatch: pytest.MonkeyPatch) -> Iterator[State]:
    """A state folder and a home for one test, without a cluster yet; whatever the test starts there is ended."""
    folder = Path(tempfile.mkdtemp(prefix="helmtool-state-")).resolve()
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    monkeypatch.setenv("XDG_CACHE_HOME", cache)
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    monkeypatch.setenv("HOME", str(folder / "home"))
    (folder / "home").mkdir()
    state = current_state()
    try:
        yield state
    finally:
        monkeypatch.undo()
        kwok.end_all(state.folder)
        shutil.rmtree(folder, ignore_errors=True)


def objects(state: State, kinds: str) -> list[dict[str, Any]]:
    """The objects of the namespace, whatever made them."""
    done = kwok.kubectl(state, "get", kinds, "-n", NAMESPACE, "-o", "json")
    assert done.returncode == 0, done.stderr.decode()
    items: list[dict[str, Any]] = json.loads(done.stdout)["items"]
    return items


def clean(state: State) -> None:
    """Deletes what tests made in the namespace, and makes again what they deleted of the prerequisites."""
    kept = {(item["kind"], item["metadata"]["name"]) for item in prerequisites()["items"]} | OF_KUBERNETES
    for _ in range(3):  # what is deleted may have made another pod or lease meanwhile
        found = {(item["kind"], item["metadata"]["name"]): item for item in objects(state, KINDS)}
        doomed = [_reference(item) for key, item in found.items() if key not in kept]
        if not doomed:
            break
        content = json.dumps({"apiVersion": "v1", "kind": "List", "items": doomed}).encode()
        kwok.kubectl(state, "delete", "--ignore-not-found", "--timeout=20s", "-f", "-", input=content)
    namespaced = {key for key in kept if key[0] in ("Secret", "PersistentVolumeClaim")}
    if not namespaced <= set(found):
        kwok.furnish(state)


def _reference(item: dict[str, Any]) -> dict[str, Any]:
    metadata = {name: item["metadata"][name] for name in ("name", "namespace")}
    return {"apiVersion": item["apiVersion"], "kind": item["kind"], "metadata": metadata}
