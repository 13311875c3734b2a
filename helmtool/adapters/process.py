"""The only module that starts programs: no shell, no secret in an argument or a log, its own process group."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

from helmtool.errors import OperationFailed

log = logging.getLogger(__name__)

SECRET_VARIABLES = frozenset({"SOPS_AGE_KEY"})
"""Variables of a person's shell that no program inherits from here; `secrets` gives them to the one that needs them."""
GUARDIAN = 'trap "" HUP INT TERM; cat >/dev/null; rm -rf -- "$0"'
"""A shell that waits until its standard input ends, which it does however this process ends, and then removes a folder."""
_work: ContextVar[object] = ContextVar("work", default=None)
_groups: dict[int, object] = {}
"""The process groups that `run_async` and `run_apart` have under way, each with the work that it belongs to."""
PATIENCE = 10.0
"""Seconds for a program to end after it was asked to."""


LARGEST, PIECE = 64 << 20, 1 << 16
"""Bytes of one output of a program that is run to its end, and those read at once."""


class TooMuchOutput(OperationFailed):
    """A program printed more than 64 MiB, and was killed."""

    code = "too-much-output"

    def __init__(self, program: str) -> None:
        super().__init__(f"{program} printed more than {LARGEST >> 20} MiB and was ended", hint=f"run {program} by hand to see why")


class Completed(NamedTuple):
    """What a program left behind: its exit code (negative: the signal that ended it) and both outputs, undecoded."""

    argv: tuple[str, ...]
    returncode: int
    stdout: bytes
    stderr: bytes


def run(
    argv: Sequence[str],
    *,
    input: bytes | None = None,
    stdin: int | None = None,
    env: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float | None = None,
) -> Completed:
    """Runs a program to its end and gives its outputs, whatever its exit code.

    `stdin` is a descriptor that it reads instead of `input`. `timeout` is in seconds; `env` replaces the whole environment, `secrets` is
    added to it. Raises FileNotFoundError, PermissionError, subprocess.TimeoutExpired and TooMuchOutput.
    """
    log.info("run: %s", " ".join(argv))
    read = subprocess.PIPE if input is not None else subprocess.DEVNULL if stdin is None else stdin
    whole = environment(env) | dict(secrets or {})
    program = subprocess.Popen(list(argv), stdin=read, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=whole, cwd=cwd)
    return _finish(program, argv, program.kill, timeout, input)


def run_apart(argv: Sequence[str], *, env: Mapping[str, str], timeout: float) -> Completed:
    """Runs a program that must not ask anything: without input and without a terminal, in a session of its own.

    It and all that it started are killed after `timeout` seconds, and where this process is interrupted in the wait. Raises OSError where
    it does not start, subprocess.TimeoutExpired and TooMuchOutput.
    """
    log.info("run: %s", argv[0])
    program = subprocess.Popen(
        list(argv),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(env),
        start_new_session=True,
    )
    _groups[program.pid] = _work.get()
    try:
        return _finish(program, argv, lambda: _kill(program.pid), timeout)  # also what it started, which would hold its outputs open
    finally:
        _groups.pop(program.pid, None)


def _finish(
    program: subprocess.Popen[bytes], argv: Sequence[str], kill: Callable[[], None], timeout: float | None, input: bytes | None = None
) -> Completed:
    """Both outputs of a program to their ends; it is killed where that takes too long, or they are too large."""
    until = None if timeout is None else time.monotonic() + timeout
    outputs = [_Output(stream, kill) for stream in (program.stdout, program.stderr) if stream]
    threading.Thread(target=_feed, args=(program.stdin, input or b""), daemon=True).start()
    try:
        for output in outputs:
            output.join(None if until is None else max(until - time.monotonic(), 0.0))
        if any(output.is_alive() for output in outputs):
            raise subprocess.TimeoutExpired(argv, timeout or 0.0)
        code = program.wait(None if until is None else max(until - time.monotonic(), 0.1))
    except BaseException:
        kill()
        program.wait()
        raise
    if any(output.is_too_large for output in outputs):
        raise TooMuchOutput(argv[0])
    return Completed(tuple(argv), code, *(bytes(output.content) for output in outputs))


