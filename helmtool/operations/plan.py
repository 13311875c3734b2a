"""What a release would do, asked of the API server itself; reads only."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import NamedTuple

from helmtool.adapters.lease import LeaseStore
from helmtool.errors import InvalidInput, Problem, Refused
from helmtool.model.change import Change
from helmtool.model.manifest import Manifest, is_hook, kept_manifests
from helmtool.model.revision import Revision, applied, last, running
from helmtool.operations.compose import Composed
from helmtool.operations.interference import paused_error
from helmtool.operations.lives import Lives
from helmtool.operations.preflight import Forecast, kind_gone, make_forecast
from helmtool.operations.session import Session
from helmtool.operations.together import together


class LeftPending(Refused):
    """The last operation on the release never ended."""

    code = "release-pending"


class PreflightFailed(InvalidInput):
    """The API server would refuse objects of the release."""

    code = "preflight"


class Plan(NamedTuple):
    """The rendered objects, what they change, and the revisions as they were when it was made."""

    session: Session
    composed: Composed
    manifests: tuple[Manifest, ...]
    revisions: tuple[Revision, ...]
    forecast: Forecast

    @property
    def changes(self) -> tuple[Change, ...]:
        """What would change, object by object, the version of the secret first: it is applied first."""
        return (*self.composed.secret_changes, *self.forecast.changes)

    @property
    def is_noop(self) -> bool:
        """Whether the cluster serves exactly these objects already, and Helm's newest revision holds them."""
        newest = last(self.revisions)
        if self.changes or newest is None or newest != running(self.revisions):
            return False
        return kept_manifests(newest.manifest) == list(self.manifests)


async def make_plan(session: Session, composed: Composed, looking: Awaitable[Sequence[Revision]]) -> Plan:
    """Renders, and tries every object as a server-side-apply dry run; `looking` is what `look` gives, which may still be under way.

    Raises ChartInvalid, NamespaceMissing, LeftPending, NotOurs, ClusterUnreachable and ClusterForbidden; objects that
    the API server would refuse are changes of effect `impossible` (see `require_possible`).
    """
    lives = Lives(session.cluster)  # from what is known first: the objects that are rendered, or those of the revision that serves
    kept, revisions = await together(_rendered(session, composed, lives), _looked(looking, lives))
    require_settled(session, revisions)
    forecast = await asyncio.to_thread(make_forecast, session, kept, applied(revisions), lives)
    return Plan(session, composed, tuple(kept), tuple(revisions), forecast)


async def _rendered(session: Session, composed: Composed, lives: Lives) -> list[Manifest]:
    manifests = await session.helm.template(session.project.chart, composed.for_helm)
    kept = [m for m in manifests if not is_hook(m)]
    lives.ask(kept)
    return kept


async def _looked(looking: Awaitable[Sequence[Revision]], lives: Lives) -> Sequence[Revision]:
    revisions = await looking
    base = applied(revisions)
    lives.ask(kept_manifests(base.manifest) if base else [])
    return revisions


def require_settled(session: Session, revisions: Sequence[Revision]) -> None:
    """Raises LeftPending where Helm takes an operation to be under way."""
    newest = last(revisions)
    if newest and newest.status.pending:
        name = session.environment.name
        holder = LeaseStore(session.cluster, session.environment.release).read()
        raise LeftPending(
            f"revision {newest.number} of {session.environment.release} is {newest.status.value} since {newest.updated}: "
            + (f"{holder} is at it, or was killed" if holder else "a plain helm is at it, or a release was killed"),
            hint=f"helmtool unlock {name}",
        )


def require_unpaused(plan: Plan) -> None:
    """Raises DeploymentPaused if the plan changes something and no pod of it would start."""
    if plan.forecast.pause and not plan.is_noop:
        raise paused_error(plan.forecast.pause)


def require_possible(plan: Plan) -> None:
    """Raises KindGone and, where the API server would refuse an object, PreflightFailed."""
    if gone := kind_gone(plan.forecast.changes):
        raise gone
    problems = [Problem(change.problem, path=str(change.key)) for change in plan.changes if change.problem]
    if problems:
        from helmtool.operations.explain import add_causes, refusals

        environment = plan.session.environment
        error = PreflightFailed(
            "the API server would refuse the release; nothing was changed",
            problems=problems,
            hint=f"helmtool diff {environment.name}",
        )
        said = {change.problem: change.after for change in plan.changes if change.problem}
        add_causes(error, refusals(said, environment.namespace), plan.composed.values.origin)
        raise error
