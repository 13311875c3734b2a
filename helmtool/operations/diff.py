"""What a release would change: against the cluster, the stored revision, or another environment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from helmtool.adapters.project import CHART, Project, find_project
from helmtool.errors import InvalidInput, UsageError
from helmtool.model.change import Change, compare
from helmtool.model.environment import Environment
from helmtool.model.manifest import Manifest, ObjectKey, identity, is_hook, kept_manifests, key_of, parse_manifests
from helmtool.model.review import Review
from helmtool.model.revision import Revision, digest_of, last, merged_values, running, tag_of
from helmtool.model.tag import parse_tag
from helmtool.model.values import Values
from helmtool.operations.compose import Composed, compose, pin
from helmtool.operations.look import look
from helmtool.operations.moved import require_same_image
from helmtool.operations.plan import make_plan
from helmtool.operations.preflight import make_forecast, owned_in
from helmtool.operations.progress import Progress
from helmtool.operations.provenance import Basis, explain_changes
from helmtool.operations.resolve import Resolved, resolve
from helmtool.operations.secrets.step import SecretOptions, prepare
from helmtool.operations.session import Session, offline_helm, open_session
from helmtool.operations.settings import Settings
from helmtool.operations.together import beside, together

LOOK_ONLY = SecretOptions(look_only=True)


class Diff(NamedTuple):
    """The changes, the names of both sides, the warnings and conflicts that the API server named, and what both sides were made of."""

    base: str
    target: str
    changes: tuple[Change, ...]
    make_basis: Callable[[], Basis]
    warnings: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Without what the sides were made of, whose values may be secrets."""
        return f"Diff({self.base!r}, {self.target!r}, {self.changes})"

    @property
    def names(self) -> tuple[str, str]:
        """What the two sides are called."""
        return self.base, self.target


class NothingToCompare(InvalidInput):
    """There is no stored revision to compare with."""

    code = "no-revision"


async def diff(
    name: str,
    tag: str | None,
    settings: Settings,
    progress: Progress,
    *,
    against: str = "live",
    revision: int | None = None,
    sets: Sequence[str] = (),
    secrets: SecretOptions = LOOK_ONLY,
) -> Diff:
    """The changes of releasing `tag` (default: the one that runs) to an environment.

    `against`: `live` is the cluster's own answer (live object before, dry-run result after), `release` the stored
    revision's manifest, any other word an environment: that one needs no cluster. With `revision`, the state to reach
    is that stored revision instead of a new rendering. Raises as `release` does before its confirmation.
    """
    if tag is not None:
        parse_tag(tag)
    project = find_project(settings.config_dir)
    environments = project.environments()
    if against not in ("live", "release"):
        project.environment(against)
        if revision is not None or secrets.given:
            option = "--revision" if revision is not None else "--services-config"
            raise UsageError(f"{option} needs a cluster: it does not go with --against ENV")
        return await _between(
            project, environments[name] if name in environments else project.environment(name), environments[against], tag, sets
        )
    session = open_session(name, settings, progress)
    async with beside(asyncio.to_thread(look, session)) as looking:
        if revision is not None:
            return await _to_revision(session, _stored(await looking, revision), await looking, against)
        composed, wanted = await _composed(session, tag, looking, sets, secrets, progress)
        if against == "release":
            return await _against_release(session, composed, await looking)
        plan = await make_plan(session, composed, looking)
    if wanted:
        await require_same_image(session, wanted, plan.revisions, settings, progress)
    old = running(plan.revisions)
    basis = partial(_basis, session, old, composed.values, plan.manifests, hands=plan.forecast.hands, live=True)
    return Diff("live", "new", plan.changes, basis, plan.forecast.warnings, plan.forecast.conflicts, plan.forecast.notes)


async def review(name: str, tag: str | None, settings: Settings, progress: Progress, **options: Any) -> Review:
    """What `diff` gives for the same arguments, with what made each field differ: the chart is rendered several times for it.

    Raises as `diff` does.
    """
    found = await diff(name, tag, settings, progress, **options)
    progress.start("provenance", "rendering with each changed value put back")
    basis = found.make_basis()
    changes = await explain_changes(basis, found.changes)
    progress.done("provenance", f"{len(basis.values)} values differ from {basis.values_of or 'nothing that is known'}")
    said = (found.warnings, found.conflicts, found.notes)
    return Review(name, found.base, found.target, changes, tuple(basis.values), basis.values_of, *said)


async def diff_by_plugin(
    name: str,
    tag: str | None,
    settings: Settings,
    progress: Progress,
    *,
    sets: Sequence[str] = (),
    secrets: SecretOptions = LOOK_ONLY,
    context: int = 3,
) -> str:
    """What the helm-diff plugin says, redacted by it. Raises DiffPluginMissing."""
    session = open_session(name, settings, progress)
    async with beside(asyncio.to_thread(look, session)) as looking:
        composed, _ = await _composed(session, tag, looking, sets, secrets, progress)
    return await session.helm.plugin_diff(session.project.chart, composed.for_helm, context=context)


