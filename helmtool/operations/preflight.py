"""Asks the API server itself what applying objects would do, without doing it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

from helmtool.adapters.answer import Answer
from helmtool.adapters.cluster import HELM_MANAGER, KIND_UNKNOWN, Cluster
from helmtool.errors import Problem, Refused
from helmtool.model.causes import Cause, pause_cause
from helmtool.model.change import KIND_GONE, Change, compare, impossible
from helmtool.model.environment import Environment
from helmtool.model.manifest import Manifest, ObjectKey, belongs_to, identity, kept_manifests, key_of, owned_by_helm, parse_manifests
from helmtool.model.ownership import other_writers
from helmtool.model.reading import mapping
from helmtool.model.revision import Revision
from helmtool.operations import strategy
from helmtool.operations.interference import notes_on, read_autoscalers
from helmtool.operations.lives import Lives
from helmtool.operations.look import CONNECTIONS
from helmtool.operations.reach import Reached


class NotOurs(Refused):
    """An object of the release exists, and Helm does not hold it for this release."""

    code = "not-ours"


class KindGone(Refused):
    """The cluster does not know the kind of an object: Helm can neither upgrade nor roll back, and a rollback that fails stays pending."""

    code = "kind-gone"


class Forecast(NamedTuple):
    """What would change, what the API server warns of, and which fields other hands have set that would be taken back.

    `hands` are those who have written each live object beside Helm, and when. `notes` say what others have set on the live Deployment;
    `pause` is not None if it is paused, and stays so.
    """

    changes: tuple[Change, ...]
    warnings: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    hands: Mapping[ObjectKey, tuple[str, ...]] = MappingProxyType({})
    notes: tuple[str, ...] = ()
    pause: Cause | None = None


class Preflight(NamedTuple):
    """One object as it lives, as it would become, and what the API server said of it."""

    manifest: Manifest
    live: Manifest | None
    answer: Answer
    conflict: str = ""


class Try(NamedTuple):
    """One object that is being read and tried."""

    manifest: Manifest
    live: Future[Manifest | None]
    answer: Future[Answer]


def make_forecast(session: Reached, manifests: Sequence[Manifest], base: Revision | None, lives: Lives | None = None) -> Forecast:
    """Tries every object as a server-side apply dry run under Helm's field manager, and a bare pod of each template.

    `base` is the revision that Helm compares with: what it has and `manifests` lack, Helm deletes. `lives` may have been asked for
    the objects before. Raises NotOurs, ClusterUnreachable and ClusterForbidden; what the API server would refuse is a change of effect
    `impossible`.
    """
    cluster, owned = session.cluster, owned_in(session.environment, manifests)
    found = (lives or Lives(cluster)).of(owned)
    _require_ours(session, [live for live in found.values() if live])
    tries = [partial(_tried, cluster, m, found[key_of(m)]) for m in owned]
    pods = pod_trials(cluster, owned, found)
    *done, autoscalers = cluster.in_parallel([*tries, *pods.values(), partial(read_autoscalers, cluster)])
    forecast = forecast_of(cluster, done[: len(tries)], dict(zip(pods, done[len(tries) :], strict=True)), base)
    notes = tuple(note for live in found.values() for note in notes_on(live, autoscalers))
    pause = next(filter(None, map(pause_cause, found.values())), None)
    return forecast._replace(notes=notes, pause=pause)


def owned_in(environment: Environment, manifests: Sequence[Manifest]) -> list[Manifest]:
    """Rendered objects as Helm applies them there: with the marks of the environment's release."""
    return [owned_by_helm(m, environment.release, environment.namespace) for m in manifests]


def forecast_of(cluster: Cluster, results: Sequence[Preflight], pods: Mapping[ObjectKey, Answer], base: Revision | None) -> Forecast:
    """The forecast of objects that were tried, of a bare pod for each Deployment, and of what Helm would delete."""
    owned = [r.manifest for r in results]
    gone = _kinds_gone(cluster, owned, base)
    changes = [*gone.values(), *(change for r in results if key_of(r.manifest) not in gone and (change := _change(r)))]
    refused, doubts = ([], []) if any(change.problem for change in changes) else _judge_pods(owned, pods)
    changes += [*refused, *_removed(cluster, owned, base)]
    warnings = dict.fromkeys([w for r in results for w in r.answer.warnings] + doubts)
    hands = {key_of(r.manifest): other_writers(r.live) for r in results if r.live}
    return Forecast(tuple(changes), tuple(warnings), tuple(r.conflict for r in results if r.conflict), hands)


