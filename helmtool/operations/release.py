"""Release a tag to an environment: everything up to the confirmation only reads."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from helmtool.adapters.project import GitState
from helmtool.adapters.storage import read_history
from helmtool.errors import Refused
from helmtool.model.change import summary
from helmtool.model.duration import parse_duration
from helmtool.model.revision import Revision, last
from helmtool.model.tag import parse_tag
from helmtool.operations.compose import compose, pin
from helmtool.operations.look import look
from helmtool.operations.moved import TagMovedSince, require_same_image
from helmtool.operations.plan import Plan, make_plan, require_possible, require_unpaused
from helmtool.operations.progress import Progress
from helmtool.operations.resolve import Resolved, resolve, short
from helmtool.operations.rights import require_storage, require_way_to_verify
from helmtool.operations.secrets.step import PreparedSecrets, SecretOptions, prepare, prune, write
from helmtool.operations.session import Session, open_session
from helmtool.operations.settings import Settings
from helmtool.operations.together import beside, load, together

if TYPE_CHECKING:
    from helmtool.operations.lock import Lock


class ReleaseOptions(NamedTuple):
    """What a person may say of one release. `timeout` is a duration with a unit, such as `10m`.

    `digest` is the one that the tag must name, empty for whichever it does; `evidence` is kept with the revision.
    """

    sets: Sequence[str] = ()
    dry_run: bool = False
    timeout: str = "10m"
    rollback: bool = True
    wait_lock: str = "0s"
    note: str = ""
    secrets: SecretOptions = SecretOptions()
    prepull: bool = True
    verify: bool = True
    digest: str = ""
    evidence: Sequence[str] = ()


class Released(NamedTuple):
    """What a release did. `revision` serves now (nothing before the first); `deployed` is false where nothing was written."""

    plan: Plan
    revision: int | None
    deployed: bool
    secrets: PreparedSecrets


class ChangedMeanwhile(Refused):
    """Somebody else released between the diff and its confirmation."""

    code = "changed-meanwhile"


class Planned(NamedTuple):
    """What a release would do, and what it needs for it; until here nothing was written. `commit` is what its files were read from."""

    tag: str
    plan: Plan
    wanted: Resolved
    secrets: PreparedSecrets
    commit: GitState

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
        plan, commit, *_ = await together(
            make_plan(session, secrets.composed, looking),
            asyncio.to_thread(session.project.git_state),
            _require_rights(session, options, looking),
            asyncio.to_thread(load, "lock", "superseded", "upgrade"),  # while helm renders
        )
    await require_same_image(session, wanted, plan.revisions, settings, progress)
    require_unpaused(plan)
    report_plan(plan, progress)
    require_possible(plan)
    return Planned(tag, plan, wanted, secrets, commit)


async def _require_rights(session: Session, options: ReleaseOptions, looking: Awaitable[Sequence[Revision]]) -> None:
    """What is missing would show too late, or not at all; it is said once the cluster is known to be the right one."""
    await together(looking, asyncio.to_thread(require_way_to_verify, session, options.verify), asyncio.to_thread(require_storage, session))


async def carry_out(planned: Planned, options: ReleaseOptions, progress: Progress, *, asked: bool) -> Released:
    """The steps under the lock. With `asked` time has gone by since the plan, which is then made again and compared.

    Raises Locked and ChangedMeanwhile before anything was written; ReleaseFailed or ReleaseInterrupted after.
    """
    from helmtool.operations.lock import locked
    from helmtool.operations.superseded import supersede_older
    from helmtool.operations.upgrade import write_release

    plan, secrets = planned.plan, planned.secrets
    command = f"release {plan.session.environment.name} {planned.tag}"
    async with locked(plan.session, command, progress, wait=options.wait_lock, names=secrets.names) as lock:
        await _look_again(plan, planned.wanted, asked=asked)
        await _make_twin(planned.wanted, lock, progress)
        if plan.is_noop:
            return await without_writing(planned, options, progress)
        lock.require()
        await asyncio.to_thread(supersede_older, plan.session, plan.revisions, progress)
        await write(plan.session, secrets, lock, progress)
        revision = await write_release(planned, options, progress, lock)
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
    for text in plan.forecast.notes:
        progress.warn(text)
    progress.done("preflight", summary(plan.changes))


async def without_writing(planned: Planned, options: ReleaseOptions, progress: Progress) -> Released:
    """The end of a dry run, or of a release of what runs already, which is waited for where it does not serve yet."""
    plan = planned.plan
    newest = last(plan.revisions)
    if options.dry_run:
        progress.skip("apply", "dry run: nothing was written")
    else:
        progress.skip("apply", f"revision {newest.number if newest else 0} serves exactly this already")
        from helmtool.operations.watch import watch_rollout

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
        require_unpaused(again)


async def _make_twin(wanted: Resolved, lock: Lock, progress: Progress) -> None:
    if wanted.to_make:
        lock.require()
        progress.start("stable", f"{wanted.tag} as {short(wanted.digest)}")
        await asyncio.to_thread(wanted.make_twin)
        progress.done("stable", f"{wanted.tag} is {short(wanted.digest)}: the registry's clean-up spares it")


def _changed(plan: Plan) -> ChangedMeanwhile:
    hint = f"helmtool diff {plan.session.environment.name} {plan.composed.tag}"
    return ChangedMeanwhile("somebody changed the release after the diff was made; nothing was written", hint=hint)
