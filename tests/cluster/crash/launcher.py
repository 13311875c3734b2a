"""Starts helmtool as real processes, through one that has its imports done."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO

START_PATIENCE = 60.0


class Launcher:
    """The process that forks; ends with the block."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._path = str(folder / "launcher")
        argv = [sys.executable, str(Path(__file__).with_name("preloaded.py")), self._path]
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, env=dict(environment), start_new_session=True)
        until = time.monotonic() + START_PATIENCE
        while not Path(self._path).exists():
            assert self._process.poll() is None, "the launcher has ended"
            assert time.monotonic() < until, "the launcher does not start"
            time.sleep(0.02)

    def __enter__(self) -> Launcher:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()

    def start(self, argv: Sequence[str], folder: Path, environment: Mapping[str, str], outputs: tuple[Path, Path]) -> Running:
        """Starts one command line; stdout and stderr are files in these two folders."""
        files = [tempfile.TemporaryFile(dir=output) for output in outputs]  # noqa: SIM115 - they live as long as the process
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.connect(self._path)
        message = json.dumps({"argv": list(argv), "environment": dict(environment), "folder": str(folder)}).encode()
        socket.send_fds(connection, [message], [file.fileno() for file in files])
        return Running(connection, files)


class Running:
    """One helmtool under way."""

    def __init__(self, connection: socket.socket, files: list[IO[bytes]]) -> None:
        self._connection, self._files, self._guard = connection, files, threading.Lock()
        self.pid = int(connection.recv(64))
        self.code: int | None = None

    def wait(self, seconds: float) -> int | None:
        """Its exit code (negative: the signal that ended it), or nothing where it takes longer. For one thread alone."""
        if self.code is None:
            self._connection.settimeout(seconds)
            try:
                answer = self._connection.recv(64)
            except TimeoutError:
                return None
            with self._guard:
                self.code = int(answer)
            self._connection.close()
        return self.code

    def send(self, number: signal.Signals) -> None:
        """Sends a signal, unless it has ended."""
        with self._guard, contextlib.suppress(ProcessLookupError):
            if self.code is None:
                os.kill(self.pid, number)

    def printed(self) -> tuple[str, str]:
        """What it wrote to stdout and stderr; closes both."""
        texts = []
        for file in self._files:
            with file:
                file.seek(0)
                texts.append(file.read().decode(errors="replace"))
        return texts[0], texts[1]