def _feed(stdin: IO[bytes] | None, content: bytes) -> None:
    if stdin:
        with contextlib.suppress(OSError), stdin:  # a program may end without having read it
            stdin.write(content)


class _Output(threading.Thread):
    """One output of a program, read to its end; the program is killed where it is larger than LARGEST."""

    def __init__(self, stream: IO[bytes], kill: Callable[[], None]) -> None:
        super().__init__(name="output", daemon=True)
        self.content, self.is_too_large = bytearray(), False
        self._stream, self._kill = stream, kill
        self.start()

    def run(self) -> None:
        with self._stream as stream:
            while piece := os.read(stream.fileno(), PIECE):
                self.content += piece
                if len(self.content) > LARGEST:
                    self.is_too_large = True
                    self._kill()
                    return


def environment(given: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a program inherits: the environment that is given, else this process's own, without secrets in either."""
    return {name: value for name, value in (os.environ if given is None else given).items() if name not in SECRET_VARIABLES}


def run_on_terminal(argv: Sequence[str], env: Mapping[str, str]) -> int:
    """Runs an interactive program on this process's own streams to its end, and gives its exit code.

    A Ctrl-C is the program's alone. Whatever else ends the wait ends the program too. Raises OSError where it does not start.
    """
    log.info("run: %s", argv[0])
    kept = signal.signal(signal.SIGINT, lambda *_: None)  # not SIG_IGN, which the program would inherit
    try:
        program = subprocess.Popen(list(argv), env=dict(env))
        try:
            return program.wait()
        finally:
            _end(program)
    finally:
        signal.signal(signal.SIGINT, kept)


@contextlib.contextmanager
def removed_at_the_end(folder: Path) -> Iterator[None]:
    """Has the folder removed when the block is left, and also when this process is killed in it, by a small process of its own."""
    argv = ["/bin/sh", "-c", GUARDIAN, str(folder)]
    guardian = subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"PATH": "/usr/bin:/bin"},
        cwd="/",
        start_new_session=True,
    )
    try:
        yield
    finally:
        if guardian.stdin:
            guardian.stdin.close()
        guardian.wait()


@dataclass(frozen=True, slots=True)
class Followed:
    """A program that runs beside this one, while its output is handed on."""

    _child: subprocess.Popen[bytes]
    _reader: threading.Thread

    def wait(self, timeout: float | None = None) -> int | None:
        """The exit code, once the last line is handed on; nothing where that takes more than `timeout` seconds."""
        try:
            code = self._child.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        self._reader.join(PATIENCE)
        return code


@contextlib.contextmanager
def follow(argv: Sequence[str], on_line: Callable[[str], None], *, env: Mapping[str, str] | None = None) -> Iterator[Followed]:
    """Starts a program and hands every line of both its outputs on, in their order and from a thread, as soon as it is there.

    A Ctrl-C does not reach the program; it has ended when the block is left: by itself, by SIGTERM, or killed 10 s later.
    Raises FileNotFoundError and PermissionError.
    """
    log.info("run: %s", " ".join(argv))
    child = subprocess.Popen(
        list(argv), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment(env), start_new_session=True
    )
    reader = threading.Thread(target=_hand_on, args=(child.stdout, on_line), daemon=True)
    reader.start()
    try:
        yield Followed(child, reader)
    finally:
        _end(child)
        reader.join(PATIENCE)


def _hand_on(stream: IO[bytes], on_line: Callable[[str], None]) -> None:
    with stream:
        for line in stream:
            on_line(line.decode(errors="replace").rstrip("\r\n"))


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


