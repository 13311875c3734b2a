"""Takes over the objects of a release that other hands made, and gives them back until the first release; restarts and deletes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NamedTuple

from helmtool.adapters.cluster import HELM_MANAGER
from helmtool.adapters.storage import read_revisions
from helmtool.errors import HelmtoolError, Interrupted, OperationFailed, Problem, Refused
from helmtool.model.change import Change, compare, summary
from helmtool.model.duration import parse_duration
from helmtool.model.environment import SecretMode
from helmtool.model.manifest import Manifest, ObjectKey, key_of
from helmtool.model.ownership import Owner, adoption_patch, judge_owner, undo_patch
from helmtool.model.revision import Revision, applied
from helmtool.operations.after_adoption import forecast_after_adoption
from helmtool.operations.lock import Lock, locked
from helmtool.operations.look import look
from helmtool.operations.plan import require_settled
from helmtool.operations.preflight import Forecast
from helmtool.operations.progress import Progress
from helmtool.operations.release import ChangedMeanwhile
from helmtool.operations.running_image import render_running
from helmtool.operations.session import Session, open_session
from helmtool.operations.settings import Settings
from helmtool.operations.together import finish

TRIES = 5
"""How often an object is read and patched again where somebody else writes it at the same moment."""


class NotAdoptable(Refused):
    """An object belongs to another release or is kept by another tool."""

    code = "not-adoptable"


class AlreadyReleased(Refused):
    """There is a revision of Helm, so its objects are not given back."""

    code = "already-released"


class AdoptFailed(OperationFailed):
    """Some objects could not be taken over or given back; the message says which were."""

    code = "adopt-failed"


class State(StrEnum):
    """How an object of the release stands."""

    ABSENT = "absent"
    OURS = "ours"
    FOREIGN = "not-ours"


class AdoptOptions(NamedTuple):
    """What a person may say of one adoption; `undo` gives the objects back."""

    dry_run: bool = False
    undo: bool = False
    wait_lock: str = "0s"


class Found(NamedTuple):
    """One rendered object as it lives: who holds it, and what taking it over or giving it back changes (nothing where it stays)."""

    key: ObjectKey
    owner: Owner | None
    change: Change | None = None
    to_write: bool = False

    @property
    def state(self) -> State:
        """Whether it is there and Helm's."""
        return State.ABSENT if self.owner is None else State.OURS if self.owner.ours else State.FOREIGN


class AdoptPlan(NamedTuple):
    """What lives, what would be written, and what the next release of the running image would change after it.

    `image` is the one that runs, empty where no Deployment does.
    """

    session: Session
    image: str
    found: tuple[Found, ...]
    revisions: tuple[Revision, ...]
    forecast: Forecast

    @property
    def to_write(self) -> tuple[Found, ...]:
        """The objects that change hands."""
        return tuple(f for f in self.found if f.to_write)


async def adopt(
    name: str, options: AdoptOptions, settings: Settings, progress: Progress, confirm: Callable[[AdoptPlan], bool]
) -> tuple[AdoptPlan, tuple[ObjectKey, ...]]:
    """Adopts (or gives back) object after object, each guarded by its resource version; gives the plan and what was written.

    Raises NotAdoptable, AlreadyReleased and the errors of the guard before anything was written; AdoptFailed and Interrupted after.
    """
    parse_duration(options.wait_lock)
    session = open_session(name, settings, progress)
    plan = await _plan(session, options, progress)
    if options.dry_run:
        progress.skip("adopt", "dry run: nothing was written")
        return plan, ()
    if not plan.to_write:
        progress.skip("adopt", "there is nothing to give back" if options.undo else "there is nothing to take over")
        return plan, ()
    confirm(plan)
    async with locked(session, f"adopt {name}{' --undo' if options.undo else ''}", progress, wait=options.wait_lock) as lock:
        await asyncio.to_thread(_look_again, plan)
        written = await _Writer(plan, options, lock, progress).write()
    return plan, written


async def _plan(session: Session, options: AdoptOptions, progress: Progress) -> AdoptPlan:
    revisions = await asyncio.to_thread(look, session)
    require_settled(session, revisions)
    if options.undo and revisions:
        raise _released(session, revisions)
    image, manifests = await render_running(session, progress)
    found = await asyncio.to_thread(_find, session, manifests, options)
    writes = [f for f in found if f.to_write]
    progress.done("objects", f"{len(writes)} of {len(found)} to {'give back' if options.undo else 'take over'}")
    forecast = Forecast(())
    if writes and not options.undo:
        forecast = await asyncio.to_thread(forecast_after_adoption, session, manifests, applied(revisions))
        progress.done("preflight", f"the next release of what runs: {summary(forecast.changes)}")
        if session.environment.secrets is SecretMode.VERSIONED:
            progress.warn("the next release also makes a version of the Secret; its new name restarts the pod")
    return AdoptPlan(session, image, tuple(found), tuple(revisions), forecast)


def _released(session: Session, revisions: Sequence[Revision]) -> AlreadyReleased:
    return AlreadyReleased(
        f"Helm has revision {revisions[-1].number} of {session.environment.release}: after the first release nothing is given back",
        hint=f"helmtool history {session.environment.name}",
    )


