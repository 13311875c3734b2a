"""The images of the scenarios, the ways in which a registry is bad, and the scenarios as their files say them."""

from __future__ import annotations

import random
import shutil
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from checkout import docker
from images import IMAGE, INDEX, RealRegistry

HERE = Path(__file__).parent
SCRIPTS = HERE.parents[2] / "docker/newdqmgui"
NORMAL, OTHER, LARGE, ARM, NO_PROGRAM, NO_SHELL = "HG0105a", "HG0205a", "HG0305a", "HG0405a", "HG0505a", "HG0605a"
LINES = {
    OTHER: "LABEL other=yes",
    LARGE: "COPY --chown=0:0 noise /opt/noise",
    NO_PROGRAM: "USER root\nCOPY --chown=0:0 noise /bin/bash\nUSER 1000:1000",
    NO_SHELL: "USER root\nRUN rm /bin/bash\nUSER 1000:1000",
}
NOISE = {LARGE: 12_000_000, NO_PROGRAM: 4096}
"""Bytes of random noise that an image holds."""


@dataclass(frozen=True)
class Later:
    """What happens on the node while the release runs: `run`, `wait` seconds after the shell command `until` has succeeded."""

    run: str
    until: str = "true"
    wait: float = 0.0


@dataclass(frozen=True)
class Scenario:
    """One file of the folder `scenarios`. `expect` is a code of the catalogue, or `deployed`.

    `edit` replaces a text of a file of the checkout. `behaviour` is a shell script that the container runs before its server;
    `before` and `after` run on the node, with kubectl.
    `early` says that the release must end before its timeout.
    """

    name: str
    what: str
    expect: str
    early: bool = False
    timeout: int = 40
    tag: str = NORMAL
    registry: str = ""
    behaviour: str = ""
    set: tuple[str, ...] = ()
    options: tuple[str, ...] = ("--no-verify",)
    before: str = ""
    after: str = ""
    later: Later | None = None
    edit: dict[str, str] = field(default_factory=dict)
    code: int = 1

    @property
    def heals(self) -> bool:
        return self.expect == "deployed"


def scenarios() -> list[Scenario]:
    """Every file, by its name."""
    return [read(file) for file in sorted((HERE / "scenarios").glob("*.yaml"))]


def read(file: Path) -> Scenario:
    said: dict[str, Any] = yaml.safe_load(file.read_text())
    later = Later(**said.pop("later")) if "later" in said else None
    lists = {name: tuple(said.pop(name)) for name in ("set", "options") if name in said}
    return Scenario(file.stem, later=later, **said, **lists)


def push_images(registry: RealRegistry, folder: Path) -> None:
    """Builds the images and pushes them, each under its tag."""
    base = f"{registry.host}/cmsweb/newdqmgui:{NORMAL}"
    shutil.copytree(HERE / "image", folder / "base")
    shutil.copy(SCRIPTS / "monitor.sh", folder / "base")
    docker("build", "-q", "-t", base, str(folder / "base"), timeout=300)
    names = [base]
    for tag, lines in LINES.items():
        context = folder / tag
        context.mkdir()
        (context / "noise").write_bytes(random.Random(tag).randbytes(NOISE.get(tag, 1)))
        (context / "noise").chmod(0o755)
        (context / "Dockerfile").write_text(f"FROM {base}\n{lines}\n")
        names.append(f"{registry.host}/cmsweb/newdqmgui:{tag}")
        docker("build", "-q", "-t", names[-1], str(context), timeout=300)
    for name in names:
        docker("push", "-q", name, timeout=300)
    docker("rmi", "--no-prune", "-f", *names, check=False)
    inner = registry.push("inner", architecture="arm64")
    entry = {"mediaType": IMAGE, "digest": inner, "size": len(registry.read(inner)), "platform": {"os": "linux", "architecture": "arm64"}}
    registry.manifest(ARM, INDEX, {"manifests": [entry]})


class Throttle(socketserver.ThreadingTCPServer):
    """Passes connections on to a port of this machine, at most `rate` bytes a second back; refuses all while `is_shut`."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int, rate: float) -> None:
        self.port, self.rate = port, rate
        super().__init__(("0.0.0.0", 0), Passing)


class Passing(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        server = self.server
        assert isinstance(server, Throttle)
        with socket.create_connection(("127.0.0.1", server.port)) as upstream:
            back = threading.Thread(target=self.pass_back, args=(upstream, server.rate), daemon=True)
            back.start()
            while some := self.request.recv(65536):
                upstream.sendall(some)
            upstream.shutdown(socket.SHUT_WR)
            back.join()

    def pass_back(self, upstream: socket.socket, rate: float) -> None:
        try:
            while some := upstream.recv(int(rate / 10)):
                self.request.sendall(some)
                time.sleep(len(some) / rate)
        except OSError:
            pass  # the puller has gone


@contextmanager
def throttled(port: int, rate: float) -> Iterator[int]:
    """The port of a slow way to a registry."""
    with Throttle(port, rate) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
