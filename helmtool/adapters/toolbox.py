"""Where the programs are that are not Python: helm, sops, and the ones that the embedded cluster is made of.

`tools/build.py` puts the pinned versions into the cache folder; a program on PATH that fits is as good. Nothing here imports
anything but the standard library, so that the builder can use the same rules before there is a virtual environment.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar, NamedTuple

from helmtool.adapters import process
from helmtool.errors import InvalidInput

KUBERNETES = "1.37.2"

VERSIONS = {
    "helm": "4.3.1",
    "sops": "3.13.3",
    "age-keygen": "1.3.1",
    "kwok": "0.8.0",
    "kwokctl": "0.8.0",
    "etcd": "3.7.1",
    "kube-apiserver": KUBERNETES,
    "kube-controller-manager": KUBERNETES,
    "kube-scheduler": KUBERNETES,
    "kubectl": KUBERNETES,
}
"""The pinned versions, for an installed package that has no `tools/`; a test holds them and the Go modules together."""

CLIENT = ("helm", "sops", "age-keygen")
"""What works on a real cluster needs; the rest is the embedded one."""

VERSION_ARGUMENTS = {
    "helm": ("version", "--template", "{{.Version}}"),
    "kubectl": ("version", "--client"),
    "sops": ("--disable-version-check", "--version"),
}
"""How a program is asked for its version where it is not `--version`."""

OLDEST = {"helm": (4, 1, 0), "sops": (3, 10, 0), "age-keygen": (1, 0, 0)}
"""Programs of which more than the pinned version does, within its major version. sops reads from stdin since 3.10."""
BROKEN = {"helm": frozenset({"4.2.1"})}
"""Versions that must not be used: helm 4.2.1 hangs while it deletes."""

VERSION_TIMEOUT = 10.0
"""Seconds for a program to say its version."""

_VERSION = re.compile(r"(?<![\d.])v?(\d+\.\d+\.\d+)(-[0-9A-Za-z.-]+)?")


class ToolMissing(InvalidInput):
    """A program is not there, or only in a version that does not fit."""

    code: ClassVar[str] = "tool-missing"

    def __init__(self, program: str, expected: str, found: str) -> None:
        self.program, self.expected, self.found = program, expected, found
        hint = "helmtool tools install" if program in CLIENT else "build it with: make tools"
        super().__init__(f"{program} {expected} is needed, but {found}", hint=hint)


class Tool(NamedTuple):
    """A program, its version without the leading `v`, and where it is."""

    program: str
    version: str
    path: Path


def tools_folder() -> Path:
    """Where built programs are kept: `$XDG_CACHE_HOME/helmtool/tools`, by default below `~/.cache`.

    Raises NoHome where neither XDG_CACHE_HOME nor a home folder is known.
    """
    return cache_home() / "helmtool" / "tools"


class NoHome(InvalidInput):
    """There is no folder of one's own to keep anything in."""

    code: ClassVar[str] = "no-home"

    def __init__(self, variable: str) -> None:
        super().__init__(
            f"no home folder: HOME is not set to an absolute path, and {variable} is not either",
            hint=f"export HOME, or {variable}=FOLDER",
        )


def cache_home() -> Path:
    """The folder for what can be made again (XDG base directories). Raises NoHome."""
    return base_folder("XDG_CACHE_HOME", ".cache")


def base_folder(variable: str, below_home: str) -> Path:
    """A folder of the XDG base directories: a relative path in the variable is ignored, as an unset one is. Raises NoHome."""
    given, home = os.environ.get(variable, ""), os.environ.get("HOME", "")
    if Path(given).is_absolute():
        return Path(given)
    if Path(home).is_absolute():
        return Path(home) / below_home
    raise NoHome(variable)


def pinned_path(program: str, version: str | None = None) -> Path:
    """Where the pinned program is, or would be once it is built. Helm's field manager is the name of its file, so that is `helm`."""
    return tools_folder() / f"{program}-{version or VERSIONS[program]}" / program


def is_pinned(program: str, version: str | None = None) -> bool:
    """Whether the pinned program is in its place."""
    try:
        return os.access(pinned_path(program, version), os.X_OK)
    except NoHome:
        return False


