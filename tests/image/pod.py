"""run.sh and monitor.sh as one pod has them, started as they are, with a stand-in of the service."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
IMAGE = CHECKOUT / "docker/newdqmgui"
STAND_IN = Path(__file__).parent / "stand-in"
# Debian keeps the KDC where users other than root do not look.
PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"


def need(*programs: str) -> None:
    """Skips where a program is missing; under CI that is a failure, so that nothing is left out unseen."""
    missing = [program for program in programs if shutil.which(program, path=PATH) is None]
    if not missing:
        return
    reason = f"missing: {', '.join(missing)} (Debian: krb5-kdc krb5-admin-server krb5-user kstart shellcheck)"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def wait_for(what: str, condition: Callable[[], object], seconds: float = 20) -> None:
    """Waits until the condition holds. Fails with its name."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            pytest.fail(f"not within {seconds} s: {what}")
        time.sleep(0.05)


def free_port() -> int:
    """A port that is free for TCP and UDP, and whose metrics port, 10000 higher, is free too."""
    for _ in range(100):
        with socket.socket() as tcp, socket.socket() as metrics, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port: int = tcp.getsockname()[1]
            try:
                udp.bind(("127.0.0.1", port))
                metrics.bind(("127.0.0.1", port + 10000))
            except (OSError, OverflowError):
                continue
            return port
    raise AssertionError("no free port")


def get(port: int, path: str = "/") -> str:
    """The body of an answer, or nothing while there is no server."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2) as answer:
            return str(answer.read().decode())
    except (OSError, urllib.error.URLError):
        return ""


@dataclass
class Pod:
    """What one pod has: its own secrets and ticket cache; the folder of the service can be another pod's too."""

    folder: Path
    app: Path
    port: int
    settings: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def secrets(self) -> Path:
        return self.folder / "secrets"

    @property
    def ticket(self) -> Path:
        return self.folder / "ticket"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    @property
    def server_log(self) -> str:
        file = self.app / "data/logs/dqmgui.log"
        return file.read_text() if file.exists() else ""

    @property
    def environment(self) -> dict[str, str]:
        own = {"DQMGUI_PORT": str(self.port), "DQMGUI_SECRETS_DIR": str(self.secrets), "KRB5CCNAME": f"FILE:{self.ticket}"}
        return {**os.environ, "VO_CMS_SW_DIR": str(self.folder / "cvmfs"), **own, **self.settings}

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            command = ["bash", str(IMAGE / "run.sh"), *arguments]
            self.process = subprocess.Popen(command, cwd=self.app, env=self.environment, stdout=log, stderr=log)
        return self.process

    def serving(self) -> None:
        wait_for(f"the server answers\n{self.log}", lambda: get(self.port) or (self.process and self.process.poll() is not None))
        assert self.process
        assert self.process.poll() is None, self.log

    def ended(self, seconds: float = 20) -> int:
        assert self.process
        return self.process.wait(timeout=seconds)

    def monitor(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["bash", str(IMAGE / "monitor.sh"), *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60, check=False)

    def keeper(self) -> int | None:
        """The process that keeps the ticket fresh, as long as it lives."""
        file = Path(f"{self.ticket}.k5start.pid")
        number = file.read_text().strip() if file.exists() else ""
        return int(number) if number and Path(f"/proc/{number}/cmdline").exists() and is_k5start(number) else None

    def clear(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=20)
        keeper = self.keeper()
        if keeper:
            os.kill(keeper, signal.SIGTERM)


def is_k5start(number: str) -> bool:
    return Path(f"/proc/{number}/comm").read_text().strip() == "k5start"
