"""After Helm has applied a release: its pods are watched and the service asked, and what a rollback would do is found out meanwhile."""

from __future__ import annotations

import asyncio

from helmtool.adapters.storage import read_history
from helmtool.errors import HelmtoolError
from helmtool.model.duration import parse_duration
from helmtool.model.revision import DEPLOYED, last
from helmtool.operations.progress import Progress
from helmtool.operations.readiness import Readiness, readiness
from helmtool.operations.together import beside
from helmtool.operations.upgrade import Work
from helmtool.operations.verify import verify
from helmtool.operations.watch import watch_rollout


async def settle(work: Work) -> Readiness | None:
    """Waits until the release serves; gives what a rollback would do now. Raises what a rollout or a verification that fails raises."""
    plan, progress, seconds = work.plan, work.progress, parse_duration(work.options.timeout)
    async with beside(asyncio.to_thread(_way_back, work)) as way_back:
        await watch_rollout(work.session.cluster, plan.manifests, seconds=seconds, progress=progress, origin=plan.composed.values.origin)
        await verify(work.session, plan.manifests, work.journal.checks, wanted=work.options.verify, progress=progress)
    return await way_back


def _way_back(work: Work) -> Readiness | None:
    """What `helmtool rollback` would do once this release serves; None if that cannot be found out, which ends no release."""
    try:
        history = read_history(work.session.cluster, work.session.environment.release)
        return readiness(work.session, [r._replace(outcome=DEPLOYED) if r == last(history) else r for r in history])
    except HelmtoolError:
        return None


def tell_way_back(found: Readiness | None, progress: Progress) -> None:
    """Says what a rollback would do; nothing where nothing served before."""
    if found is None:
        progress.warn("what a rollback would do could not be found out")
    elif found.target and not found.possible:
        progress.warn(f"a rollback {found}")
    elif found.target:
        progress.done("back", f"a rollback {found}")