async def run_async(
    argv: Sequence[str],
    *,
    input: bytes | None = None,
    env: Mapping[str, str] | None = None,
    on_stderr: Callable[[str], None] | None = None,
    seconds: float | None = None,
) -> Completed:
    """Runs a program to its end; a cancelled task sends it SIGTERM, waits for it to clean up, and only then goes on.

    A second cancel waits too: a helm that is killed instead of ended leaves its revision pending. One that has not ended after `seconds`
    is asked to, and killed where it does not; raises subprocess.TimeoutExpired then, and TooMuchOutput for one that printed too much.

    The program has a process group of its own, so that a Ctrl-C reaches helmtool alone, which then decides.
    """
    log.info("run: %s", " ".join(argv))
    starting = asyncio.ensure_future(_start(argv, piped=input is not None, env=env))
    communicate = asyncio.ensure_future(_communicate(starting, input))
    try:
        async with asyncio.timeout(seconds):
            stdout, stderr = await asyncio.shield(communicate)
    except TimeoutError:
        await _end_late(starting.result().pid, communicate)
        raise subprocess.TimeoutExpired(list(argv), seconds or 0.0) from None
    except asyncio.CancelledError:
        # asyncio waits for ever for a start that is cancelled half-way: it ends first, then the program.
        await _until_done(starting)
        with contextlib.suppress(OSError):
            os.killpg(starting.result().pid, signal.SIGTERM)
        await _until_done(communicate)
        raise
    if max(len(stdout), len(stderr)) > LARGEST:
        raise TooMuchOutput(argv[0])
    if on_stderr:
        for line in stderr.decode(errors="replace").splitlines():
            on_stderr(line)
    return Completed(tuple(argv), starting.result().returncode or 0, stdout, stderr)


async def _start(argv: Sequence[str], *, piped: bool, env: Mapping[str, str] | None) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.PIPE if piped else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(env),
        start_new_session=True,
    )


async def _communicate(starting: asyncio.Future[asyncio.subprocess.Process], input: bytes | None) -> tuple[bytes, bytes]:
    started = await starting
    _groups[started.pid] = _work.get()
    try:
        _, stdout, stderr = await asyncio.gather(
            _feed_async(started, input), _read(started, started.stdout), _read(started, started.stderr)
        )
        await started.wait()
        return stdout, stderr
    finally:
        _groups.pop(started.pid, None)


async def _feed_async(started: asyncio.subprocess.Process, content: bytes | None) -> None:
    if started.stdin:
        with contextlib.suppress(OSError):
            started.stdin.write(content or b"")
            await started.stdin.drain()
        started.stdin.close()


async def _read(started: asyncio.subprocess.Process, stream: asyncio.StreamReader | None) -> bytes:
    """One output to its end; the program is killed where it is too large."""
    content = bytearray()
    while stream and (piece := await stream.read(PIECE)):
        if len(content) <= LARGEST:
            content += piece
        if len(content) > LARGEST:
            _kill(started.pid)
    return bytes(content)


async def _end_late(group: int, communicate: asyncio.Future[tuple[bytes, bytes]]) -> None:
    """SIGTERM, and SIGKILL for what does not end by it."""
    with contextlib.suppress(OSError):
        os.killpg(group, signal.SIGTERM)
    killing = asyncio.get_running_loop().call_later(PATIENCE, _kill, group)
    await _until_done(communicate)
    killing.cancel()


def begin_work() -> None:
    """The programs that this task starts from now on are a work of their own: what else goes on in the process does not kill them."""
    _work.set(object())


def kill_running() -> None:
    """Kills what this work has under way: for who may not write any more and cannot wait for a program to clean up."""
    for group, work in tuple(_groups.items()):
        if work is _work.get():
            _kill(group)


def _kill(group: int) -> None:
    with contextlib.suppress(OSError):
        os.killpg(group, signal.SIGKILL)


async def _until_done(future: asyncio.Future[Any]) -> None:
    while not future.done():
        with contextlib.suppress(asyncio.CancelledError, OSError):
            await asyncio.shield(future)