def kind_gone(changes: Sequence[Change]) -> KindGone | None:
    """The error of changes that Helm cannot make because the cluster does not know the kind of an object; None if it knows all."""
    gone = [change for change in changes if change.reason == KIND_GONE]
    if not gone:
        return None
    key = gone[0].key
    return KindGone(
        f"{key}: {gone[0].problem}; nothing was changed",
        problems=[Problem(change.problem, path=str(change.key)) for change in gone],
        hint=f"apply the CustomResourceDefinition of {key.kind} ({key.api_version}) with kubectl, then run this again"
        " (docs/how-to/when-a-release-fails.md#a-kind-is-gone)",
    )


def _kinds_gone(cluster: Cluster, manifests: Sequence[Manifest], base: Revision | None) -> dict[ObjectKey, Change]:
    """The objects of the base revision whose kind the cluster does not know any more."""
    wanted = {key_of(m): m for m in manifests}
    stored = {key_of(m): m for m in kept_manifests(base.manifest)} if base else {}
    unknown = {key: said for key in stored if (said := cluster.unknown_kind(key))}
    why = f"revision {base.number} holds it, and " if base else ""
    return {key: impossible(key, stored[key], wanted.get(key), why + said, KIND_GONE) for key, said in unknown.items()}


def _require_ours(session: Reached, lives: Sequence[Manifest]) -> None:
    environment = session.environment
    foreign = [live for live in lives if not belongs_to(live, environment.release, environment.namespace)]
    if foreign:
        raise NotOurs(
            f"{len(foreign)} objects of the release exist already and were made by other hands",
            problems=[Problem("is not held by Helm for this release", path=str(key_of(live))) for live in foreign],
            hint=f"helmtool adopt {environment.name} --dry-run shows who made them, and takes them over without it",
        )


def begin_tries(
    session: Reached, manifests: Sequence[Manifest], also: Sequence[Callable[[], Any]] = ()
) -> tuple[list[Try], list[Future[Any]]]:
    """Reads the objects of a revision and tries them, all at the same time, `also` at last; waits for none.

    Over as many connections as the first look has made: where the cluster is far away, another one takes as long as three requests.
    """
    cluster, owned = session.cluster, owned_in(session.environment, manifests)
    reads = [partial(cluster.get, key_of(m)) for m in owned]
    tries = [partial(cluster.apply, m, manager=HELM_MANAGER, dry_run=True) for m in owned]
    begun = cluster.begin([*reads, *tries, *also], at_once=CONNECTIONS)
    count = len(owned)
    return [Try(*each) for each in zip(owned, begun[:count], begun[count : 2 * count], strict=True)], begun[2 * count :]


def finish_try(cluster: Cluster, begun: Try) -> Preflight:
    """What came of it. Raises ClusterUnreachable and ClusterForbidden."""
    live, answer = begun.live.result(), begun.answer.result()
    if strategy.needs_patch(begun.manifest, live):  # tried as it stands, the API server refuses it
        answer = dry_run_object(cluster, begun.manifest, live)
    return _judged(cluster, begun.manifest, live, answer)


def try_object(cluster: Cluster, manifest: Manifest) -> Preflight:
    """One object that carries Helm's marks already, as a dry run; where other hands have set its fields, as if they were taken back."""
    return _tried(cluster, manifest, cluster.get(key_of(manifest)))


def _tried(cluster: Cluster, manifest: Manifest, live: Manifest | None) -> Preflight:
    return _judged(cluster, manifest, live, dry_run_object(cluster, manifest, live))


