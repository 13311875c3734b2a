"""One kind cluster and one registry for all tests. Where docker or kind is missing, CI fails and others skip with the reason."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
sys.path += [str(TESTS / folder) for folder in ("image", "registry", "docker", "cluster")]

import cli  # noqa: E402 - beside this folder
from checkout import build_image, docker, make_base, need  # noqa: E402
from images import RealRegistry, free_port, registries  # noqa: E402
from node import Node, create, delete, make_project  # noqa: E402

cli.PATIENCE = 240.0
IMAGES = {
    "HG0105a": "",
    "HG0205a": "LABEL other=yes",
    "HG0305a": "LABEL other=missing",
    "HG0405a": 'USER root\nRUN sed -i \'s/return web.json_response({"runs"/return web.Response(status=500, text=str({"runs"/;'
    " s/for sample in SAMPLES]})/for sample in SAMPLES]}))/' /home/cmsusr/dqmgui/python/app.py\nUSER 1000:1000",
}
"""Tags and what each has over the built image; the last answers 500 where the latest runs are asked for."""


@pytest.fixture(scope="session", autouse=True)
def daemon() -> None:
    need("docker", "kind")


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., RealRegistry]]:
    """Starts registries that the node reaches too, which is why they listen on every address."""
    with registries(tmp_path_factory.mktemp("registries")) as begin:

        def open_to_the_node(**extra: object) -> RealRegistry:
            port = free_port()
            return begin(port=port, extra={"http": {"addr": f":{port}"}, **extra})

        yield open_to_the_node


@pytest.fixture(scope="session")
def registry(start: Callable[..., RealRegistry], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    """A registry with the images of IMAGES."""
    folder = tmp_path_factory.mktemp("images")
    make_base(folder / "base")
    built = build_image(folder / "newdqmgui")
    made = start()
    names = []
    for tag, line in IMAGES.items():
        context = folder / tag
        context.mkdir()
        (context / "Dockerfile").write_text(f"FROM {built}\n{line}\n")
        names.append(f"{made.host}/cmsweb/newdqmgui:{tag}")
        docker("build", "-q", "-t", names[-1], str(context), timeout=300)
        docker("push", "-q", names[-1], timeout=600)
    yield made
    docker("rmi", "-f", *names, check=False)


@pytest.fixture(scope="session")
def node() -> Iterator[Node]:
    """The cluster; KIND_CLUSTER and KIND_KUBECONFIG name one that is there and stays."""
    if "KIND_CLUSTER" in os.environ:
        yield Node(os.environ["KIND_CLUSTER"], Path(os.environ["KIND_KUBECONFIG"]))
        return
    folder = Path(tempfile.mkdtemp(prefix="helmtool-kind-"))
    name = f"helmtool-test-{os.getpid()}"
    try:
        yield create(name, folder / "kubeconfig")
    finally:
        delete(name)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def helmtool(node: Node, registry: RealRegistry, tmp_path_factory: pytest.TempPathFactory) -> cli.Helmtool:
    """The command line, in a checkout whose environment `kind` is the cluster."""
    node.prepare()
    node.pull_from(registry.host, registry.port)
    return make_project(tmp_path_factory.mktemp("project"), node, f"{registry.host}/cmsweb/newdqmgui")


@pytest.fixture
def serving(helmtool: cli.Helmtool, node: Node, registry: RealRegistry) -> cli.Helmtool:
    """The command line, where HG0105a serves."""
    node.pull_from(registry.host, registry.port)
    helmtool("release", "kind", "HG0105a", "--timeout", "3m", "--wait-lock", "1m")
    return helmtool
