"""Real parts: a Kerberos realm on loopback, the scripts of the image started as they are, a stand-in of the service."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sysconfig
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
IMAGE = CHECKOUT / "docker/newdqmgui"
STAND_IN = Path(__file__).parent / "stand-in"
# Debian keeps the KDC where users other than root do not look.
PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"
REALM = "DQM.TEST"


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
class Realm:
    """A Kerberos realm in a folder, served on loopback."""

    folder: Path
    port: int
    kdc: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        return {"KRB5_CONFIG": str(self.folder / "krb5.conf"), "KRB5_KDC_PROFILE": str(self.folder / "kdc.conf")}

    def make(self) -> None:
        (self.folder / "krb5.conf").write_text(
            f"[libdefaults]\n default_realm = {REALM}\n dns_lookup_kdc = false\n rdns = false\n"
            f"[realms]\n {REALM} = {{\n  kdc = 127.0.0.1:{self.port}\n }}\n"
        )
        (self.folder / "kdc.conf").write_text(
            f"[kdcdefaults]\n kdc_listen = 127.0.0.1:{self.port}\n kdc_tcp_listen = 127.0.0.1:{self.port}\n"
            f"[realms]\n {REALM} = {{\n  database_name = {self.folder}/principal\n  key_stash_file = {self.folder}/stash\n"
            f"  acl_file = {self.folder}/acl\n }}\n[logging]\n kdc = FILE:{self.folder}/kdc.log\n"
        )
        self._run("kdb5_util", "create", "-s", "-P", "master", "-r", REALM)
        self.start()

    def start(self) -> None:
        self.kdc = subprocess.Popen(["krb5kdc", "-n"], env={**os.environ, "PATH": PATH, **self.environment}, stdout=subprocess.DEVNULL)
        wait_for("the KDC listens", self._listens)

    def stop(self) -> None:
        if self.kdc:
            self.kdc.terminate()
            self.kdc.wait(timeout=10)
            self.kdc = None

    def admin(self, query: str) -> None:
        self._run("kadmin.local", "-r", REALM, "-q", query)

    def keytab(self, principal: str, file: Path) -> Path:
        """Adds the principal's key to a keytab; the first time this makes the principal, and each time a new key."""
        self.admin(f"addprinc -randkey {principal}")
        self.admin(f"ktadd -k {file} {principal}")
        return file

    def _listens(self) -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def _run(self, *command: str) -> None:
        subprocess.run(command, env={**os.environ, "PATH": PATH, **self.environment}, check=True, capture_output=True, timeout=30)


@pytest.fixture
def realm(tmp_path: Path) -> Iterator[Realm]:
    need("krb5kdc", "kadmin.local", "kdb5_util", "k5start", "klist")
    folder = tmp_path / "realm"
    folder.mkdir()
    made = Realm(folder, free_port())
    made.make()
    yield made
    made.stop()


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


@pytest.fixture
def make_pod(tmp_path: Path) -> Iterator[Callable[..., Pod]]:
    """Makes pods; each gets a copy of the stand-in unless it is given another pod's folder."""
    pods: list[Pod] = []

    def make(app: Path | None = None, **settings: str) -> Pod:
        folder = tmp_path / f"pod{len(pods)}"
        (folder / "secrets").mkdir(parents=True)
        (folder / "log").touch()
        if app is None:
            app = folder / "dqmgui"
            shutil.copytree(STAND_IN, app, ignore=shutil.ignore_patterns("__pycache__"))
            # Installed as install.sh would, without asking a package index in every test.
            (app / "python/.python_packages").symlink_to(sysconfig.get_path("purelib"))
        pods.append(Pod(folder, app, free_port(), settings))
        return pods[-1]

    yield make
    for pod in pods:
        pod.clear()


@pytest.fixture
def pod(make_pod: Callable[..., Pod]) -> Pod:
    return make_pod(DQMGUI_KERBEROS="off")
