"""Runs the command line many times a second: a process that has the program imported forks a child for each input.

`python forkserver.py` is the server: a line of JSON on standard input is one command line, a line on standard output what it gave.
The child calls the same `main` as `python -m helmtool`, with real streams, limits on memory, CPU and output, and a watchdog.
"""

from __future__ import annotations

import base64
import contextlib
import gc
import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

PATIENCE = 120.0
"""Seconds after which a command that has not ended is a hang: the registry's own limit for a body that drips is 60."""
CPU_LIMIT = 20
LARGEST_OUTPUT = 64 << 20


@dataclass(frozen=True)
class Ran:
    """What one command line gave and took. `code` is negative where a signal ended it."""

    code: int
    out: bytes
    err: bytes
    cpu: float
    seconds: float
    memory: int
    hung: bool


class Forks:
    """One server, for one command line at a time."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._server = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(variables), start_new_session=True
        )

    def run(self, arguments: Sequence[str], folder: Path, variables: Mapping[str, str], memory: int) -> Ran:
        """Runs one command line to its end; `memory` is the most bytes of address space."""
        assert self._server.stdin
        assert self._server.stdout
        request = {"arguments": list(arguments), "folder": str(folder), "variables": dict(variables), "memory": memory}
        self._server.stdin.write(json.dumps(request).encode() + b"\n")
        self._server.stdin.flush()
        answer = json.loads(self._server.stdout.readline())
        return Ran(**answer | {"out": base64.b64decode(answer["out"]), "err": base64.b64decode(answer["err"])})

    def close(self) -> None:
        """Ends the server."""
        with self._server:
            assert self._server.stdin
            self._server.stdin.close()


def serve() -> None:
    """The server: until its standard input ends."""
    answers = os.fdopen(os.dup(1), "w")
    requests = os.fdopen(os.dup(0), "rb")
    _import_all()
    gc.freeze()  # what is imported stays shared with the children
    for line in requests:
        request = json.loads(line)
        answers.write(json.dumps(_run(request)) + "\n")
        answers.flush()


def _import_all() -> None:
    """What commands import late, imported once."""
    import importlib
    import pkgutil

    import helmtool

    for module in pkgutil.walk_packages(helmtool.__path__, "helmtool."):
        if module.name != "helmtool.__main__":
            importlib.import_module(module.name)
    for name in ("kubernetes.config", "jsonschema", "urllib3", "yaml", "pyhelm3", "asyncio", "cryptography.x509"):
        importlib.import_module(name)


def _run(request: dict[str, Any]) -> dict[str, Any]:
    out, err = os.memfd_create("out"), os.memfd_create("err")
    begun = time.monotonic()
    child = os.fork()
    if child == 0:
        _become(request, out, err)
    hung = not _ends(child, PATIENCE)
    if hung:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
    _, status, used = os.wait4(child, 0)
    return {
        "code": os.waitstatus_to_exitcode(status),
        "out": _content(out),
        "err": _content(err),
        "cpu": used.ru_utime + used.ru_stime,
        "seconds": time.monotonic() - begun,
        "memory": used.ru_maxrss * 1024,
        "hung": hung,
    }


def _ends(child: int, seconds: float) -> bool:
    """Waits for a child, which stays to be reaped."""
    descriptor = os.pidfd_open(child)
    try:
        return bool(select.select([descriptor], [], [], seconds)[0])
    finally:
        os.close(descriptor)


def _content(descriptor: int) -> str:
    with os.fdopen(descriptor, "rb") as file:
        file.seek(0)
        return base64.b64encode(file.read()).decode()


def _become(request: dict[str, Any], out: int, err: int) -> None:
    """The child: the program with these arguments, as `python -m helmtool` would be."""
    try:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDONLY)
        for descriptor, stream in ((nothing, 0), (out, 1), (err, 2)):
            os.dup2(descriptor, stream)
        os.closerange(3, 64)
        for limit, value in (
            (resource.RLIMIT_AS, request["memory"]),
            (resource.RLIMIT_CPU, CPU_LIMIT),
            (resource.RLIMIT_FSIZE, LARGEST_OUTPUT),
        ):
            resource.setrlimit(limit, (value, value))
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["variables"])
        sys.argv = ["helmtool", *request["arguments"]]
        _main()
    finally:
        os._exit(70)


def _main() -> NoReturn:
    """Runs it to the end of the process, also where it leaves that to the interpreter."""
    from helmtool.__main__ import end, main

    code = 0
    try:
        main()
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else 1
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        code = 1
    end(code)


if __name__ == "__main__":
    serve()
