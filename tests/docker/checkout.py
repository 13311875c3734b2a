"""helmtool in a checkout of its own, with a real docker."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pod import IMAGE, STAND_IN
from runs import Ran

PLAIN = "debian:bookworm-slim"
BASE = "newdqmgui-test-base:bookworm"
BUILT = "newdqmgui-test:image"
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
TODAY = f"HG{datetime.now(ZoneInfo('Europe/Zurich')):%d%m}"
SOURCE = Path(__file__).parents[2]


def docker(*arguments: str, check: bool = True, timeout: float = 60, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=check, timeout=timeout, **options)


def need(*programs: str) -> None:
    """Skips where a program is missing or no docker daemon answers; under CI that is a failure, so that nothing is left out unseen."""
    reason = why_not(programs)
    if reason and os.environ.get("CI") == "true":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


def why_not(programs: Sequence[str]) -> str:
    """Why there is no docker here; nothing where there is one."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        return f"not installed: {', '.join(missing)}"
    try:
        answer = docker("version", "--format", "{{.Server.Version}}", check=False, timeout=20)
    except subprocess.TimeoutExpired:
        return "the docker daemon does not answer"
    return "" if answer.returncode == 0 else f"no docker daemon: {answer.stderr.strip()}"


def make_base(folder: Path) -> None:
    """Debian with the authorities that this machine trusts, for pip: they may be a proxy's, which no image knows."""
    folder.mkdir()
    (folder / "authorities.pem").write_bytes(AUTHORITIES.read_bytes() if AUTHORITIES.exists() else b"")
    lines = [f"FROM {PLAIN}"]
    if AUTHORITIES.exists():
        lines += ["COPY authorities.pem /opt/authorities.pem", "ENV PIP_CERT=/opt/authorities.pem"]
    (folder / "Dockerfile").write_text("\n".join(lines) + "\n")
    docker("build", "-q", "-t", BASE, str(folder), timeout=300)


def build_image(context: Path) -> str:
    """The real Dockerfile with the stand-in as the service; gives its name. `make_base` goes before."""
    shutil.copytree(IMAGE, context)
    shutil.copytree(STAND_IN, context / "stand-in", ignore=shutil.ignore_patterns("__pycache__"))
    (context / "stand-in/secret.keytab").write_bytes(b"\x05\x02")
    values = {
        "BASE_IMAGE": BASE,
        "DQMGUI_SOURCE": "stand-in",
        "IMAGE_REVISION": "0123abc",
        "IMAGE_CREATED": "2026-05-01T00:00:00Z",
        "IMAGE_SOURCE": "https://example.org/source",
    }
    words = [word for name, value in values.items() for word in ("--build-arg", f"{name}={value}")]
    built = docker("build", "-t", BUILT, *words, str(context), check=False, timeout=1200)
    assert built.returncode == 0, built.stdout + built.stderr
    return BUILT


class Child(subprocess.Popen[str]):
    """A command line that runs; a test that fails beside it ends it, instead of waiting for it."""

    def __exit__(self, kind: Any, value: Any, trace: Any) -> None:
        if kind is not None:
            self.terminate()
        super().__exit__(kind, value, trace)


@dataclass(frozen=True)
class Checkout:
    """A checkout under git, and the images that its tests make."""

    root: Path
    home: Path
    host: str

    @property
    def repository(self) -> str:
        return f"{self.host}/cmsweb/newdqmgui"

    def git(self, *arguments: str) -> str:
        own = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
        return subprocess.run(["git", "-C", str(self.root), *own, *arguments], check=True, capture_output=True, text=True).stdout.strip()

    def commit(self) -> None:
        if not (self.root / ".git").exists():
            self.git("init", "-q")
            self.git("remote", "add", "origin", "https://me:s3cret@example.org/dqm/helmtool.git")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "x")

    def dockerfile(self, text: str) -> None:
        """A build that is over in a moment, instead of the image."""
        (self.root / "docker/newdqmgui/Dockerfile").write_text(f"FROM {BASE}\nARG IMAGE_REVISION\n{text}\n")
        self.commit()

    def environment(self, **variables: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name.startswith("DOCKER_")}
        own = {"PATH": os.environ["PATH"], "HOME": str(self.home), "PYTHONPATH": str(SOURCE), "XDG_CACHE_HOME": str(self.home / "cache")}
        return {**own, **kept, **variables}

    def start(self, *arguments: str, **variables: str) -> Child:
        self.home.mkdir(exist_ok=True)
        argv = [sys.executable, "-m", "helmtool", "image", *arguments]
        pipe = subprocess.PIPE
        return Child(argv, cwd=self.root, env=self.environment(**variables), stdout=pipe, stderr=pipe, stdin=subprocess.DEVNULL, text=True)

    def run(self, *arguments: str, timeout: float = 120, **variables: str) -> Ran:
        with self.start(*arguments, **variables) as child:
            try:
                out, err = child.communicate(timeout=timeout)
            except subprocess.TimeoutExpired:
                child.kill()
                raise
        assert "Traceback" not in err
        return Ran(child.returncode, out, err)

    def small_image(self, tag: str, content: str = "x", **changes: str) -> str:
        """An image of one file in docker, as if it was built; gives its full name."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            member = tarfile.TarInfo("file")
            member.size = len(content.encode())
            tar.addfile(member, io.BytesIO(content.encode()))
        name = f"{self.repository}:{tag}"
        words = [word for change in changes.values() for word in ("--change", change)]
        subprocess.run(["docker", "import", *words, "-", name], input=packed.getvalue(), check=True, capture_output=True)
        return name

    def containers(self) -> str:
        return docker("ps", "-a", "--format", "{{.Image}} {{.Names}}").stdout

    def clear(self) -> None:
        for line in self.containers().splitlines():
            image, _, name = line.partition(" ")
            if image.startswith(self.host):
                docker("rm", "-f", name, check=False)
        images = docker("images", "--quiet", self.repository).stdout.split()
        if images:
            docker("rmi", "-f", *images, check=False)
