"""Goes back to an earlier revision: shows first what changes, then writes, then watches."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from helmtool.adapters.credentials import CredentialsFailed
from helmtool.adapters.storage import read_history
from helmtool.errors import HelmtoolError, Interrupted, InvalidInput, OperationFailed, Refused, Unexpected
from helmtool.model.change import Change, summary
from helmtool.model.duration import parse_duration
from helmtool.model.manifest import kept_manifests, parse_manifests
from helmtool.model.revision import DEPLOYED, Revision, digest_of, last, next_number, rollback_target, tag_of
from helmtool.operations.journal import Journal
from helmtool.operations.lock import Lock, LockLost, locked
from helmtool.operations.look import look
from helmtool.operations.preflight import Forecast, kind_gone, make_forecast
from helmtool.operations.progress import Progress
from helmtool.operations.readiness import alternative, begin_checks, obstacles
from helmtool.operations.rights import require_storage
from helmtool.operations.secrets.step import changes_to
from helmtool.operations.session import Session, open_session
from helmtool.operations.settings import Settings
from helmtool.operations.strategy import patch_strategies
from helmtool.operations.superseded import supersede_older
from helmtool.operations.together import uncancel
from helmtool.operations.verify import verify
from helmtool.operations.watch import watch_rollout


class NoRevision(InvalidInput):
    """The revision is not kept, or there is none to go back to."""

    code = "no-revision"


class NeverDeployed(Refused):
    """The revision was never really deployed."""

    code = "never-deployed"


class RollbackFailed(OperationFailed):
    """The rollback was tried and failed."""

    code = "rollback-failed"


class RollbackPlan(NamedTuple):
    """What going back to a revision changes, from what lives now; `refusals` are the reasons for which it could not serve again."""

    session: Session
    current: Revision
    target: Revision
    revisions: tuple[Revision, ...]
    forecast: Forecast
    secret_changes: tuple[Change, ...] = ()
    refusals: tuple[Refused, ...] = ()

    @property
    def changes(self) -> tuple[Change, ...]:
        """What would change, object by object, the version of the secret that is mounted first."""
        return (*self.secret_changes, *self.forecast.changes)


class RollbackOptions(NamedTuple):
    """What a person may say of one rollback. Without `revision` the newest that was really deployed before the last one."""

    revision: int | None = None
    dry_run: bool = False
    force: bool = False
    timeout: str = "10m"
    wait_lock: str = "0s"
    note: str = ""


async def rollback(
    name: str, options: RollbackOptions, settings: Settings, progress: Progress, confirm: Callable[[RollbackPlan], bool]
) -> tuple[RollbackPlan, int | None]:
    """Goes back, and gives the plan and the number of the new revision (nothing for a dry run).

    Also the way out of a revision that a killed release left pending. Raises NoRevision, NeverDeployed and, once
    something was written, RollbackFailed.
    """
    for duration in (options.timeout, options.wait_lock):
        parse_duration(duration)
    return await roll_back(open_session(name, settings, progress), options, progress, confirm)


async def roll_back(
    session: Session, options: RollbackOptions, progress: Progress, confirm: Callable[[RollbackPlan], bool]
) -> tuple[RollbackPlan, int | None]:
    """The same for a session that is open."""
    name = session.environment.name
    plan = await asyncio.to_thread(_plan, session, options)
    for text in () if plan.refusals else plan.forecast.notes:
        progress.warn(text)
    progress.done(
        "plan",
        f"revision {plan.current.number} ({plan.current.status.value}) → revision {plan.target.number}: {summary(plan.changes)}",
    )
    if options.dry_run:
        for refusal in plan.refusals:
            progress.warn(f"would be refused: {refusal.message}")
        progress.skip("rollback", "dry run: nothing was written")
        return plan, None
    await asyncio.to_thread(_require_possible, plan)
    confirm(plan)
    async with locked(session, f"rollback {name} {plan.target.number}", progress, wait=options.wait_lock) as lock:
        await asyncio.to_thread(_look_again, plan)
        lock.require()
        await asyncio.to_thread(supersede_older, session, plan.revisions, progress)
        return plan, await _write(plan, options, progress, lock)


def choose_target(revisions: Sequence[Revision], options: RollbackOptions, environment: str) -> Revision:
    """The revision to go back to. Raises NoRevision and NeverDeployed."""
    kept = ", ".join(str(r.number) for r in revisions)
    if options.revision is None:
        target = rollback_target(revisions)
        if target is None:
            raise NoRevision(
                f"there is no earlier revision that was deployed (kept: {kept or 'none'})", hint=f"helmtool history {environment}"
            )
        return target
    target = next((r for r in revisions if r.number == options.revision), None)
    if target is None:
        raise NoRevision(f"revision {options.revision} is not kept; kept are {kept or 'none'}", hint=f"helmtool history {environment}")
    if not target.served and not options.force:
        raise NeverDeployed(
            f"revision {target.number} never served: it is {target.outcome or target.status.value}",
            hint=f"helmtool history {environment}; --force goes there all the same",
        )
    return target


def _plan(session: Session, options: RollbackOptions) -> RollbackPlan:
    [may_store] = session.cluster.begin([partial(require_storage, session)])
    revisions = look(session)
    may_store.result()
    current = last(revisions)
    target = choose_target(revisions, options, session.environment.name)
    assert current is not None  # noqa: S101 - a target exists, so a revision does
    manifests = kept_manifests(target.manifest)
    checks = [] if options.force else begin_checks(session, target, manifests)
    forecast = make_forecast(session, manifests, current)
    gone = kind_gone(forecast.changes) if options.force else None  # nothing overrides it: Helm would fail, and leave a revision pending
    refusals = [gone] if gone else [] if options.force else obstacles(session, target, forecast, checks)[0]
    return RollbackPlan(session, current, target, tuple(revisions), forecast, changes_to(session, revisions, manifests), tuple(refusals))


def _require_possible(plan: RollbackPlan) -> None:
    """Raises the gravest reason for which the revision could not serve again, with a revision that can where there is one."""
    if plan.refusals:
        refusal = plan.refusals[0]
        other = alternative(plan.session, plan.revisions, plan.target)
        refusal.hint = "; ".join(text for text in (other, refusal.hint) if text)
        raise refusal


def _look_again(plan: RollbackPlan) -> None:
    current = last(read_history(plan.session.cluster, plan.session.environment.release))
    if current != plan.current:
        raise Refused("somebody released meanwhile; nothing was written", hint=f"helmtool history {plan.session.environment.name}")


async def _write(plan: RollbackPlan, options: RollbackOptions, progress: Progress, lock: Lock) -> int:
    session, target = plan.session, plan.target
    progress.start("rollback", f"helm rollback {session.environment.release} {target.number}")
    action = f"rollback to {target.number}"
    try:
        lock.require()
        number = await go_back(session, target, plan.revisions, action, options.timeout, progress, lock, note=options.note)
    except asyncio.CancelledError:
        uncancel()
        lock.require()
        raise Interrupted(f"the {action} was interrupted", hint=f"helmtool status {session.environment.name}") from None
    except LockLost:
        raise
    except HelmtoolError as error:
        hint = f"helmtool status {session.environment.name}"
        message = f"the {action} failed: {error.message}"
        if isinstance(error, CredentialsFailed):  # without others no command tells anything
            hint, message = f"{error.hint}; then: {hint}", f"{message}; left as it is: {lock.reached}"
        raise RollbackFailed(message, problems=error.problems, hint=hint, cause_codes=error.cause_codes) from None
    progress.done("rollback", f"revision {number} serves what revision {target.number} was")
    return number


async def go_back(
    session: Session,
    target: Revision,
    revisions: Sequence[Revision],
    action: str,
    timeout: str,
    progress: Progress,
    lock: Lock,
    *,
    note: str = "",
) -> int:
    """Makes the target's objects a new revision, waits for its pods, and gives its number; records how it ended.

    Raises HelmtoolError; anything else that it raises came before Helm was started.
    """
    number = next_number(revisions)
    journal = Journal(session, action, tag_of(target), target.chart_version, note, digest_of(target))
    lock.reached = f"the rollback to revision {target.number} was not started"
    outcome: str = "interrupted"
    why: HelmtoolError | None = Interrupted("interrupted")
    try:
        await journal.write(number, "started")
        manifests = parse_manifests(target.manifest)
        await asyncio.to_thread(patch_strategies, session.cluster, manifests)
        lock.require()
        lock.reached = f"helm was under way with the rollback to revision {target.number}, and may have left revision {number} pending"
        with _only_own_errors():
            await session.helm.rollback(target.number, timeout=timeout)
            lock.reached = f"revision {number} is applied, and nobody has seen whether it serves"
            await watch_rollout(session.cluster, manifests, seconds=parse_duration(timeout), progress=progress)
            await verify(session, manifests, journal.checks, progress=progress, fail=False)  # there is nothing better to go to
        outcome, why = DEPLOYED, None
    except HelmtoolError as error:
        outcome, why = "failed", error
        raise
    except Exception as error:
        outcome, why = "failed", Unexpected(error)
        raise
    finally:
        with contextlib.suppress(HelmtoolError):  # the error under way says more; a lost lock keeps it from being written
            lock.require()
            await journal.write(number, outcome, why)
    return number


@contextlib.contextmanager
def _only_own_errors() -> Iterator[None]:
    """Raises HelmtoolError, whatever happens in the block."""
    try:
        yield
    except HelmtoolError:
        raise
    except Exception as error:
        raise Unexpected(error) from error
