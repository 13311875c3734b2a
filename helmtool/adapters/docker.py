"""Docker as a program: the only module that calls it. Its own lines are handed on as they come."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from helmtool.adapters import process
from helmtool.adapters.docker_errors import BuildFailed, DiskFull, DockerMissing, DockerUnreachable, ImageMissing, push_error
from helmtool.adapters.git import environment
from helmtool.adapters.registry.credentials import protect_stored
from helmtool.errors import Problem

PROGRAM = "docker"
CALL_TIMEOUT = 60.0
STOP_SECONDS = 60
"""Longer than the 45 s that run.sh gives the server."""
LAST_LINES = 12
PORT = 8889
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[^\x20-\x7e\x80-\U0010ffff\t]")
_PUSHED = re.compile(r"\bdigest: (sha256:[0-9a-f]{64})\b")


class Daemon(NamedTuple):
    """The daemon that answers: its version, the machine it is on, all the memory it has, and where it keeps images."""

    version: str
    host: str
    memory: int
    folder: Path


class LocalImage(NamedTuple):
    """An image that the daemon has: its id, its labels, and the `repository@digest` names it was pushed or pulled under."""

    id: str
    labels: Mapping[str, str]
    digests: tuple[str, ...]


@dataclass
class Lines:
    """Docker's lines: each is handed on without what a terminal would obey, and the last ones are kept for a message."""

    on_line: Callable[[str], None]
    last: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_LINES * 4))

    def __call__(self, line: str) -> None:
        """Takes one line."""
        text = _CONTROL.sub("", line.rstrip("\r").rpartition("\r")[2]).rstrip()
        if text:
            self.last.append(text)
            self.on_line(text)

    @property
    def text(self) -> str:
        """The last lines together."""
        return "\n".join(self.last)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The very last lines, as an error shows them."""
        return tuple(Problem(line) for line in list(self.last)[-LAST_LINES:])


def daemon() -> Daemon:
    """The daemon, after a look whether it answers. Raises DockerMissing and DockerUnreachable."""
    done = _call("info", "--format", "{{json .}}")
    try:
        info = json.loads(done.stdout)
        if done.returncode == 0 and info.get("ServerVersion") and not info.get("ServerErrors"):
            return Daemon(
                str(info["ServerVersion"]),
                str(info.get("Name")),
                int(info.get("MemTotal") or 0),
                Path(str(info.get("DockerRootDir") or "/")),
            )
    except (ValueError, AttributeError):
        info = None
    errors = info.get("ServerErrors") if isinstance(info, dict) else None
    raise DockerUnreachable(_CONTROL.sub("", str(errors[0]) if errors else done.stderr.decode(errors="replace").strip())[:300])


def find_image(name: str) -> LocalImage | None:
    """The image that the daemon has under that name, if any."""
    done = _call("image", "inspect", name)
    if done.returncode != 0:
        return None
    data = json.loads(done.stdout)[0]
    return LocalImage(str(data["Id"]), (data.get("Config") or {}).get("Labels") or {}, tuple(data.get("RepoDigests") or ()))


def build(context: Path, name: str, arguments: Mapping[str, str], on_line: Callable[[str], None]) -> LocalImage:
    """Builds the Dockerfile of the context, with whichever builder docker has. Raises BuildFailed and DiskFull."""
    options = [word for key, value in arguments.items() for word in ("--build-arg", f"{key}={value}")]
    code, lines = _follow(["build", "--force-rm", "--tag", name, *options, str(context)], on_line)
    if code != 0 and "no space left on device" in lines.text.lower():
        raise DiskFull(lines.problems)
    image = find_image(name) if code == 0 else None
    if image is None:
        raise BuildFailed(
            code, lines.problems, killed=bool(re.search(r"code: 137|signal: killed|\bKilled\b|cannot allocate memory", lines.text))
        )
    return image


def push(host: str, name: str, on_line: Callable[[str], None]) -> str:
    """Pushes an image and gives the digest that docker says the registry has it under.

    Raises PushDenied, PushImmutable, RegistryUnreachable, RegistryFailed and DockerFailed.
    """
    code, lines = _follow(["push", name], on_line)
    found = _PUSHED.findall(lines.text)
    if code != 0 or not found:
        raise push_error(host, name, code, lines.text, lines.problems)
    return str(found[-1])


def require_image(name: str, hint: str) -> LocalImage:
    """The image that the daemon has under that name. Raises ImageMissing."""
    image = find_image(name)
    if image is None:
        raise ImageMissing(name, hint)
    return image


@contextlib.contextmanager
def container(image: str, name: str, port: int, lines: Lines) -> Iterator[process.Followed]:
    """Runs the image as the guide does; when the block is left, the server was told to stop and the container is gone.

    Raises DockerMissing.
    """
    options = ["--rm", "--name", name, "--cap-add", "SYS_ADMIN", "--device", "/dev/fuse", "--publish", f"{port}:{PORT}"]
    with _found(), process.follow([PROGRAM, "run", *options, image], lines, env=_environment()) as running:
        try:
            yield running
        finally:
            if running.wait(0) is None:
                _remove(name, running)


def _remove(name: str, running: process.Followed) -> None:
    """Gracefully first; whatever interrupts that, the container goes."""
    try:
        _call("stop", "-t", str(STOP_SECONDS), name, timeout=STOP_SECONDS + CALL_TIMEOUT)
        running.wait(process.PATIENCE)
    finally:
        if _call("container", "inspect", name).returncode == 0:
            _call("rm", "--force", "--volumes", name)


def _follow(arguments: list[str], on_line: Callable[[str], None]) -> tuple[int, Lines]:
    """Runs docker to its end; one that is interrupted ends what the daemon does for it."""
    lines = Lines(on_line)
    with _found(), process.follow([PROGRAM, *arguments], lines, env=_environment()) as running:
        return running.wait() or 0, lines


def _call(*arguments: str, timeout: float = CALL_TIMEOUT) -> process.Completed:
    with _found():
        try:
            return process.run([PROGRAM, *arguments], env=_environment(), timeout=timeout)
        except subprocess.TimeoutExpired:
            raise DockerUnreachable(f"`docker {arguments[0]}` did not end within {timeout:.0f} s") from None


@contextlib.contextmanager
def _found() -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, PermissionError):
        raise DockerMissing from None


def _environment() -> dict[str, Any]:
    """Lines instead of a picture, from builders that would draw one; they ask git for the commit of the context, and mean its own.

    What docker may print of its credentials is redacted from here on.
    """
    protect_stored()
    return {**environment(), "BUILDKIT_PROGRESS": "plain"}