def _judged(cluster: Cluster, manifest: Manifest, live: Manifest | None, answer: Answer) -> Preflight:
    if answer.status != 409:
        return Preflight(manifest, live, answer)
    hands = f" ({', '.join(other_writers(live))})" if live else ""
    return Preflight(manifest, live, dry_run_object(cluster, manifest, live, force=True), f"{key_of(manifest)}: {answer.message}{hands}")


def dry_run_object(cluster: Cluster, manifest: Manifest, live: Manifest | None, *, force: bool = False) -> Answer:
    """What applying one object would give, a change to Recreate included."""
    if live is not None and strategy.needs_patch(manifest, live):
        return strategy.dry_run(cluster, manifest, live, force=force)
    return cluster.apply(manifest, manager=HELM_MANAGER, dry_run=True, force=force)


def _change(result: Preflight) -> Change | None:
    key = key_of(result.manifest)
    if result.answer.reason == KIND_UNKNOWN:
        return impossible(key, None, result.manifest, result.answer.message, KIND_GONE)
    if result.answer.status >= 400:
        return impossible(key, result.live, result.manifest, result.answer.message or result.answer.reason)
    # A new object is shown as rendered: what the API server fills in would bury it.
    return compare(key, result.live, result.answer.body if result.live else result.manifest)


def pod_trials(
    cluster: Cluster, manifests: Sequence[Manifest], lives: Mapping[ObjectKey, Manifest | None]
) -> dict[ObjectKey, Callable[[], Answer]]:
    """For each Deployment a call that tries a bare pod of its template: pod security and quota do not show on a Deployment.

    An account that the release makes itself is not there yet: the namespace's default one stands in.
    """
    new = {key.name for key, live in lives.items() if key.kind == "ServiceAccount" and live is None}
    deployments = [m for m in manifests if m.get("kind") == "Deployment" and mapping(m, "spec", "template", "spec")]
    return {key_of(m): partial(cluster.create_dry_run, _bare_pod(m, new)) for m in deployments}


def _judge_pods(manifests: Sequence[Manifest], pods: Mapping[ObjectKey, Answer]) -> tuple[list[Change], list[str]]:
    """A quota may count the pod that a Recreate stops first, so it only is a doubt."""
    refused, doubts = [], []
    for deployment in (m for m in manifests if key_of(m) in pods):
        answer = pods[key_of(deployment)]
        if answer.status == 403 and "exceeded quota" in answer.message:
            doubts.append(f"beside the pod that runs there is no quota for another: {answer.message}")
        elif answer.status >= 400:
            refused.append(impossible(key_of(deployment), None, deployment, f"its pod would be refused: {answer.message}"))
    return refused, doubts


def _bare_pod(deployment: Manifest, new_accounts: set[str]) -> Manifest:
    template: dict[str, Any] = deployment["spec"]["template"]
    metadata = {**(template.get("metadata") or {}), "generateName": f"{deployment['metadata']['name']}-preflight-"}
    spec = dict(template["spec"])
    if spec.get("serviceAccountName") in new_accounts:
        del spec["serviceAccountName"]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _removed(cluster: Cluster, manifests: Sequence[Manifest], base: Revision | None) -> list[Change]:
    """Objects of the base revision that the new manifests lack; Helm deletes them unless they are marked `keep`.

    Each is deleted as a dry run: without the right, Helm would fail in the middle. Raises ClusterForbidden.
    """
    wanted = {identity(m, cluster.namespace) for m in manifests}
    stored = parse_manifests(base.manifest) if base else []
    gone = [m for m in stored if identity(m, cluster.namespace) not in wanted and not _kept(m)]
    lives = cluster.in_parallel([lambda m=m: cluster.get(key_of(m)) for m in gone])
    found = [(key_of(m), live) for m, live in zip(gone, lives, strict=True) if live]
    cluster.in_parallel([lambda k=key, i=live["metadata"]["uid"]: cluster.delete(k, uid=i, dry_run=True) for key, live in found])
    return [change for key, live in found if (change := compare(key, live, None))]


def _kept(manifest: Manifest) -> bool:
    return ((manifest.get("metadata") or {}).get("annotations") or {}).get("helm.sh/resource-policy") == "keep"
