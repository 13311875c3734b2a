"""Goes back to an earlier revision: shows first what changes, then writes, then watches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from helmtool.adapters.records import add_record, read_records
from helmtool.adapters.storage import read_revisions
from helmtool.errors import HelmtoolError, Interrupted, InvalidInput, OperationFailed, Refused
from helmtool.model.change import Change
from helmtool.model.duration import parse_duration
from helmtool.model.manifest import Manifest, is_hook, parse_manifests
from helmtool.model.record import Record
from helmtool.model.revision import Revision, last, rollback_target
from helmtool.operations.clock import now, who
from helmtool.operations.guard import Settings
from helmtool.operations.plan import live_changes
from helmtool.operations.progress import Progress
from helmtool.operations.session import Session, check_cluster, open_session
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


@dataclass(frozen=True, slots=True)
class RollbackPlan:
    """What going back to a revision changes, from what lives now."""

    session: Session
    current: Revision
    target: Revision
    manifests: tuple[Manifest, ...]
    changes: tuple[Change, ...]
    conflicts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RollbackOptions:
    """What a person may say of one rollback. Without `revision` the newest that was really deployed before the last one."""

    revision: int | None = None
    dry_run: bool = False
    force: bool = False
    timeout: str = "10m"
    note: str = ""


async def rollback(
    name: str, options: RollbackOptions, settings: Settings, progress: Progress, confirm: Callable[[RollbackPlan], bool]
) -> tuple[RollbackPlan, int | None]:
    """Goes back, and gives the plan and the number of the new revision (nothing for a dry run).

    Also the way out of a revision that a killed release left pending. Raises NoRevision, NeverDeployed and, once
    something was written, RollbackFailed.
    """
    parse_duration(options.timeout)
    session = open_session(name, settings, progress)
    plan = await asyncio.to_thread(_plan, session, options)
    progress.done(
        "plan",
        f"revision {plan.current.number} ({plan.current.status.value}) → revision {plan.target.number}: {len(plan.changes)} objects change",
    )
    if options.dry_run:
        progress.skip("rollback", "dry run: nothing was written")
        return plan, None
    if confirm(plan):
        await asyncio.to_thread(_look_again, plan)
    await _write(plan, options, progress)
    return plan, plan.current.number + 1


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
    if not target.status.was_deployed and not options.force:
        raise NeverDeployed(
            f"revision {target.number} is {target.status.value}: it never served",
            hint=f"helmtool history {environment}; --force goes there all the same",
        )
    return target


def _plan(session: Session, options: RollbackOptions) -> RollbackPlan:
    check_cluster(session)
    revisions = read_revisions(session.cluster, session.environment.release)
    current = last(revisions)
    target = choose_target(revisions, options, session.environment.name)
    assert current is not None  # noqa: S101 - a target exists, so a revision does
    manifests = [m for m in parse_manifests(target.manifest) if not is_hook(m)]
    changes, _, conflicts = live_changes(session, manifests, revisions)
    return RollbackPlan(session, current, target, tuple(manifests), tuple(changes), conflicts)


def _look_again(plan: RollbackPlan) -> None:
    current = last(read_revisions(plan.session.cluster, plan.session.environment.release))
    if current != plan.current:
        raise Refused("somebody released meanwhile; nothing was written", hint=f"helmtool history {plan.session.environment.name}")


async def _write(plan: RollbackPlan, options: RollbackOptions, progress: Progress) -> None:
    session, number = plan.session, plan.current.number + 1
    progress.start("rollback", f"helm rollback {session.environment.release} {plan.target.number}")
    outcome, evidence = "failed", [""]
    try:
        await session.helm.rollback(plan.target.number, timeout=options.timeout)
        await watch_rollout(session.cluster, plan.manifests, seconds=parse_duration(options.timeout), progress=progress)
        outcome, evidence = "deployed", []
    except asyncio.CancelledError:
        outcome, evidence = "interrupted", ["interrupted"]
        raise Interrupted(
            f"the rollback to revision {plan.target.number} was interrupted", hint=f"helmtool status {session.environment.name}"
        ) from None
    except HelmtoolError as error:
        evidence = [error.message, *map(str, error.problems)]
        raise RollbackFailed(
            f"the rollback to revision {plan.target.number} failed: {error.message}",
            problems=error.problems,
            hint=f"helmtool status {session.environment.name}",
        ) from None
    finally:
        await asyncio.to_thread(_record, plan, number, outcome, options.note, evidence)
    progress.done("rollback", f"revision {number} serves what revision {plan.target.number} was")


def _record(plan: RollbackPlan, number: int, outcome: str, note: str, evidence: Sequence[str]) -> None:
    session = plan.session
    release = session.environment.release
    first = next((r for r in reversed(read_records(session.cluster, release)) if r.revision == plan.target.number), None)
    git = session.project.git_state()
    record = Record(
        revision=number,
        action=f"rollback to {plan.target.number}",
        outcome=outcome,
        when=now(),
        who=who(),
        tag=first.tag if first else "",
        commit=git.commit,
        clean=git.clean,
        chart=plan.target.chart_version,
        note=note,
        evidence=tuple(evidence),
    )
    add_record(session.cluster, release, record)
