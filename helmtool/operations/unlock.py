"""Frees a release that somebody left locked or pending, and goes back to the last state that served."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import NamedTuple

from helmtool.adapters.lease import LeaseStore
from helmtool.model.lease import Lease, Observer, Standing
from helmtool.model.revision import Revision, last, rollback_target
from helmtool.operations.lock import Locked
from helmtool.operations.look import look
from helmtool.operations.progress import Progress
from helmtool.operations.rollback import RollbackOptions, RollbackPlan, roll_back
from helmtool.operations.session import Session, open_session
from helmtool.operations.settings import Settings


class Left(NamedTuple):
    """What was left behind: the lock of a holder that is gone, a revision that Helm calls pending, both or neither.

    `target` is the revision that served before; nothing where none did.
    """

    session: Session
    lease: Lease | None
    pending: Revision | None
    target: Revision | None

    @property
    def nothing(self) -> bool:
        """Whether the next release would find nothing in its way."""
        return self.lease is None and self.pending is None


Confirm = Callable[[Left, "RollbackPlan | None"], object]


async def unlock(name: str, timeout: str, settings: Settings, progress: Progress, confirm: Confirm) -> tuple[Left, int | None]:
    """Frees the release, and gives what was found and the number of the revision that serves again (nothing where none had to).

    A holder that renews its lock lives, and is never pushed aside. `confirm` is shown what was found, and what going back changes;
    it raises where the answer is no. Raises Locked, and everything of a rollback.
    """
    session = open_session(name, settings, progress)
    revisions = await asyncio.to_thread(look, session)
    store = LeaseStore(session.cluster, session.environment.release)
    lease = await _gone(store, progress)
    newest = last(revisions)
    pending = newest if newest and newest.status.pending else None
    left = Left(session, lease, pending, rollback_target(revisions) if pending else None)
    if left.nothing:
        progress.skip("unlock", "nobody holds the lock, and nothing is pending")
        return left, None
    if pending is None:
        confirm(left, None)
        await asyncio.to_thread(_free, left, store, progress)
        return left, None
    return left, await _go_back(left, store, timeout, progress, confirm)


async def _gone(store: LeaseStore, progress: Progress) -> Lease | None:
    """The lock of a holder that is gone, or nothing; takes as long as the lock lasts. Raises Locked where it is renewed meanwhile."""
    observer, shown = Observer(), False
    while lease := await asyncio.to_thread(store.read):
        standing = observer.look(lease, time.monotonic())
        if standing is Standing.ALIVE:
            raise _alive(lease)
        if standing is Standing.GONE:
            progress.done("lock", f"held by {lease}; not renewed for {lease.seconds} s, so that command is gone")
            return lease
        if not shown:
            progress.start("lock", f"held by {lease}; looking for {lease.seconds} s whether it lives")
            shown = True
        await asyncio.sleep(min(1.0, lease.seconds / 10))
    return None


def _alive(lease: Lease) -> Locked:
    return Locked(f"the release is locked by {lease}, and that command lives", hint="wait for it, or end it where it runs (Ctrl-C)")


def _free(left: Left, store: LeaseStore, progress: Progress) -> None:
    """Removes exactly the lock that was judged; one that was renewed since belongs to somebody who lives. Raises Locked."""
    if left.lease is None:
        return
    if not store.delete(left.lease) and (now := store.read()):
        raise _alive(now)
    progress.done("unlock", "the lock is free")


async def _go_back(left: Left, store: LeaseStore, timeout: str, progress: Progress, confirm: Confirm) -> int | None:
    """Through a rollback, which is Helm's own way out of a pending revision; a first install that was killed is applied once more."""
    assert left.pending  # noqa: S101 - the caller has looked
    target = left.target or left.pending
    note = f"unlock: revision {left.pending.number} was left pending"
    options = RollbackOptions(target.number, force=left.target is None, timeout=timeout, note=note)

    def confirm_and_free(plan: RollbackPlan) -> bool:
        confirm(left, plan)
        _free(left, store, progress)
        return True

    _, number = await roll_back(left.session, options, progress, confirm_and_free)
    return number
