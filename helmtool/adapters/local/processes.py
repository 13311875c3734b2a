"""The processes of one embedded cluster, and of nothing else.

All of them are started through links below the state folder, so the first word of their command line says whose they are:
process ids from a file would be wrong after a reboot.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from helmtool.adapters import process

PROC = Path("/proc")
END_PATIENCE = 10.0
"""Seconds for a killed process to be gone."""


class Found(NamedTuple):
    """A process: its id, when it started (in the system's own words; an id alone is used again), and what it runs."""

    pid: int
    started: str
    program: Path


def processes_below(folder: Path) -> list[Found]:
    """This user's processes that were started through a path below the folder."""
    return [each for each in _processes() if each.program.is_relative_to(folder)]


def end_all(folder: Path) -> list[Found]:
    """Kills every process below the folder and waits until they are gone; gives those that were there.

    Starters go first, and the look is repeated, because what starts processes may have started one more meanwhile.
    There is nothing to save: etcd keeps its log through a kill.
    """
    ended: list[Found] = []
    deadline = time.monotonic() + END_PATIENCE
    while (found := processes_below(folder)) and time.monotonic() < deadline:
        for each in sorted(found, key=lambda each: each.program.name != "kwokctl"):
            end(each)
        ended += [each for each in found if each not in ended]
    return ended


def end(found: Found) -> None:
    """Kills one process, if it still is the one that was found, and waits for its end."""
    (_end_by_descriptor if hasattr(os, "pidfd_open") else _end_by_id)(found)


def _end_by_descriptor(found: Found) -> None:
    """The descriptor pins the process, so that the id cannot pass to another one between the look and the kill."""
    try:
        descriptor = os.pidfd_open(found.pid)
    except OSError:
        return  # gone
    try:
        if _is_same(found):
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            select.select([descriptor], [], [], END_PATIENCE)
    except ProcessLookupError:
        pass
    finally:
        os.close(descriptor)


def _end_by_id(found: Found) -> None:
    if not _is_same(found):
        return
    try:
        os.kill(found.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    _wait(lambda: not _is_same(found))


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + END_PATIENCE
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)


def _is_same(found: Found) -> bool:
    return next((each for each in _processes() if each.pid == found.pid), None) == found


def _processes() -> Iterator[Found]:
    return _from_proc() if (PROC / "self" / "stat").exists() else _from_ps()


def _from_proc() -> Iterator[Found]:
    for entry in PROC.iterdir():
        if entry.name.isdigit() and (found := _read_proc(entry)):
            yield found


def _read_proc(entry: Path) -> Found | None:
    """None for a process that is gone, a zombie, or another user's.

    One that is just being started has no command line yet, but the folder that it was started in: that stands for its program.
    """
    try:
        if entry.stat().st_uid != os.getuid():
            return None
        command = (entry / "cmdline").read_bytes().split(b"\0", 1)[0]
        after_name = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
        program = Path(os.fsdecode(command)) if command else (entry / "cwd").readlink()
    except OSError:
        return None
    if after_name[0] == "Z":
        return None
    return Found(int(entry.name), after_name[19], program)  # field 22 of proc(5): clock ticks since boot


def _from_ps() -> Iterator[Found]:
    """For systems without /proc: `lstart` is five words, and the rest of the line the command with its arguments."""
    listing = process.run(["ps", "-x", "-U", str(os.getuid()), "-ww", "-o", "pid=,lstart=,args="], timeout=10).stdout
    for line in listing.decode(errors="replace").splitlines():
        words = line.split(None, 6)
        if len(words) == 7:
            yield Found(int(words[0]), " ".join(words[1:6]), Path(words[6].split(" -", 1)[0]))
