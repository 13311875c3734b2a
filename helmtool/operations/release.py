"""Release a tag to an environment: everything up to the confirmation only reads."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from helmtool.adapters.credentials import CredentialsFailed
from helmtool.adapters.helm import ReleasePending
from helmtool.adapters.storage import read_history
from helmtool.errors import HelmtoolError, Interrupted, OperationFailed, Refused
from helmtool.model.change import summary
from helmtool.model.duration import parse_duration
from helmtool.model.manifest import is_hook, parse_manifests
from helmtool.model.revision import DEPLOYED, last, next_number, running
from helmtool.model.tag import parse_tag
from helmtool.operations.compose import compose, pin
from helmtool.operations.explain import explain
from helmtool.operations.journal import Journal
from helmtool.operations.lock import Lock, locked
from helmtool.operations.moved import TagMovedSince, require_same_image
from helmtool.operations.plan import Plan, look, make_plan, require_possible
from helmtool.operations.prepull import prepull
from helmtool.operations.progress import Progress
from helmtool.operations.readiness import Readiness, readiness
from helmtool.operations.resolve import Resolved, resolve, short
from helmtool.operations.rollback import go_back, uncancel
from helmtool.operations.secrets.step import PreparedSecrets, SecretOptions, prepare, prune, write
from helmtool.operations.session import Session, open_session
from helmtool.operations.settings import Settings
from helmtool.operations.storage import require_storage
from helmtool.operations.strategy import patch_strategies
from helmtool.operations.together import beside, finish, together
from helmtool.operations.verify import require_rights, verify
from helmtool.operations.watch import watch_rollout

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class ReleaseOptions:
    """What a person may say of one release. `timeout` is a duration with a unit, such as `10m`.

    `digest` is the one that the tag must name, empty for whichever it does; `evidence` is kept with the revision.
    """

    sets: Sequence[str] = ()
    dry_run: bool = False
    timeout: str = "10m"
    rollback: bool = True
    wait_lock: str = "0s"
    note: str = ""
    secrets: SecretOptions = field(default_factory=SecretOptions)
    prepull: bool = True
    verify: bool = True
    digest: str = ""
    evidence: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Released:
    """What a release did. `revision` serves now (nothing before the first); `deployed` is false where nothing was written."""

    plan: Plan
    revision: int | None
    deployed: bool
    secrets: PreparedSecrets


class ReleaseFailed(OperationFailed):
    """The release failed; the message says what serves now."""

    code = "release-failed"


class ReleaseInterrupted(Interrupted):
    """The release was interrupted; the message says what serves now."""


class ChangedMeanwhile(Refused):
    """Somebody else released between the diff and its confirmation."""

    code = "changed-meanwhile"


@dataclass(frozen=True, slots=True)
class Planned:
    """What a release would do, and what it needs for it; until here nothing was written."""

    tag: str
    plan: Plan
    wanted: Resolved
    secrets: PreparedSecrets

    @property
    def writes(self) -> bool:
        """Whether anything is left to do: in the cluster, or the stable tag in the registry."""
        return not self.plan.is_noop or self.wanted.to_make is not None


async def release(
    name: str, tag: str, options: ReleaseOptions, settings: Settings, progress: Progress, confirm: Callable[[Plan], bool]
) -> Released:
    """Runs the steps of a release. `confirm` is shown the plan; it raises where the answer is no,
    and says whether a person was asked, so that time has gone by.

    Raises every error of the reading steps before anything was written; ReleaseFailed or ReleaseInterrupted after.
    """
    planned = await plan_release(name, tag, options, settings, progress)
    if options.dry_run or not planned.writes:
        return await without_writing(planned, options, progress)
    return await carry_out(planned, options, progress, asked=confirm(planned.plan))


async def plan_release(name: str, tag: str, options: ReleaseOptions, settings: Settings, progress: Progress) -> Planned:
    """The steps up to the confirmation, which only read. Raises whatever keeps the release from being made."""
    for duration in (options.timeout, options.wait_lock):
        parse_duration(duration)
    parse_tag(tag)
    session = open_session(name, settings, progress)
    if session.environment.protected and not options.dry_run:
        session.project.require_chosen(f"{name} is protected")
    composed = compose(session.project, session.environment, tag, options.sets, versioned=options.secrets.given)
    progress.done("values", f"{composed.image_name}: schema and rules hold")
    async with beside(asyncio.to_thread(look, session)) as looking:
        wanted = await asyncio.to_thread(resolve, session.project, session.environment, tag, options.sets, progress)
        _require_digest(wanted, options.digest)
        secrets = await prepare(session, pin(composed, wanted.digest or options.digest), looking, options.secrets, progress)
        plan = await make_plan(session, secrets.composed, looking)
    await together(asyncio.to_thread(require_rights, session, options.verify), asyncio.to_thread(require_storage, session))
    await require_same_image(session, wanted, plan.revisions, settings, progress)
    report_plan(plan, progress)
    require_possible(plan)
    return Planned(tag, plan, wanted, secrets)


async def carry_out(planned: Planned, options: ReleaseOptions, progress: Progress, *, asked: bool) -> Released:
    """The steps under the lock. With `asked` time has gone by since the plan, which is then made again and compared.

    Raises Locked and ChangedMeanwhile before anything was written; ReleaseFailed or ReleaseInterrupted after.
    """
    plan, secrets = planned.plan, planned.secrets
    command = f"release {plan.session.environment.name} {planned.tag}"
    async with locked(plan.session, command, progress, wait=options.wait_lock, names=secrets.names) as lock:
        await _look_again(plan, planned.wanted, asked=asked)
        await _make_twin(planned.wanted, lock, progress)
        if plan.is_noop:
            return await without_writing(planned, options, progress)
        await write(plan.session, secrets, lock, progress)
        revision = await _write(plan, options, progress, lock)
        await prune(plan.session, secrets, lock, progress)
    return Released(plan, revision, deployed=True, secrets=secrets)


def _require_digest(wanted: Resolved, digest: str) -> None:
    if digest and wanted.digest and wanted.digest != digest:
        raise TagMovedSince(
            f"{wanted.asked} names another image than the one that is to be released: expected {digest}, the registry has {wanted.digest}",
            hint=f"helmtool tag check {wanted.asked}",
        )


def report_plan(plan: Plan, progress: Progress) -> None:
    """Tells what the preflight found, and which steps this environment leaves out."""
    for text in plan.forecast.warnings:
        progress.warn(f"the API server says: {text}")
    for text in plan.forecast.conflicts:
        progress.warn(f"other hands have set fields that this release takes back: {text}")
    progress.done("preflight", summary(plan.changes))


async def without_writing(planned: Planned, options: ReleaseOptions, progress: Progress) -> Released:
    """The end of a dry run, or of a release of what runs already, which is waited for where it does not serve yet."""
    plan = planned.plan
    newest = last(plan.revisions)
    if options.dry_run:
        progress.skip("apply", "dry run: nothing was written")
    else:
        progress.skip("apply", f"revision {newest.number if newest else 0} serves exactly this already")
        await watch_rollout(plan.session.cluster, plan.manifests, seconds=parse_duration(options.timeout), progress=progress)
    return Released(plan, newest.number if newest else None, deployed=False, secrets=planned.secrets)


async def _look_again(plan: Plan, wanted: Resolved, *, asked: bool) -> None:
    """Under the lock, before the first write: what was shown must still be what happens.

    Where a person was asked, minutes may have gone by, so the whole plan is made again.
    """
    history = await asyncio.to_thread(read_history, plan.session.cluster, plan.session.environment.release)
    if last(history) != last(plan.revisions):
        raise _changed(plan)
    if asked:
        await asyncio.to_thread(wanted.require_unmoved)
        again = await make_plan(plan.session, plan.composed, asyncio.to_thread(look, plan.session))
        if [(c.key, c.before, c.after) for c in again.changes] != [(c.key, c.before, c.after) for c in plan.changes]:
            raise _changed(plan)


async def _make_twin(wanted: Resolved, lock: Lock, progress: Progress) -> None:
    if wanted.to_make:
        lock.require()
        progress.start("stable", f"{wanted.tag} as {short(wanted.digest)}")
        await asyncio.to_thread(wanted.make_twin)
        progress.done("stable", f"{wanted.tag} is {short(wanted.digest)}: the registry's clean-up spares it")


def _changed(plan: Plan) -> ChangedMeanwhile:
    hint = f"helmtool diff {plan.session.environment.name} {plan.composed.tag}"
    return ChangedMeanwhile("somebody changed the release after the diff was made; nothing was written", hint=hint)


@dataclass(frozen=True, slots=True)
class _Writing:
    """What the writing steps share."""

    plan: Plan
    options: ReleaseOptions
    progress: Progress
    lock: Lock
    journal: Journal

    @property
    def session(self) -> Session:
        return self.plan.session


async def _write(plan: Plan, options: ReleaseOptions, progress: Progress, lock: Lock) -> int:
    """Prepulls, applies, watches, verifies and records; on a failure keeps the evidence, goes back to what ran before, and raises."""
    session, tag, seconds = plan.session, str(plan.composed.tag), parse_duration(options.timeout)
    journal = Journal(session, "release", tag, session.project.chart_version(), options.note, plan.composed.digest)
    journal.checks += options.evidence
    work = _Writing(plan, options, progress, lock, journal)
    serving = running(plan.revisions)
    lock.reached = (
        f"helm was not started, revision {serving.number} serves" if serving else "helm was not started, and nothing served before"
    )
    try:
        lock.require()
        await journal.write(next_number(plan.revisions), "started")
        journal.checks.append(await prepull(session, plan.manifests, wanted=options.prepull, seconds=seconds, progress=progress))
        number = await _apply(work)
        async with beside(asyncio.to_thread(_way_back, work)) as way_back:
            await watch_rollout(session.cluster, plan.manifests, seconds=seconds, progress=progress, origin=plan.composed.values.origin)
            await verify(session, plan.manifests, journal.checks, wanted=options.verify, progress=progress)
    except asyncio.CancelledError:
        uncancel()
        raise await _after_failure(work, Interrupted("interrupted")) from None
    except ReleasePending:
        with contextlib.suppress(HelmtoolError):
            await journal.withdraw()
        raise
    except HelmtoolError as error:
        raise await _after_failure(work, error) from None
    lock.require()
    await journal.write(number, DEPLOYED)
    progress.done("record", journal.author)
    _tell_way_back(await way_back, progress)
    return number


def _way_back(work: _Writing) -> Readiness | None:
    """What a rollback would do once this release serves; nothing where that cannot be found out, which ends no release."""
    try:
        history = read_history(work.session.cluster, work.session.environment.release)
        return readiness(work.session, history, running(work.plan.revisions))
    except HelmtoolError:
        return None


def _tell_way_back(found: Readiness | None, progress: Progress) -> None:
    if found is None:
        progress.warn("what a rollback would do could not be found out")
    elif found.target and not found.possible:
        progress.warn(f"a rollback {found}")
    elif found.target:
        progress.done("back", f"a rollback {found}")


async def _apply(work: _Writing) -> int:
    session, composed, progress = work.session, work.plan.composed, work.progress
    progress.start("apply", f"helm upgrade {session.environment.release} to {composed.image_name}")
    work.lock.require()
    await asyncio.to_thread(patch_strategies, session.cluster, work.plan.manifests)
    work.lock.require()
    work.lock.reached = f"helm was under way with revision {next_number(work.plan.revisions)}, which may be pending"
    applied = await session.helm.upgrade(
        session.project.chart,
        composed.for_helm,
        timeout=work.options.timeout,
        description=f"helmtool release {session.environment.name} {composed.tag}",
        force_conflicts=bool(work.plan.forecast.conflicts),
    )
    work.lock.reached = f"revision {applied.revision} is applied, and nobody has seen whether it serves"
    progress.done("apply", f"revision {applied.revision} of {session.environment.release}")
    if [m for m in parse_manifests(applied.manifest) if not is_hook(m)] != list(work.plan.manifests):
        progress.warn("what Helm applied is not what was previewed: does the chart ask the cluster while it renders?")
    return applied.revision


async def _after_failure(work: _Writing, error: HelmtoolError) -> HelmtoolError:
    """Goes back, and gives the error that says both; raises LockLost where nothing may be written any more."""
    work.lock.require()
    interrupted = isinstance(error, Interrupted)
    work.progress.warn(f"the release {'interrupted' if interrupted else 'failed'}: {error.message}")
    name = work.session.environment.name
    try:
        state, remedy = await _to_the_end(_explain_and_go_back(work, error), work, interrupted=interrupted)
    except asyncio.CancelledError:
        uncancel()
        work.lock.require()  # a lock that is lost cancels too, and says more
        return ReleaseInterrupted(f"{error.message}; interrupted again while going back: left as it is", hint=f"helmtool status {name}")
    hint = f"helmtool history {name}" + (f"; {error.hint}" if error.hint and not _is_gone(error.hint, state) else "")
    if remedy := remedy or (error.hint if isinstance(error, CredentialsFailed) else ""):
        hint = f"{remedy}; then: helmtool status {name}"
    kind = ReleaseInterrupted if interrupted else ReleaseFailed
    return kind(f"{error.message}; {state}", problems=error.problems, hint=hint, cause_codes=error.cause_codes)


def _is_gone(command: str, state: str) -> bool:
    """Whether the command asks for a pod that a rollback has taken away."""
    return state.startswith("rolled back") and any(f" {word} " in command for word in ("pod", "logs", "exec", "history"))


async def _to_the_end(going: Coroutine[Any, Any, Result], work: _Writing, *, interrupted: bool) -> Result:
    """Goes back, and lets the first Ctrl-C of all not end that: whose release has failed may not have seen yet that it goes back."""
    task = asyncio.ensure_future(going)
    while True:
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if interrupted or work.lock.lost:
                task.cancel()
                await finish(task)
                raise
            uncancel()
            interrupted = True
            work.progress.warn("it goes back to what served before; Ctrl-C once more leaves it as it is")


async def _explain_and_go_back(work: _Writing, error: HelmtoolError) -> tuple[str, str]:
    await asyncio.to_thread(explain, work.session.cluster, work.plan.manifests, error, work.plan.composed.values.origin)
    with contextlib.suppress(HelmtoolError):  # the evidence is shown too; what matters now is to go back
        outcome = "interrupted" if isinstance(error, Interrupted) else "failed"
        await work.journal.write(next_number(work.plan.revisions), outcome, error)
    return await _go_back(work)


async def _go_back(work: _Writing) -> tuple[str, str]:
    """Rolls back to what served before; says what serves now, and what to type first where the credentials end it."""
    session, plan, before = work.session, work.plan, running(work.plan.revisions)
    if before is None:
        return "nothing served before, so nothing is rolled back", ""
    if not work.options.rollback:
        return "left as it is (--no-rollback)", ""
    work.progress.start("rollback", f"to revision {before.number}")
    try:
        history = await asyncio.to_thread(read_history, session.cluster, session.environment.release)
        if last(history) == last(plan.revisions):
            return f"Helm has changed nothing, revision {before.number} serves", ""
        if next_number(history) > next_number(plan.revisions) + 1:
            return "somebody else has released since, so nothing is rolled back", ""
        action = f"rollback to {before.number} (automatic)"
        number = await go_back(session, before, history, action, work.options.timeout, work.progress, work.lock)
    except CredentialsFailed as error:
        return f"nothing is rolled back ({error.message}); left as it is: {work.lock.reached}", error.hint
    except HelmtoolError as error:
        return f"the rollback to revision {before.number} failed too: {error.message}", ""
    work.progress.done("rollback", f"revision {number} serves what revision {before.number} was")
    return f"rolled back: revision {number} serves what revision {before.number} was", ""
