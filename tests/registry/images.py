"""A registry as a process, and images in it that plain HTTP calls have put there."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

BINARY = shutil.which("docker-registry")
PATH = "cmsweb/newdqmgui"
IMAGE = "application/vnd.oci.image.manifest.v1+json"
DOCKER_IMAGE = "application/vnd.docker.distribution.manifest.v2+json"
INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"


PASSWORD = "swordfish"
AUTH = base64.b64encode(f"dqm:{PASSWORD}".encode()).decode()
HTPASSWD = "dqm:$2b$04$PVOE9oAmMnfuZpzFPI7Ax.IaJNf5O63RUDYpU3fvjmZvZ0xVaYpzK"


def require_registry() -> str:
    """The program, or a skip; where a run must be complete (the variable CI), a failure."""
    if BINARY:
        return BINARY
    missing = "the program docker-registry is missing: apt-get install docker-registry"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass
class RealRegistry:
    """Debian's docker-registry on a free port; `authorization` is what `push` sends, `data` another one's storage to serve too."""

    folder: Path
    extra: dict[str, Any] = field(default_factory=dict)
    authorization: str = ""
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    tls: dict[str, str] = field(default_factory=dict)
    data: Path | None = None
    external: str = ""
    """The address that it names itself by, as a proxy in front of it may tell it."""

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> RealRegistry:
        config = {
            "version": 0.1,
            "log": {"level": "error"},
            "storage": {"filesystem": {"rootdirectory": str(self.data or self.folder / "data")}, "delete": {"enabled": True}},
            "http": {"addr": self.host, **({"tls": self.tls} if self.tls else {}), **({"host": self.external} if self.external else {})},
            **self.extra,
        }
        file = self.folder / "config.yml"
        file.write_text(json.dumps(config))
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen([require_registry(), "serve", str(file)], stdout=log, stderr=log)
        until = time.monotonic() + 15
        while time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.2).close()
                return self
            except OSError:
                assert self.process.poll() is None, (self.folder / "log").read_text()
                time.sleep(0.05)
        raise AssertionError((self.folder / "log").read_text())

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(10)

    def kill(self) -> None:
        """Ends it without a word; what it has stored stays."""
        if self.process:
            self.process.kill()
            self.process.wait(10)

    def call(self, method: str, url: str, body: bytes | None = None, **headers: str) -> Any:
        if not url.startswith("http"):
            url = f"http://{self.host}/v2/{PATH}{url}"
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.authorization:
            sent["Authorization"] = self.authorization
        return urllib.request.urlopen(urllib.request.Request(url, body, sent, method=method), timeout=10)

    def blob(self, content: bytes) -> dict[str, Any]:
        place = self.call("POST", "/blobs/uploads/", b"").headers["Location"]
        joined = f"{place}{'&' if '?' in place else '?'}digest={digest(content)}"
        self.call("PUT", joined, content, Content_Type="application/octet-stream")
        return {"mediaType": "application/octet-stream", "digest": digest(content), "size": len(content)}

    def manifest(self, reference: str, media_type: str, document: dict[str, Any], indent: int | None = None) -> str:
        content = json.dumps({"schemaVersion": 2, "mediaType": media_type, **document}, indent=indent).encode()
        self.call("PUT", f"/manifests/{reference if reference else digest(content)}", content, Content_Type=media_type)
        return digest(content)

    def push(self, tag: str, created: str = "2026-05-01T10:00:00Z", media_type: str = IMAGE, architecture: str = "amd64") -> str:
        """An image of one small layer; gives its digest."""
        config = self.blob(json.dumps({"created": created, "os": "linux", "architecture": architecture}).encode())
        return self.manifest(tag, media_type, {"config": config, "layers": [self.blob(b"layer of " + tag.encode())]}, indent=3)

    def push_index(self, tag: str, media_type: str = INDEX) -> str:
        child = IMAGE if media_type == INDEX else DOCKER_IMAGE
        entries = []
        for architecture in ("arm64", "amd64"):
            inner = self.push(f"inner-{architecture}", media_type=child, architecture=architecture)
            size = len(self.read(inner))
            entries.append({"mediaType": child, "digest": inner, "size": size, "platform": {"os": "linux", "architecture": architecture}})
        attestation = {**entries[0], "platform": {"os": "unknown", "architecture": "unknown"}}
        return self.manifest(tag, media_type, {"manifests": [*entries, attestation]}, indent=5)

    def read(self, reference: str) -> bytes:
        content: bytes = self.call("GET", f"/manifests/{reference}", Accept=", ".join((IMAGE, DOCKER_IMAGE, INDEX, DOCKER_INDEX))).read()
        return content

    def has(self, tag: str) -> bool:
        try:
            self.read(tag)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return False
            raise
        return True


@contextlib.contextmanager
def registries(folder: Path) -> Iterator[Callable[..., RealRegistry]]:
    """Starts registries, each in a folder of its own below this one, and ends them in the end."""
    started: list[RealRegistry] = []

    def begin(**options: Any) -> RealRegistry:
        own = folder / f"registry{len(started)}"
        own.mkdir()
        started.append(RealRegistry(own, **options))
        return started[-1].start()

    try:
        yield begin
    finally:
        for registry in started:
            registry.stop()
