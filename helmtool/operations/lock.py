"""The lock of a release, held while something is written; what it cannot promise is in docs/explanation/lock.md."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import secrets
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime

from helmtool.adapters.credentials import CredentialsFailed
from helmtool.adapters.lease import LeaseStore
from helmtool.adapters.process import kill_running
from helmtool.errors import HelmtoolError, OperationFailed, Refused, Unexpected
from helmtool.model.duration import parse_duration
from helmtool.model.lease import Lease, Observer, Standing, moment
from helmtool.operations.clock import who
from helmtool.operations.progress import Progress
from helmtool.operations.reach import check_again
from helmtool.operations.session import Session
from helmtool.operations.together import finish

RENEWALS, RETRIES = 5, 15
"""How many renewals, and how many tries after one that failed, would fit into a lease duration."""
GIVEN_UP, KILLED = 0.5, 0.15
"""Parts of a lease duration: without a renewal for the first, the lock counts as lost and helm is asked to end; after the second it is
killed. With a request that takes a fifth of the duration to fail, that is over before somebody else may take the lock."""


class Locked(Refused):
    """Somebody else is writing the same release."""

    code = "locked"


class LockLost(OperationFailed):
    """The lock went to somebody else, or could not be renewed, while this command was writing."""

    code = "lock-lost"


class Lock:
    """A lock that is held: renewed by a thread until it is given back, or lost."""

    def __init__(self, store: LeaseStore, lease: Lease, names: Mapping[str, str], on_loss: Callable[[], None], environment: str) -> None:
        self._store, self._lease, self._names, self._on_loss, self._environment = store, lease, names, on_loss, environment
        self._ended = threading.Event()
        self._renewed = time.monotonic()
        self.lost = ""
        self.reached = ""
        """How far the work under the lock has come, as a person should know it where it can be neither ended nor seen any more."""
        self._remedy = ""
        self._keeper = threading.Thread(target=self._keep, name="lock", daemon=True)
        self._keeper.start()

    def require(self) -> None:
        """Raises LockLost where the lock is not held any more: nothing may be written then."""
        if self.lost:
            left = f"left as it is: {self.reached}" if self.reached else "left as it is"
            hint = "; then: ".join(filter(None, [self._remedy, f"helmtool status {self._environment}"]))
            raise LockLost(f"the lock of the release was lost: {self.lost}; {left}", hint=hint)

    def give_back(self) -> None:
        """Ends the renewals and removes the Lease; one that cannot be removed runs out by itself."""
        self._ended.set()
        self._keeper.join()
        if not self.lost:
            with contextlib.suppress(Exception):
                self._store.delete(self._lease)

    def _keep(self) -> None:
        pause = self._lease.seconds / RENEWALS
        while not self._ended.wait(pause):
            pause = self._lease.seconds / RENEWALS
            try:
                self._renew()
            except Exception as caught:  # a mistake of ours too: a keeper that has ended would let the lock run out unnoticed
                error = caught if isinstance(caught, HelmtoolError) else Unexpected(caught)
                pause = self._lease.seconds / RETRIES
                self._remedy = error.hint if isinstance(error, CredentialsFailed) else ""
                if time.monotonic() - self._renewed > self._lease.seconds * GIVEN_UP:
                    self._lose(f"it could not be renewed ({error.message})")
            if self.lost:
                return

    def _renew(self) -> None:
        asked = time.monotonic()
        wanted = self._lease._replace(renewed=moment(datetime.now(UTC)))
        renewed = self._store.write(wanted, self._names, self._lease.seconds / RENEWALS)
        if renewed is None:  # changed by other hands: lost, unless it still names this command
            found = self._store.read(self._lease.seconds / RENEWALS)
            if found is None or found.holder != self._lease.holder:
                self._lose(f"it is held by {found}" if found else "somebody has removed it")
                return
            renewed = found._replace(seconds=self._lease.seconds)
        self._lease, self._renewed = renewed, asked

    def _lose(self, why: str) -> None:
        self.lost = why
        self._on_loss()


@contextlib.asynccontextmanager
async def locked(
    session: Session, command: str, progress: Progress, *, wait: str = "0s", names: Mapping[str, str] | None = None
) -> AsyncIterator[Lock]:
    """Holds the lock of the session's release. When it is lost, the task is cancelled, so that a helm under way is ended.

    `command` tells others what is going on, `wait` is how long to wait for a holder that lives. A holder that does not renew for
    a whole lease duration is gone, and the lock is taken over. The Lease is the first write, so the cluster is looked at once more
    before it. Raises Locked, WrongCluster, ClusterUnreachable and ClusterForbidden.
    """
    store = LeaseStore(session.cluster, session.environment.release)
    lease = await _take(store, session, command, progress, parse_duration(wait), names or {})
    task, loop, work = asyncio.current_task(), asyncio.get_running_loop(), contextvars.copy_context()

    def end_task() -> None:
        if task:
            loop.call_soon_threadsafe(task.cancel)
            # In the context of this work: helm of another environment goes on.
            loop.call_soon_threadsafe(loop.call_later, lease.seconds * KILLED, kill_running, context=work)

    lock = Lock(store, lease, names or {}, end_task, session.environment.name)
    try:
        yield lock
    except asyncio.CancelledError:
        lock.require()  # it was the loss that ended the task
        raise
    finally:
        lock.give_back()


async def _take(store: LeaseStore, session: Session, command: str, progress: Progress, patience: float, names: Mapping[str, str]) -> Lease:
    observer, deadline, shown = Observer(), time.monotonic() + patience, ""
    found: Lease | None = None  # mostly nobody holds it: whether somebody does is asked where it cannot be made
    while True:
        standing = observer.look(found, time.monotonic()) if found else Standing.GONE
        if standing is Standing.GONE:
            mine = _new(session, command, found)
            await asyncio.to_thread(check_again, session)
            taken = await _written(store, mine, names)
            if taken:
                _tell(progress, found)
                return taken
        elif standing is Standing.ALIVE and time.monotonic() >= deadline:
            raise Locked(f"the release is locked by {found}", hint="wait for it, or --wait-lock 5m")
        if found:
            text = f"held by {found}" + ("" if standing is Standing.ALIVE else "; is it alive?")
            if text != shown:
                progress.start("lock", text)
            shown = text
            await asyncio.sleep(min(1.0, found.seconds / 10))
        found = await asyncio.to_thread(store.read)


def _tell(progress: Progress, before: Lease | None) -> None:
    if before:
        progress.warn(f"the lock of {before} was not renewed for {before.seconds} s and is taken over")


def _new(session: Session, command: str, over: Lease | None) -> Lease:
    """The Lease of this command, over the state of one whose holder is gone."""
    now, author = moment(datetime.now(UTC)), who()
    return Lease(
        holder=f"{author}/{secrets.token_hex(8)}",
        who=author,
        command=command,
        since=now,
        renewed=now,
        seconds=session.environment.lock_seconds,
        uid=over.uid if over else "",
        version=over.version if over else "",
    )


async def _written(store: LeaseStore, lease: Lease, names: Mapping[str, str]) -> Lease | None:
    """The stored lock, or nothing where somebody else was faster; one that is taken while the command is interrupted is given back."""
    writing = asyncio.ensure_future(asyncio.to_thread(store.write, lease, names, float(lease.seconds)))
    try:
        return await asyncio.shield(writing)
    except asyncio.CancelledError:
        await finish(writing)
        taken = None if writing.exception() else writing.result()
        if taken:
            with contextlib.suppress(HelmtoolError):
                store.delete(taken)
        raise
