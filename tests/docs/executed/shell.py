"""One real shell for a page: its commands run in it one after the other, with a terminal to answer at and one pipe for all output."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LOOP = 'while IFS= read -r -d "" -u "$1" given; do eval "$given" {1}<&- {2}>&-; printf "%s\\n" "$?" >&"$2"; done'
"""Reads a command, runs it in this very shell, and tells its exit code: what one exports or sources counts for the next."""


@dataclass(frozen=True)
class Ran:
    """What one command gave; `output` is stdout and stderr as they came."""

    command: str
    code: int
    output: str


class Shell:
    """bash, in a folder, with these variables and no others. To be closed."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self.terminal, self._typed = pty.openpty()
        told, self._tell = os.pipe()
        self._codes, tells = os.pipe()
        self._output, prints = os.pipe()
        loop = LOOP.replace("{1}", str(told)).replace("{2}", str(tells))
        self._process = subprocess.Popen(
            ["bash", "--norc", "--noprofile", "-c", loop, "bash", str(told), str(tells)],
            cwd=folder,
            env=dict(variables),
            stdin=self._typed,
            stdout=prints,
            stderr=prints,
            pass_fds=(told, tells),
            start_new_session=True,
        )
        for descriptor in (told, tells, prints):
            os.close(descriptor)

    def run(self, command: str, answer: str = "", patience: float = 300) -> Ran:
        """Runs one command to its end; `answer` is what a person types at its question, and it must be read."""
        os.write(self.terminal, answer.encode())
        os.write(self._tell, command.encode() + b"\0")
        output, code = self._until_ended(command, patience)
        assert self._unread() == 0, f"{command} did not ask: {output.decode()}"
        return Ran(command, code, output.decode())

    def _until_ended(self, command: str, patience: float) -> tuple[bytes, int]:
        output, until = b"", time.monotonic() + patience
        while True:
            ready = select.select([self._output, self._codes], [], [], max(0, until - time.monotonic()))[0]
            assert ready, f"{command} has not ended after {patience:.0f} s: {output.decode()}"
            if self._output in ready:
                some = os.read(self._output, 65536)
                assert some, f"the shell ended at {command}"
                output += some
            elif self._codes in ready:
                return output, int(os.read(self._codes, 16))

    def _unread(self) -> int:
        """How many bytes were typed and not read; they are taken away."""
        size: int = struct.unpack("i", fcntl.ioctl(self._typed, termios.FIONREAD, b"\0" * 4))[0]
        termios.tcflush(self._typed, termios.TCIFLUSH)
        return size

    def close(self) -> None:
        """Ends the shell and what it has in its own process group."""
        os.close(self._tell)
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        for descriptor in (self.terminal, self._typed, self._codes, self._output):
            os.close(descriptor)
