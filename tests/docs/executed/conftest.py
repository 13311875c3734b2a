"""What all pages share: the copy of the checkout, the embedded cluster, the authority of the registry."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from cluster.embedded import Heard, clean
from figures import table
from place import Place, copy_checkout
from plan import Plan
from registry.images import require_registry
from registry.named import Authority
from standins import KILLED, REGISTRY, VERIFIED, Clusters, registry_under_its_name, services_config

from helmtool.adapters import local
from helmtool.adapters.local import kwok
from helmtool.adapters.local.state import State

HERE = Path(__file__).parent
NEEDED = ("bash", "git", "gpg", "openssl")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session", autouse=True)
def programs() -> None:
    """What the pages call; one that is missing is a skip, and a failure where the run must be complete (the variable CI)."""
    require_registry()
    missing = [program for program in NEEDED if not shutil.which(program)]
    if missing:
        said = f"missing: {', '.join(missing)}"
        pytest.fail(said) if os.environ.get("CI") else pytest.skip(said)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_checkout(tmp_path_factory.mktemp("template"))


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), REGISTRY).make()


@pytest.fixture(scope="session")
def clusters() -> Iterator[Clusters]:
    """The embedded cluster of the session, and its end."""
    folder = Path(tempfile.mkdtemp(prefix="helmtool-docs-session-")).resolve()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder))
        patch.delenv("KUBECONFIG", raising=False)
        try:
            up = local.up(Heard())
            yield Clusters(up, State(Path(up.kubeconfig).parent))
        finally:
            kwok.end_all(folder)
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def state_home(plan: Plan, request: pytest.FixtureRequest) -> Iterator[Path]:
    """XDG_STATE_HOME of the page: the session's, or one of its own without a cluster; what the page starts there is ended."""
    if plan.local:
        shared: Clusters = request.getfixturevalue("clusters")
        clean(shared.state)
        yield shared.state.folder.parents[2]
        return
    folder = Path(tempfile.mkdtemp(prefix="helmtool-docs-")).resolve()
    yield folder
    kwok.end_all(folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def place(plan: Plan, template: Path, state_home: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    """Where the page is tried, with all that its plan asks for."""
    place = Place(tmp_path).make(template, state_home)
    place.program("openstack", "echo stand-in-of-a-token")
    place.program("changing-editor", 'echo "one more line" >>"$1"')
    place.program("as-if-verified", VERIFIED)
    place.program("release-that-is-killed", KILLED)
    if plan.index:
        place.know_index()
    if plan.secrets:
        secrets = services_config(place)
    if plan.environments:
        request.getfixturevalue("clusters").stand_for(place, plan.environments, secrets.identity if plan.secrets else Path("/dev/null"))
    with registry_under_its_name(place, request.getfixturevalue("authority")) if plan.registry else nullcontext():
        yield place
    subprocess.run(["gpgconf", "--homedir", place.home / ".gnupg", "--kill", "all"], check=False, capture_output=True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_line(f"\n{table()}")
