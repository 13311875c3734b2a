"""The state of sixteen environments, also beside some that take connections and never answer, as a multiple of the state of one."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from checkout import write_checkout
from timing import Case, always, run, side_by_side

from helmtool.adapters import toolbox

ROUNDS = 5
SIZE, HANGING = 16, 8
NAMES = [f"dev{number}" for number in range(1, SIZE + 1)]
LIMITS = {f"status of {SIZE}": 4.0, f"validate of {SIZE}": 8.0}


@pytest.fixture
def hanging() -> Iterator[str]:
    """The address of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield f"https://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def checkout(tmp_path: Path, kubeconfig: str, hanging: str) -> Path:
    """A checkout with a row of environments that are namespaces of one cluster, and one of some that hang."""
    late = {f"late{number}": hanging for number in range(1, HANGING + 1)}
    write_checkout(tmp_path, kubeconfig, dict.fromkeys(NAMES, "") | late)
    return tmp_path


def test_many_environments(
    helmtool: list[str], checkout: Path, kubeconfig: str, cluster_environment: dict[str, str], show: Callable[..., None]
) -> None:
    command = [helmtool[0], "--config-dir", str(checkout)]
    namespaces = [f"bench-{name}" for name in NAMES]
    kubectl = [str(toolbox.find("kubectl")), "--kubeconfig", kubeconfig]
    for namespace in namespaces:
        run([*kubectl, "create", "namespace", namespace])
    run([*command, "release", "dev*", "HG0105a", "--yes"], cluster_environment)
    cases = [
        Case("status of 1", always(*command, "status", NAMES[0])),
        Case("status of 4", always(*command, "status", *NAMES[:4])),
        Case(f"status of {SIZE}", always(*command, "status", *NAMES)),
        Case(f"status of {SIZE} and one that hangs", always(*command, "status", *NAMES, "late1")),
        Case(f"status of {SIZE} and {HANGING} that hang", always(*command, "status", *NAMES, "late*")),
    ]
    rows = side_by_side(cases, rounds=ROUNDS, environment=cluster_environment, good=(0, 5))
    show(f"the state of many environments, {ROUNDS} rounds", rows, LIMITS)
    offline = [
        Case("validate of 1", always(*command, "validate", NAMES[0])),
        Case("validate of 4", always(*command, "validate", *NAMES[:4])),
        Case(f"validate of {SIZE}", always(*command, "validate", *NAMES)),
    ]
    show(
        f"{SIZE} environments without a cluster, {ROUNDS} rounds",
        side_by_side(offline, rounds=ROUNDS, environment=cluster_environment),
        LIMITS,
    )
    run([*kubectl, "delete", "namespace", *namespaces, "--wait=false"])
