"""A registry with small images, and a checkout whose release serves from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from cli import Helmtool
from images import RealRegistry
from made import NORMAL, push_images
from node import Node, make_project

VALUES: dict[str, Any] = {
    "cvmfs": {"claimName": ""},
    "workDir": {},
    "logs": {},
    "terminationGracePeriodSeconds": 1,
    "probes": {
        "startup": {"periodSeconds": 1, "failureThreshold": 90},
        "readiness": {"periodSeconds": 1},
        "liveness": {"periodSeconds": 2},
    },
}


@pytest.fixture(scope="session")
def small(start: Callable[..., RealRegistry], tmp_path_factory: pytest.TempPathFactory) -> RealRegistry:
    """A registry with the images of the scenarios."""
    made = start()
    push_images(made, tmp_path_factory.mktemp("images"))
    return made


@pytest.fixture(scope="session")
def project(node: Node, small: RealRegistry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Helmtool]:
    """The command line, in a checkout whose environment `kind` serves a healthy release; nothing of it is left for other tests."""
    node.clear()
    node.pull_from(small.host, small.port)
    made = make_project(tmp_path_factory.mktemp("project"), node, f"{small.host}/cmsweb/newdqmgui")
    values = made.project / "values/kind.yaml"
    values.write_text(yaml.safe_dump({**yaml.safe_load(values.read_text()), **VALUES}))
    file = made.project / "values/environments.yaml"
    file.write_text(file.read_text().replace("lockSeconds: 3\n", "lockSeconds: 30\n"))
    made("release", "kind", NORMAL, "--timeout", "3m", "--wait-lock", "1m", "--no-verify")
    yield made
    node.clear()