@contextlib.contextmanager
def locked(waiting: Callable[[Path], None]) -> Iterator[None]:
    """One at a time on a machine fills the folder of the programs, which is made; a second one waits, and `waiting` is told for which file.

    `flock` by hand and not filelock, which removes its file when it is released: a build that waits would then hold nothing. Raises
    NoHome and OSError.
    """
    folder = tools_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting(folder / ".lock")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def find(program: str) -> Path:
    """The pinned program, else one on PATH that fits. Raises ToolMissing."""
    return locate(program).path


def helm() -> tuple[Path, str]:
    """Helm and its version (`4.3.1`). The pinned one's is known from its folder: no process is started. Raises ToolMissing."""
    tool = locate("helm")
    return tool.path, tool.version


def locate(program: str) -> Tool:
    """The pinned program, else one on PATH that fits, with its version. Raises ToolMissing with what was found instead."""
    if is_pinned(program):
        return Tool(program, VERSIONS[program], pinned_path(program))
    return on_path(program, VERSIONS[program])  # which does without a home


def on_path(program: str, pinned: str) -> Tool:
    """The program of PATH when its version fits. Raises ToolMissing with what was found instead."""
    found = shutil.which(program)
    expected = expectation(program, pinned)
    if found is None:
        raise ToolMissing(program, expected, _nowhere(program))
    path = Path(found).absolute()
    version = read_version(program, path)
    if version is None:
        raise ToolMissing(program, expected, f"{path} does not tell its version")
    if not fits(program, version, pinned):
        raise ToolMissing(program, expected, f"{path} is {version}")
    return Tool(program, version, path)


def _nowhere(program: str) -> str:
    try:
        return f"there is no {program} in {tools_folder()} or on PATH"
    except NoHome:
        return f"there is no {program} on PATH, and no home folder to look in"


def expectation(program: str, pinned: str) -> str:
    """Which versions would do, in words."""
    if program not in OLDEST:
        return pinned
    oldest, broken = OLDEST[program], BROKEN.get(program)
    limits = f">= {'.'.join(map(str, oldest[:2]))} and < {oldest[0] + 1}"
    return f"{limits}, not {', '.join(sorted(broken))}," if broken else limits


def fits(program: str, version: str, pinned: str) -> bool:
    """Whether that version can be used: helm and sops within their major version, the cluster's programs exactly as pinned.

    The Kubernetes programs must be of one version, and the embedded cluster is only ever tried with the pinned ones.
    """
    if program not in OLDEST:
        return version == pinned
    oldest, numbers = OLDEST[program], tuple(int(part) for part in version.split("-", 1)[0].split("."))
    return numbers >= oldest and numbers[0] == oldest[0] and "-" not in version and version not in BROKEN.get(program, ())


def parse_version(output: str) -> str | None:
    """The first version in what a program prints (`v4.3.1+g1234` → `4.3.1`, `1.37.0-rc.1` as it is); None where there is none."""
    match = _VERSION.search(output)
    return match.group(1) + (match.group(2) or "") if match else None


@functools.cache
def read_version(program: str, path: Path) -> str | None:
    """Asks the program itself, once per process; None where it cannot be started, is too slow, fails or prints no version."""
    arguments = VERSION_ARGUMENTS.get(program, ("--version",))
    try:
        done = process.run([str(path), *arguments], timeout=VERSION_TIMEOUT)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse_version(done.stdout.decode(errors="replace")) if done.returncode == 0 else None


def go_line(go_mod: str) -> tuple[int, ...]:
    """The oldest Go that may build a go.mod."""
    match = re.search(r"^go (\d+(?:\.\d+)*)", go_mod, re.MULTILINE)
    return _numbers(match.group(1)) if match else (0,)


def go_version(go: Path) -> tuple[int, ...] | None:
    """The version of a Go (1.26.6 as numbers); None for one that does not say it, or for an unreleased one."""
    env = os.environ | {"GOTOOLCHAIN": "local"}
    try:
        done = process.run([str(go), "env", "GOVERSION"], env=env, cwd=Path(tempfile.gettempdir()), timeout=VERSION_TIMEOUT)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.match(r"go(\d+(?:\.\d+)+)", done.stdout.decode(errors="replace"))
    return _numbers(match.group(1)) if match else None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
