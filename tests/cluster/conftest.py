"""One embedded cluster for all tests of a session, in a state folder of its own that is gone afterwards."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from cli import LOCK_SECONDS, Helmtool, Kube, copy_project
from embedded import Heard, clean
from fleets import make_fleet  # noqa: F401 - a fixture
from registry.images import RealRegistry
from two_environments import set_up, testbed  # noqa: F401 - fixtures

from helmtool.adapters import local
from helmtool.adapters.local import LocalCluster, kwok
from helmtool.adapters.local.objects import NAMESPACE
from helmtool.adapters.local.state import State, current_state

HERE = Path(__file__).parent


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
        yield local.up(Heard())
    finally:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XDG_STATE_HOME", str(session_state_home))
            local.down(Heard())


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
def kube(fresh_release: str, shared_state: State) -> Kube:
    """kubectl, in a namespace with nothing but the prerequisites."""
    return Kube(shared_state)


@pytest.fixture
def helmtool(kube: Kube) -> Helmtool:
    """The command line, where nothing was released yet."""
    return Helmtool()


@pytest.fixture
def project(kube: Kube, cluster: LocalCluster, tmp_path: Path) -> Path:
    """A checkout that the test may change, where nothing was released yet."""
    return copy_project(tmp_path, cluster.kubeconfig)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[RealRegistry]:
    """An empty registry on loopback (Debian: docker-registry)."""
    folder = tmp_path / "registry"
    folder.mkdir()
    registry = RealRegistry(folder).start()
    yield registry
    registry.stop()


@pytest.fixture
def quick_lock(project: Path) -> Path:
    """A checkout whose locks run out soon."""
    file = project / "values/environments.yaml"
    document = yaml.safe_load(file.read_text())
    document["environments"]["local"]["lockSeconds"] = LOCK_SECONDS
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    return project


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
