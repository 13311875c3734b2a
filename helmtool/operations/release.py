"""Release a tag to an environment: everything up to the confirmation only reads."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from helmtool.adapters.records import add_record
from helmtool.errors import HelmtoolError, Interrupted, OperationFailed, Problem, Refused
from helmtool.model.change import worst
from helmtool.model.duration import parse_duration
from helmtool.model.environment import Policy
from helmtool.model.manifest import parse_manifests
from helmtool.model.record import Record
from helmtool.model.revision import Revision, last, running
from helmtool.operations.clock import now, who
from helmtool.operations.compose import compose
from helmtool.operations.guard import Settings
from helmtool.operations.plan import Plan, make_plan, require_possible
from helmtool.operations.progress import Progress
from helmtool.operations.session import open_session
from helmtool.operations.watch import watch_rollout


@dataclass(frozen=True, slots=True)
class ReleaseOptions:
    """What a person may say of one release. `timeout` is a duration with a unit, such as `10m`."""

    sets: Sequence[str] = ()
    dry_run: bool = False
    timeout: str = "10m"
    rollback: bool = True
    note: str = ""


@dataclass(frozen=True, slots=True)
class Released:
    """What a release did. `revision` serves now (nothing before the first); `deployed` is false where nothing was written."""

    plan: Plan
    revision: int | None
    deployed: bool


class ReleaseFailed(OperationFailed):
    """The release failed; the message says what serves now."""

    code = "release-failed"


class ReleaseInterrupted(Interrupted):
    """The release was interrupted; the message says what serves now."""


class ChangedMeanwhile(Refused):
    """Somebody else released between the diff and its confirmation."""

    code = "changed-meanwhile"


async def release(
    name: str, tag: str, options: ReleaseOptions, settings: Settings, progress: Progress, confirm: Callable[[Plan], bool]
) -> Released:
    """Runs the steps of a release. `confirm` is shown the plan; it raises where the answer is no,
    and says whether a person was asked, so that time has gone by.

    Raises every error of the reading steps before anything was written; ReleaseFailed or ReleaseInterrupted after.
    """
    parse_duration(options.timeout)
    session = open_session(name, settings, progress)
    composed = compose(session.project, session.environment, tag, options.sets)
    progress.done("values", f"{composed.image}, every rule of the schema holds")
    plan = await make_plan(session, composed)
    report_plan(plan, progress)
    require_possible(plan)
    if options.dry_run or plan.is_noop:
        return await _without_writing(plan, options, progress)
    if confirm(plan):
        await _look_again(plan)
    revision = await _write(plan, options, progress)
    return Released(plan, revision, deployed=True)


def report_plan(plan: Plan, progress: Progress) -> None:
    """Tells what the preflight found, and which steps this environment leaves out."""
    for text in plan.warnings:
        progress.warn(f"the API server says: {text}")
    for text in plan.conflicts:
        progress.warn(f"other hands have set fields that this release takes back: {text}")
    count = len(plan.changes)
    summary = f"{count} of {len(plan.manifests)} objects change: {worst(plan.changes).label}" if count else "no object changes"
    progress.done("preflight", summary)


async def _without_writing(plan: Plan, options: ReleaseOptions, progress: Progress) -> Released:
    newest = last(plan.revisions)
    if options.dry_run:
        progress.skip("apply", "dry run: nothing was written")
    else:
        progress.skip("apply", f"revision {newest.number if newest else 0} serves exactly this already")
        await watch_rollout(plan.session.cluster, plan.manifests, seconds=parse_duration(options.timeout), progress=progress)
    return Released(plan, newest.number if newest else None, deployed=False)


async def _look_again(plan: Plan) -> None:
    """The confirmation may have taken minutes: what was confirmed must still be what happens."""
    again = await make_plan(plan.session, plan.composed)
    if [(c.key, c.before, c.after) for c in again.changes] != [
        (c.key, c.before, c.after) for c in plan.changes
    ] or again.revisions != plan.revisions:
        raise ChangedMeanwhile(
            "the cluster changed after the diff was made; nothing was written",
            hint=f"helmtool diff {plan.session.environment.name} {plan.composed.tag}",
        )


async def _write(plan: Plan, options: ReleaseOptions, progress: Progress) -> int:
    """Applies, watches and records; on a failure keeps the evidence, goes back to what ran before, and raises."""
    before = running(plan.revisions)
    try:
        revision = await _apply(plan, options, progress)
        await watch_rollout(plan.session.cluster, plan.manifests, seconds=parse_duration(options.timeout), progress=progress)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task:
            task.uncancel()
        raise await _after_failure(plan, options, progress, before, Interrupted("interrupted")) from None
    except HelmtoolError as error:
        raise await _after_failure(plan, options, progress, before, error) from None
    _skip_steps(plan, progress)
    await _record(plan, revision, "deployed", options.note, progress)
    return revision


async def _apply(plan: Plan, options: ReleaseOptions, progress: Progress) -> int:
    session, composed = plan.session, plan.composed
    progress.start("apply", f"helm upgrade {session.environment.release} with {composed.image}")
    revision = await session.helm.upgrade(
        session.project.chart,
        composed.for_helm,
        timeout=options.timeout,
        description=f"helmtool release {session.environment.name} {composed.tag}",
        force_conflicts=bool(plan.conflicts),
    )
    progress.done("apply", f"revision {revision} of {session.environment.release}")
    return revision


async def _after_failure(
    plan: Plan, options: ReleaseOptions, progress: Progress, before: Revision | None, error: HelmtoolError
) -> HelmtoolError:
    outcome = "interrupted" if isinstance(error, Interrupted) else "failed"
    number = (last(plan.revisions).number if last(plan.revisions) else 0) + 1  # type: ignore[union-attr]
    progress.warn(f"the release {outcome}: {error.message}")
    with contextlib.suppress(HelmtoolError):  # what matters now is to go back
        await _record(plan, number, outcome, options.note, progress, [error.message, *map(str, error.problems)])
    state, went_back = await _go_back(plan, options, progress, before)
    kind = ReleaseInterrupted if outcome == "interrupted" else ReleaseFailed
    environment = plan.session.environment.name
    hint = f"helmtool history {environment}" if went_back else f"helmtool status {environment}"
    return kind(f"{error.message}; {state}", problems=error.problems or [Problem(error.message)], hint=hint)


async def _go_back(plan: Plan, options: ReleaseOptions, progress: Progress, before: Revision | None) -> tuple[str, bool]:
    if before is None:
        return "no revision was deployed before, so nothing is rolled back", False
    if not options.rollback:
        return "left as it is (--no-rollback)", False
    progress.start("rollback", f"to revision {before.number}")
    try:
        await plan.session.helm.rollback(before.number, timeout=options.timeout)
        await watch_rollout(
            plan.session.cluster, parse_manifests(before.manifest), seconds=parse_duration(options.timeout), progress=progress
        )
    except HelmtoolError as error:
        return f"the rollback to revision {before.number} failed too: {error.message}", False
    progress.done("rollback", f"revision {before.number} serves again")
    return f"rolled back to revision {before.number}, which serves again", True


def _skip_steps(plan: Plan, progress: Progress) -> None:
    environment = plan.session.environment
    for step, policy in (("resolve", environment.resolve), ("prepull", environment.prepull), ("verify", environment.verify)):
        progress.skip(step, f"policy is off for {environment.name}" if policy is Policy.OFF else "not in this version of helmtool")


async def _record(plan: Plan, revision: int, outcome: str, note: str, progress: Progress, evidence: Sequence[str] = ()) -> None:
    session = plan.session
    git = await asyncio.to_thread(session.project.git_state)
    record = Record(
        revision=revision,
        action="release",
        outcome=outcome,
        when=now(),
        who=who(),
        tag=str(plan.composed.tag),
        commit=git.commit,
        clean=git.clean,
        chart=session.project.chart_version(),
        note=note,
        evidence=tuple(evidence),
    )
    await asyncio.to_thread(add_record, session.cluster, session.environment.release, record)
    progress.done("record", f"{record.who} from {git}")
