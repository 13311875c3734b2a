"""What a release would do, asked of the API server itself; reads only."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from helmtool.adapters.cluster import HELM_MANAGER, Answer, Cluster
from helmtool.adapters.storage import read_history
from helmtool.errors import InvalidInput, Problem, Refused
from helmtool.model.change import Change, compare, impossible
from helmtool.model.manifest import Manifest, belongs_to, is_hook, key_of, owned_by_helm, parse_manifests
from helmtool.model.revision import Revision, last, running
from helmtool.operations.compose import Composed
from helmtool.operations.session import Session, check_cluster


class NotOurs(Refused):
    """An object of the release exists, and Helm does not hold it for this release."""

    code = "not-ours"


class LeftPending(Refused):
    """The last operation on the release never ended."""

    code = "release-pending"


class PreflightFailed(InvalidInput):
    """The API server would refuse objects of the release."""

    code = "preflight"


@dataclass(frozen=True, slots=True)
class Plan:
    """The rendered objects, what they change, and the revisions as they were when it was made.

    `conflicts` names fields that other hands have set and that the release would take back.
    """

    session: Session
    composed: Composed
    manifests: tuple[Manifest, ...]
    changes: tuple[Change, ...]
    revisions: tuple[Revision, ...]
    warnings: tuple[str, ...]
    conflicts: tuple[str, ...]

    @property
    def is_noop(self) -> bool:
        """Whether the cluster already serves exactly this, from a revision that was deployed."""
        newest = last(self.revisions)
        return bool(newest and newest == running(self.revisions) and not self.changes and newest.values == self.composed.for_helm)


@dataclass(frozen=True, slots=True)
class Preflight:
    """One object as it lives, as it would become, and what the API server said of it."""

    manifest: Manifest
    live: Manifest | None
    answer: Answer
    conflict: str = ""


async def make_plan(session: Session, composed: Composed) -> Plan:
    """Renders, looks at the cluster, and tries every object as a server-side-apply dry run.

    Raises ChartInvalid, NamespaceMissing, LeftPending, NotOurs, ClusterUnreachable and ClusterForbidden; objects that
    the API server would refuse are changes of effect `impossible` (see `require_possible`).
    """
    manifests, revisions = await asyncio.gather(
        session.helm.template(session.project.chart, composed.for_helm), asyncio.to_thread(_look, session)
    )
    require_settled(session, revisions)
    kept = [m for m in manifests if not is_hook(m)]
    changes, warnings, conflicts = await asyncio.to_thread(live_changes, session, kept, revisions)
    return Plan(session, composed, tuple(kept), tuple(changes), tuple(revisions), warnings, conflicts)


def require_settled(session: Session, revisions: Sequence[Revision]) -> None:
    """Raises LeftPending where Helm takes an operation to be under way."""
    newest = last(revisions)
    if newest and newest.status.pending:
        name = session.environment.name
        raise LeftPending(
            f"revision {newest.number} of {session.environment.release} is {newest.status.value} since {newest.updated}: "
            "another release is under way, or was killed",
            hint=f"helmtool status {name}; if nobody is at it: helmtool rollback {name}",
        )


def require_possible(plan: Plan) -> None:
    """Raises PreflightFailed where the API server would refuse an object."""
    problems = [Problem(change.problem, path=str(change.key)) for change in plan.changes if change.problem]
    if problems:
        raise PreflightFailed(
            "the API server would refuse the release; nothing was changed",
            problems=problems,
            hint=f"helmtool diff {plan.session.environment.name}",
        )


def _look(session: Session) -> list[Revision]:
    check_cluster(session)
    return read_history(session.cluster, session.environment.release)


def live_changes(
    session: Session, manifests: Sequence[Manifest], revisions: Sequence[Revision]
) -> tuple[list[Change], tuple[str, ...], tuple[str, ...]]:
    """What applying the objects as a new revision changes in the cluster, the API server's warnings, and the conflicts.

    Raises NotOurs.
    """
    cluster, environment = session.cluster, session.environment
    owned = [owned_by_helm(m, environment.release, environment.namespace) for m in manifests]
    results: list[Preflight] = cluster.in_parallel([lambda m=m: _try(cluster, m) for m in owned])
    _require_ours(session, results)
    changes = [change for r in results if (change := _change(r))]
    changes += [] if any(change.problem for change in changes) else _pod_problem(cluster, owned)
    changes += _removed(cluster, owned, revisions)
    warnings = tuple(dict.fromkeys(w for r in results for w in r.answer.warnings))
    return changes, warnings, tuple(r.conflict for r in results if r.conflict)


def _require_ours(session: Session, results: Sequence[Preflight]) -> None:
    environment = session.environment
    foreign = [r for r in results if r.live and not belongs_to(r.live, environment.release, environment.namespace)]
    if foreign:
        raise NotOurs(
            f"{len(foreign)} objects of the release exist already and were made by other hands",
            problems=[Problem("is not held by Helm for this release", path=str(key_of(r.manifest))) for r in foreign],
            hint="this version cannot take them over: see docs/explanation/differences.md",
        )


def _try(cluster: Cluster, manifest: Manifest) -> Preflight:
    live = cluster.get(key_of(manifest))
    answer = cluster.apply(manifest, manager=HELM_MANAGER, dry_run=True)
    if answer.status != 409:
        return Preflight(manifest, live, answer)
    return Preflight(
        manifest, live, cluster.apply(manifest, manager=HELM_MANAGER, dry_run=True, force=True), f"{key_of(manifest)}: {answer.message}"
    )


def _change(result: Preflight) -> Change | None:
    key = key_of(result.manifest)
    if result.answer.status >= 400:
        return impossible(key, result.live, result.manifest, result.answer.message or result.answer.reason)
    # A new object is shown as rendered: what the API server fills in would bury it.
    return compare(key, result.live, result.answer.body if result.live else result.manifest)


def _pod_problem(cluster: Cluster, manifests: Sequence[Manifest]) -> list[Change]:
    """Pod security and quota do not show on a Deployment, so a bare pod of each template is tried too."""
    found = []
    for deployment in (m for m in manifests if m.get("kind") == "Deployment"):
        template: dict[str, Any] = deployment["spec"]["template"]
        metadata = {**(template.get("metadata") or {}), "generateName": f"{deployment['metadata']['name']}-preflight-"}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
        answer = cluster.create_dry_run(pod)
        if answer.status >= 400:
            found.append(impossible(key_of(deployment), None, deployment, f"its pod would be refused: {answer.message}"))
    return found


def _removed(cluster: Cluster, manifests: Sequence[Manifest], revisions: Sequence[Revision]) -> list[Change]:
    """Objects of the stored revision that the new rendering lacks; Helm deletes them unless they are marked `keep`."""
    base = last(revisions)
    if base is None:
        return []
    wanted = {(k.api_version, k.kind, k.name) for k in map(key_of, manifests)}
    gone = [
        m for m in parse_manifests(base.manifest) if (k := key_of(m)) and (k.api_version, k.kind, k.name) not in wanted and not _kept(m)
    ]
    lives = cluster.in_parallel([lambda m=m: cluster.get(key_of(m)) for m in gone])
    return [change for m, live in zip(gone, lives, strict=True) if live and (change := compare(key_of(m), live, None))]


def _kept(manifest: Manifest) -> bool:
    return ((manifest.get("metadata") or {}).get("annotations") or {}).get("helm.sh/resource-policy") == "keep"