async def _composed(
    session: Session,
    tag: str | None,
    looking: Awaitable[Sequence[Revision]],
    sets: Sequence[str],
    secrets: SecretOptions,
    progress: Progress,
) -> tuple[Composed, Resolved | None]:
    """The values of a release: of a tag as the registry resolves it now, or of the image that serves, which needs no registry."""
    wanted = None
    if tag is not None:
        composed = compose(session.project, session.environment, tag, sets, versioned=secrets.given)
        wanted = await asyncio.to_thread(resolve, session.project, session.environment, tag, sets, progress)
        composed = pin(composed, wanted.digest)
    else:
        current = running(await looking)
        running_tag = (tag_of(current) or None) if current else None
        composed = compose(session.project, session.environment, running_tag, sets, stand_in=True, versioned=secrets.given)
        composed = pin(composed, digest_of(current) if current else "")
    return (await prepare(session, composed, looking, secrets, progress)).composed, wanted


def _stored(revisions: Sequence[Revision], number: int) -> Revision:
    found = next((r for r in revisions if r.number == number), None)
    if found is None:
        kept = ", ".join(str(r.number) for r in revisions) or "none"
        raise NothingToCompare(f"revision {number} is not kept; kept are {kept}")
    return found


async def _to_revision(session: Session, target: Revision, revisions: Sequence[Revision], against: str) -> Diff:
    manifests = kept_manifests(target.manifest)
    wanted = partial(_basis, session, after=merged_values(target), new=manifests, target=target.chart)
    if against == "live":
        forecast = await asyncio.to_thread(make_forecast, session, manifests, last(revisions))
        basis = partial(wanted, running(revisions), hands=forecast.hands, live=True)
        return Diff("live", f"revision {target.number}", forecast.changes, basis, forecast.warnings, forecast.conflicts, forecast.notes)
    base = _base(revisions, session.environment)
    changes = tuple(_compare_lists(parse_manifests(base.manifest), manifests))
    return Diff(f"revision {base.number}", f"revision {target.number}", changes, partial(wanted, base))


async def _against_release(session: Session, composed: Composed, revisions: Sequence[Revision]) -> Diff:
    base = _base(revisions, session.environment)
    manifests = await session.helm.template(session.project.chart, composed.for_helm)
    changes = _compare_lists(parse_manifests(base.manifest), manifests)
    basis = partial(_basis, session, base, composed.values, manifests)
    return Diff(f"revision {base.number}", "new", (*composed.secret_changes, *changes), basis)


def _basis(
    session: Session,
    base: Revision | None,
    after: Values,
    new: Sequence[Manifest],
    *,
    target: str = "",
    hands: Mapping[ObjectKey, tuple[str, ...]] | None = None,
    live: bool = False,
) -> Basis:
    """What a diff with the revision that serves was made of; `target` is the chart of a revision to go to, else it is the checkout's."""
    project = session.project
    return Basis(
        session.helm,
        project.chart,
        project.document(CHART / "values.yaml").data,
        before=merged_values(base) if base and base.defaults else None,
        after=after,
        old=tuple(parse_manifests(base.manifest)) if base else (),
        new=tuple(new),
        values_of=f"revision {base.number}" if base and base.defaults else "",
        charts=(base.chart if base else "", target or f"{project.chart.name}-{project.chart_version()}"),
        live=live,
        hands=hands or {},
    )


def _base(revisions: Sequence[Revision], environment: Environment) -> Revision:
    base = running(revisions)
    if base is None:
        raise NothingToCompare(f"{environment.name} has no revision that was deployed", hint=f"helmtool diff {environment.name}")
    return base


async def _between(project: Project, one: Environment, other: Environment, tag: str | None, sets: Sequence[str]) -> Diff:
    """Renders both environments with the same tag and compares: `other` before, `one` after."""

    async def rendered(environment: Environment, values: Values) -> list[Manifest]:
        manifests = await offline_helm(environment).template(project.chart, values.for_helm())
        return owned_in(environment, manifests)

    new, old = (compose(project, environment, tag, sets, stand_in=True).values for environment in (one, other))
    after, before = await together(rendered(one, new), rendered(other, old))
    chart = f"{project.chart.name}-{project.chart_version()}"
    defaults = project.document(CHART / "values.yaml").data
    basis = partial(Basis, offline_helm(one), project.chart, defaults, old, new, tuple(before), tuple(after), other.name, (chart, chart))
    return Diff(other.name, one.name, tuple(_compare_lists(before, after)), basis)


def _compare_lists(before: Sequence[Manifest], after: Sequence[Manifest]) -> list[Change]:
    old, new = ({identity(m): m for m in side if not is_hook(m)} for side in (before, after))
    pairs = [(old.get(which), new.get(which)) for which in dict.fromkeys([*new, *old])]
    return [change for one, other in pairs if (change := compare(key_of(other or one or {}), one, other))]
