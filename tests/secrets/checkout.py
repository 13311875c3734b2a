"""A services_config checkout, keys of age, and the program run in both: every part is the real one."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from helmtool.adapters import toolbox
from helmtool.adapters.toolbox import ToolMissing
from helmtool.cli.app import run
from helmtool.model.redaction import redactor

ROOT = Path(__file__).parents[2]
SERVICE = "newdqmgui"
PATIENCE = 60.0
PATHS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TRACES = ("Traceback", "Exception ignored", "a mistake in helmtool")
CANARY = "canary-Zq8#wLp2"
"""Is part of every plaintext whose whereabouts a test watches."""


def need(*programs: str) -> list[str]:
    """The paths of programs; where one is missing the test is skipped, and fails in CI."""
    import shutil

    found = {program: shutil.which(program, path=PATHS) for program in programs}
    missing = [program for program, path in found.items() if not path]
    if missing:
        lack(f"needs {', '.join(missing)}")
    return [path for path in found.values() if path]


def lack(what: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


def tool(program: str) -> Path:
    """A program of `make tools-client`."""
    try:
        return toolbox.find(program)
    except ToolMissing as error:
        lack(error.message)
        raise


@dataclass(frozen=True)
class Key:
    """An identity file of age-keygen, and its recipient."""

    file: Path
    recipient: str

    @property
    def secret(self) -> str:
        return next(line for line in self.file.read_text().splitlines() if not line.startswith("#"))


def make_key(file: Path) -> Key:
    subprocess.run([tool("age-keygen"), "-o", file], check=True, capture_output=True)
    return Key(file, subprocess.run([tool("age-keygen"), "-y", file], check=True, capture_output=True, text=True).stdout.strip())


@dataclass(frozen=True)
class Ran:
    """What one command line gave."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode()

    @property
    def document(self) -> Any:
        return json.loads(self.out)

    @property
    def all(self) -> str:
        return self.out.decode(errors="replace") + self.err


@dataclass
class Checkout:
    """A services_config checkout in a folder, with the program at hand."""

    root: Path
    home: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def service(self) -> Path:
        return self.root / SERVICE

    @property
    def environment(self) -> dict[str, str]:
        cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        own = {"HOME": str(self.home), "TMPDIR": str(self.home / "tmp"), "HELMTOOL_SERVICES_CONFIG": str(self.root)}
        plain = {"PATH": PATHS, "XDG_CACHE_HOME": cache, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8"}
        return plain | own | self.variables

    def argv(self, *arguments: str | Path) -> list[str]:
        return [sys.executable, "-m", "helmtool", "--config-dir", str(ROOT), "secrets", *map(str, arguments)]

    def run(self, *arguments: str | Path, env: Mapping[str, str] | None = None, prefix: Sequence[str] = ()) -> Ran:
        """Runs `helmtool secrets …` to its end: in this process, which saves the start of Python, or behind a prefix as a program."""
        variables = self.environment | dict(env or {})
        ran = run_as_program([*prefix, *self.argv(*arguments)], variables, self.home) if prefix else self._run_inside(arguments, variables)
        assert not [trace for trace in TRACES if trace in ran.all], ran
        return ran

    def _run_inside(self, arguments: Sequence[str | Path], variables: dict[str, str]) -> Ran:
        out, err = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True), io.StringIO()
        toolbox.read_version.cache_clear()
        redactor.forget()
        with (
            contextlib.chdir(self.home),
            mock.patch.dict(os.environ, variables, clear=True),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = run(self.argv(*arguments)[3:])
        return Ran(code, out.buffer.getvalue(), err.getvalue())  # type: ignore[attr-defined]

    def ok(self, *arguments: str | Path, **more: Any) -> Ran:
        ran = self.run(*arguments, **more)
        assert ran.code == 0, ran
        return ran

    def fails(self, *arguments: str | Path, code: int, says: Sequence[str] = (), **more: Any) -> dict[str, Any]:
        """Requires the exit code, the words, a next command, and one document of JSON; gives its error."""
        text, script = self.run(*arguments, **more), self.run(*arguments, "-o", "json", **more)
        assert (text.code, script.code) == (code, code), (text, script)
        assert text.out == b""
        error: dict[str, Any] = script.document["error"]
        problems = [f"{p['file']}: {p['message']}" for p in error["problems"]]
        for words in says:
            assert words in text.err, (words, text.err)
            assert words in "\n".join([error["message"], error["hint"], *problems]), (words, error)
        assert error["hint"]
        return error

    def start(self, *arguments: str | Path, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Starts it in a process group of its own, so that a test can end all of it."""
        return subprocess.Popen(
            self.argv(*arguments),
            env=self.environment | dict(env or {}),
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def write(self, name: str, content: bytes | str) -> Path:
        path = self.service / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def sealed(self, name: str, content: bytes | str, key: Key) -> Path:
        """A file that is encrypted in the checkout, and its plaintext nowhere."""
        self.ok("encrypt", self.write(name, content), "--recipient", key.recipient, "--remove")
        return self.service / f"{name}.encrypted"

    def opened(self, name: str, key: Key) -> bytes:
        return self.ok("decrypt", self.service / f"{name}.encrypted", "--out", "-", "--identity", key.file).out

    def git(self, *arguments: str) -> str:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false"]
        command = ["git", "-C", str(self.root), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, env=self.environment).stdout


def run_as_program(argv: Sequence[str], variables: Mapping[str, str], folder: Path) -> Ran:
    done = subprocess.run(argv, env=dict(variables), cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE)
    return Ran(done.returncode, done.stdout, done.stderr.decode(errors="replace"))


def sops(*arguments: str | Path, key: Key | None = None, input: bytes | None = None) -> bytes:
    """sops itself, as a person calls it."""
    env = {"PATH": PATHS, "HOME": "/nonexistent"} | ({"SOPS_AGE_KEY_FILE": str(key.file)} if key else {})
    done = subprocess.run([tool("sops"), *map(str, arguments)], input=input, env=env, capture_output=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def wait_for(what: str, condition: Any, patience: float = 30.0) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Kills what is left of a process that was started by `Checkout.start`."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def files_with(needle: bytes, *folders: Path) -> list[Path]:
    """The files below the folders in which some bytes stand."""
    found = []
    for folder in folders:
        for path in folder.rglob("*"):
            try:
                if path.is_file() and needle in path.read_bytes():
                    found.append(path)
            except OSError:
                continue
    return found
