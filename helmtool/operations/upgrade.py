"""The writing steps of a release, under its lock: prepull, apply, watch, verify, record."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, NamedTuple

from helmtool.adapters.helm import ReleasePending
from helmtool.errors import HelmtoolError, Interrupted, Unexpected
from helmtool.model.duration import parse_duration
from helmtool.model.environment import Policy
from helmtool.model.manifest import kept_manifests
from helmtool.model.revision import DEPLOYED, DESCRIPTION, next_number, running
from helmtool.operations.journal import Journal
from helmtool.operations.lock import Lock
from helmtool.operations.plan import Plan
from helmtool.operations.progress import Progress
from helmtool.operations.session import Session
from helmtool.operations.strategy import patch_strategies
from helmtool.operations.together import beside, load, uncancel

if TYPE_CHECKING:
    from helmtool.operations.release import Planned, ReleaseOptions


class Work(NamedTuple):
    """What the writing steps share."""

    plan: Plan
    options: ReleaseOptions
    progress: Progress
    lock: Lock
    journal: Journal

    @property
    def session(self) -> Session:
        """The environment that is written to."""
        return self.plan.session


async def write_release(planned: Planned, options: ReleaseOptions, progress: Progress, lock: Lock) -> int:
    """Prepulls, applies, watches, verifies and records; on a failure keeps the evidence, goes back to what ran before, and raises."""
    plan, session, tag = planned.plan, planned.plan.session, str(planned.plan.composed.tag)
    journal = Journal(session, "release", tag, session.project.chart_version(), options.note, plan.composed.digest, commit=planned.commit)
    journal.checks += options.evidence
    work = Work(plan, options, progress, lock, journal)
    serving = running(plan.revisions)
    lock.reached = (
        f"helm was not started, revision {serving.number} serves" if serving else "helm was not started, and nothing served before"
    )
    try:
        lock.require()
        await journal.write(next_number(plan.revisions), "started")
        journal.checks.append(await _prepull(work))
        number = await _apply(work)
        from helmtool.operations.settle import settle, tell_way_back

        way_back = await settle(work)
    except asyncio.CancelledError:
        uncancel()
        raise await _after_failure(work, Interrupted("interrupted")) from None
    except ReleasePending:
        with contextlib.suppress(HelmtoolError):
            await journal.withdraw()
        raise
    except HelmtoolError as error:
        raise await _after_failure(work, error) from None
    except Exception as error:  # also a mistake of ours, or an answer that nobody foresaw, leaves nothing half-way
        raise await _after_failure(work, Unexpected(error)) from error
    lock.require()
    await journal.write(number, DEPLOYED)
    progress.done("record", journal.author)
    tell_way_back(way_back, progress)
    return number


async def _prepull(work: Work) -> str:
    """Fetches the image before the old pod stops, where the environment's policy asks for it; gives what is to be recorded."""
    policy, name = work.session.environment.prepull, work.session.environment.name
    if policy is Policy.OFF or not work.options.prepull:
        reason = "--no-prepull" if policy is not Policy.OFF else f"policy is off for {name}"
        work.progress.skip("prepull", reason)
        return f"prepull skipped: {reason}"
    from helmtool.operations.prepull import prepull

    return await prepull(work.session, work.plan.manifests, seconds=parse_duration(work.options.timeout), progress=work.progress)


async def _apply(work: Work) -> int:
    session, composed, progress = work.session, work.plan.composed, work.progress
    progress.start("apply", f"helm upgrade {session.environment.release} to {composed.image_name}")
    work.lock.require()
    await asyncio.to_thread(patch_strategies, session.cluster, work.plan.manifests)
    work.lock.require()
    work.lock.reached = f"helm was under way with revision {next_number(work.plan.revisions)}, which may be pending"
    async with beside(asyncio.to_thread(load, "settle", "going_back")):
        applied = await session.helm.upgrade(
            session.project.chart,
            composed.for_helm,
            timeout=work.options.timeout,
            description=f"{DESCRIPTION}{session.environment.name} {composed.tag}",
            force_conflicts=bool(work.plan.forecast.conflicts),
        )
    work.lock.reached = f"revision {applied.revision} is applied, and nobody has seen whether it serves"
    progress.done("apply", f"revision {applied.revision} of {session.environment.release}")
    if kept_manifests(applied.manifest) != list(work.plan.manifests):
        progress.warn("what Helm applied is not what was previewed: does the chart ask the cluster while it renders?")
    return applied.revision


async def _after_failure(work: Work, error: HelmtoolError) -> HelmtoolError:
    from helmtool.operations.going_back import after_failure

    return await after_failure(work, error)
