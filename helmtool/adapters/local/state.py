"""Where the embedded cluster keeps what it has: one folder per host, because one home may serve many machines."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar, NamedTuple

from helmtool.adapters.toolbox import base_folder
from helmtool.errors import InvalidInput, Refused

CLUSTER = "helmtool"
LOCK_PATIENCE = 180.0
"""Seconds to wait for another `local up` or `down`: longer than the longest start."""


class StateUnusable(InvalidInput):
    """The state folder cannot be written."""

    code: ClassVar[str] = "local-state"

    def __init__(self, folder: Path, error: OSError) -> None:
        super().__init__(
            f"the embedded cluster keeps its state in {folder}, which cannot be written: {error.strerror or error}",
            hint="choose another place with XDG_STATE_HOME=FOLDER",
        )


class Busy(Refused):
    """Another command starts or ends the same cluster."""

    code: ClassVar[str] = "local-busy"

    def __init__(self, lock: Path) -> None:
        super().__init__(
            f"another `helmtool local` command has held {lock} for {LOCK_PATIENCE:.0f} s",
            hint="wait for it, or end it; then: helmtool local up",
        )


class State(NamedTuple):
    """The folder of one host's cluster, and the names in it."""

    folder: Path

    @property
    def kubeconfig(self) -> Path:
        """Written last, when the cluster is complete; so a cluster without it was never finished."""
        return self.folder / "kubeconfig"

    @property
    def lock(self) -> Path:
        """Beside the folder, for `down` removes that while it holds the lock."""
        return self.folder.with_name(f"{self.folder.name}.lock")

    @property
    def links(self) -> Path:
        """Links to the programs: what is started through them is recognised as this cluster's."""
        return self.folder / "bin"

    @property
    def kwok(self) -> Path:
        """kwokctl's own folder (KWOK_WORKDIR)."""
        return self.folder / "kwok"

    @property
    def cluster(self) -> Path:
        """Where kwokctl keeps this cluster's data, certificates, logs and process ids."""
        return self.kwok / "clusters" / CLUSTER

    def log(self, component: str) -> Path:
        """What a component printed."""
        return self.cluster / "logs" / f"{component}.log"

    def remove(self) -> None:
        """Removes everything but the lock. Raises StateUnusable."""
        self.kubeconfig.unlink(missing_ok=True)  # first: nobody takes half a cluster for a whole one
        try:
            if self.folder.exists():
                shutil.rmtree(self.folder)
        except OSError as error:
            raise StateUnusable(self.folder, error) from None


def current_state() -> State:
    """This host's state, below `$XDG_STATE_HOME` (`~/.local/state`); nothing is made yet. Raises NoHome.

    The path is free of symbolic links, so that processes started under it are found whatever way leads there.
    """
    host = re.sub(r"[^A-Za-z0-9.-]", "-", socket.gethostname()) or "localhost"
    return State((base_folder("XDG_STATE_HOME", ".local/state") / "helmtool" / "local" / host).resolve())


def kubeconfig_path() -> Path:
    """The embedded cluster's own kubeconfig; the file exists while the cluster is set up. Raises NoHome."""
    return current_state().kubeconfig


@contextlib.contextmanager
def locked(state: State, waiting: Callable[[], None]) -> Iterator[None]:
    """One `up` or `down` at a time; `waiting` is called once when another one has to be waited for. Raises Busy and StateUnusable."""
    from filelock import FileLock, Timeout

    lock = FileLock(state.lock)
    try:
        state.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            waiting()
            lock.acquire(timeout=LOCK_PATIENCE)
    except Timeout:
        raise Busy(state.lock) from None
    except OSError as error:
        raise StateUnusable(state.folder, error) from None
    try:
        yield
    finally:
        lock.release()
