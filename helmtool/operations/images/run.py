"""image run: the image on this machine, as the deployment guide runs it, until a person or a signal ends it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import NamedTuple

from helmtool.adapters import docker
from helmtool.adapters.process import Followed
from helmtool.adapters.web import answers, listens
from helmtool.errors import Interrupted, InvalidInput, OperationFailed, Problem
from helmtool.model.tag import Tag, parse_tag
from helmtool.operations.progress import Progress
from helmtool.operations.registries import registry_of
from helmtool.operations.settings import Settings

LOOK = 0.5
"""Seconds between two looks whether the server answers."""


class PortTaken(InvalidInput):
    """Another program listens on the port."""

    code = "port-taken"


class ContainerFailed(OperationFailed):
    """The container could not be started, ended by itself, or did not answer in time."""

    code = "container-failed"


class Served(NamedTuple):
    """A server that answers: where, which image, and the name of its container."""

    tag: Tag
    image: str
    address: str
    container: str


def run_image(
    text: str,
    env: str,
    settings: Settings,
    port: int,
    patience: float,
    progress: Progress,
    on_ready: Callable[[Served], None],
    on_line: Callable[[str], None],
) -> None:
    """Runs until the container ends; `on_ready` is called once it answers, within `patience` seconds.

    Whatever ends it, no container is left. Raises Interrupted, PortTaken, ContainerFailed, DockerMissing and DockerUnreachable.
    """
    tag = parse_tag(text)
    registry, _ = registry_of(env, settings)
    docker.daemon()
    served = Served(tag, f"{registry.repository}:{tag}", f"http://localhost:{port}/", f"newdqmgui-{port}")
    if listens(port):  # else its answer would be taken for the container's
        raise _port_taken(served, port)
    lines = docker.Lines(on_line)
    progress.start("run", f"{served.image}; a first start compiles for minutes")
    try:
        with docker.container(served.image, served.container, port, lines) as running:
            if _wait(running, port, patience):
                progress.done("run", f"{served.image} answers at {served.address}; Ctrl-C stops it")
                on_ready(served)
            code = running.wait() or 0
    except KeyboardInterrupt:
        raise Interrupted("interrupted: the server was stopped, and its container is gone") from None
    if code:
        raise _failure(served, port, code, lines)


def _wait(running: Followed, port: int, patience: float) -> bool:
    """Whether the server answers; false where the container has ended. Raises ContainerFailed when the time is over."""
    until = time.monotonic() + patience
    while not answers(f"http://127.0.0.1:{port}/"):
        if running.wait(LOOK) is not None:
            return False
        if time.monotonic() > until:
            raise ContainerFailed(
                f"nothing answers at port {port} after {patience:.0f} s; the container was stopped",
                hint="its lines above say more; --timeout 30m",
            )
    return True


def _port_taken(served: Served, port: int) -> PortTaken:
    return PortTaken(f"port {port} is in use", hint=f"helmtool image run {served.tag} --port {port % 65535 + 1}")


def _failure(served: Served, port: int, code: int, lines: docker.Lines) -> Exception:
    """Why docker, or the server in it, ended, from docker's own words."""
    if re.search(r"port is already allocated|address already in use", lines.text):
        return _port_taken(served, port)
    if "is already in use by container" in lines.text:
        return PortTaken(f"a container {served.container} is there already", hint=f"docker rm -f {served.container}, or --port {port + 1}")
    if "/dev/fuse" in lines.text and "no such file" in lines.text:
        return ContainerFailed("this machine has no /dev/fuse", hint="modprobe fuse")
    problems: tuple[Problem, ...] = lines.problems
    if code in (125, 126, 127):
        return ContainerFailed(f"docker cannot run {served.image}", problems=problems, hint=f"docker image inspect {served.image}")
    return ContainerFailed(f"the container ended by itself with {code}", problems=problems, hint="docs/how-to/image.md lists the messages")
