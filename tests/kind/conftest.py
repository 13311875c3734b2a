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
from node import CLIENT, RELEASE, Node, client_pod, create, delete, make_project  # noqa: E402
from pushing import push_images  # noqa: E402

cli.PATIENCE = 240.0
QUICK = ("--timeout", "3m", "--wait-lock", "1m", "--no-prepull", "--no-verify")
"""For a release that only prepares a test."""
IMAGES = {
    "HG0105a": "",
    "HG0205a": "LABEL other=yes",
    "HG0305a": "LABEL other=missing",
    "HG0405a": 'USER root\nRUN sed -i \'s/return web.json_response({"runs"/return web.Response(status=500, text=str({"runs"/;'
    " s/for sample in SAMPLES]})/for sample in SAMPLES]}))/' /home/cmsusr/dqmgui/python/app.py\nUSER 1000:1000",
    "HG0705a": "USER root\nENV DQMGUI_STOP_SECONDS=90\nCOPY beats.py /home/cmsusr/dqmgui/python/\n"
    "RUN sed -i 's/time.sleep(0.3)/beats.hold(work_dir)/;"
    " s/^web.run_app/import beats\\nbeats.start(arguments.work_dir)\\nweb.run_app/' /home/cmsusr/dqmgui/python/app.py\nUSER 1000:1000",
}
"""Tags and what each has over the built image: HG0405a answers 500 where the latest runs are asked for, HG0705a stops when it is
told that it may, and says which pod writes."""


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
    images = {}
    for tag, line in IMAGES.items():
        context = folder / tag
        context.mkdir()
        shutil.copy(Path(__file__).parent / "beats.py", context)
        (context / "Dockerfile").write_text(f"FROM {built}\n{line}\n")
        images[tag] = f"{made.host}/cmsweb/newdqmgui:{tag}"
        docker("build", "-q", "-t", images[tag], str(context), timeout=300)
    push_images(made, images, folder)
    yield made
    docker("rmi", "-f", *images.values(), check=False)


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
    helmtool("release", "kind", "HG0105a", *QUICK)
    return helmtool


@pytest.fixture
def bare(helmtool: cli.Helmtool, node: Node, registry: RealRegistry) -> Iterator[cli.Helmtool]:
    """The command line, where nothing of the service is in the namespace; and nothing afterwards unless Helm has a release there."""
    node.pull_from(registry.host, registry.port)
    node.clear()
    yield helmtool
    if node.helm("status", RELEASE).returncode != 0:
        node.clear()


@pytest.fixture(scope="session")
def client(helmtool: cli.Helmtool, node: Node, registry: RealRegistry) -> Iterator[str]:
    """The name of a pod that may reach the service."""
    node.kubectl("delete", "pod", CLIENT, "--ignore-not-found")
    node.kubectl("apply", "-f", "-", input=client_pod(f"{registry.host}/cmsweb/newdqmgui:HG0105a"))
    node.kubectl("wait", "pod", CLIENT, "--for=condition=Ready", "--timeout=120s")
    yield CLIENT
    node.kubectl("delete", "pod", CLIENT)