def _find(session: Session, manifests: Sequence[Manifest], options: AdoptOptions) -> list[Found]:
    """How each object stands; what would be written is tried as a dry run. Raises NotAdoptable with every object that it is about."""
    cluster, environment = session.cluster, session.environment
    keys = [key_of(m) for m in manifests]
    lives = cluster.in_parallel([lambda k=k: cluster.get(k) for k in keys])
    owners = [judge_owner(live, environment.release, environment.namespace) if live else None for live in lives]
    refused = [Problem(o.refusal, path=str(k)) for k, o in zip(keys, owners, strict=True) if o and o.refusal]
    if refused and not options.undo:
        show = f"kubectl -n {environment.namespace} get {refused[0].path} -o yaml --show-managed-fields"
        raise NotAdoptable(
            f"{len(refused)} objects belong to others and are not taken over; nothing was written",
            problems=refused,
            hint=f"agree with who holds them; {show} shows it",
        )
    return cluster.in_parallel([lambda k=k, o=o: _found(session, k, o, options) for k, o in zip(keys, owners, strict=True)])


def _found(session: Session, key: ObjectKey, owner: Owner | None, options: AdoptOptions) -> Found:
    if owner is None or owner.ours != options.undo:
        return Found(key, owner)
    before, after = _hand_over(session, key, undo=options.undo, dry_run=True)
    return Found(key, owner, compare(key, before, after) if before else None, to_write=before is not None)


def _hand_over(session: Session, key: ObjectKey, *, undo: bool, dry_run: bool = False) -> tuple[Manifest | None, Manifest | None]:
    """Patches one object as it is now, and gives it before and after; nothing where it is gone or has changed hands already.

    Raises NotAdoptable, and AdoptFailed where the API server refuses or others write it all the time.
    """
    cluster, environment = session.cluster, session.environment
    for _ in range(TRIES):
        live = cluster.get(key)
        owner = judge_owner(live, environment.release, environment.namespace) if live else None
        if live is None or owner is None or owner.ours != undo:
            return None, None
        if owner.refusal:
            raise NotAdoptable(f"{key}: {owner.refusal}")
        operations = undo_patch(live) if undo else adoption_patch(live, environment.release, environment.namespace)
        answer = cluster.patch(key, operations, HELM_MANAGER, dry_run=dry_run)
        if answer.status < 400:
            return live, answer.body
        if answer.status != 409:
            raise AdoptFailed(f"{key}: the API server refuses the change of its metadata: {answer.message or answer.reason}")
    raise AdoptFailed(f"{key}: others changed it {TRIES} times in a row while it was written", hint=f"helmtool adopt {environment.name}")


def _look_again(plan: AdoptPlan) -> None:
    """Under the lock: what somebody released meanwhile is another state than the one that was shown."""
    session = plan.session
    revisions = read_revisions(session.cluster, session.environment.release)
    if [r.number for r in revisions] != [r.number for r in plan.revisions]:
        name = session.environment.name
        raise ChangedMeanwhile(f"somebody released to {name} meanwhile; nothing was written", hint=f"helmtool status {name}")


class _Writer:
    """Writes object after object, and knows which are done when it ends early."""

    def __init__(self, plan: AdoptPlan, options: AdoptOptions, lock: Lock, progress: Progress) -> None:
        self._plan, self._options, self._lock, self._progress = plan, options, lock, progress
        self._done: list[ObjectKey] = []

    async def write(self) -> tuple[ObjectKey, ...]:
        """What was written. Raises AdoptFailed and Interrupted once something was, else the error itself."""
        try:
            for found in self._plan.to_write:
                self._lock.require()
                await self._one(found.key)
        except asyncio.CancelledError:
            self._lock.require()
            raise Interrupted(f"interrupted; {self._standing()}", hint=self._hint()) from None
        except HelmtoolError as error:
            if not self._done:
                raise
            raise AdoptFailed(f"{error.message}; {self._standing()}", problems=error.problems, hint=self._hint()) from None
        return tuple(self._done)

    async def _one(self, key: ObjectKey) -> None:
        """One object; where it is interrupted, the patch under way ends first, so that it is known."""
        undo = self._options.undo
        writing = asyncio.ensure_future(asyncio.to_thread(_hand_over, self._plan.session, key, undo=undo))
        try:
            _, after = await asyncio.shield(writing)
        except asyncio.CancelledError:
            await finish(writing)
            if not writing.exception() and writing.result()[1]:
                self._done.append(key)
            raise
        if after:
            self._done.append(key)
            self._progress.done("undo" if undo else "adopt", str(key))

    def _standing(self) -> str:
        verb = "given back" if self._options.undo else "adopted"
        left = [str(f.key) for f in self._plan.to_write if f.key not in self._done]
        return f"{verb}: {', '.join(map(str, self._done)) or 'nothing'}; not {verb}: {', '.join(left) or 'nothing'}"

    def _hint(self) -> str:
        undo = " --undo" if self._options.undo else ""
        return f"helmtool adopt {self._plan.session.environment.name}{undo} goes on where it ended"
