"""What the next release would do once its objects are adopted, asked before they are: the API server tries it and stores nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from helmtool.adapters.answer import Answer
from helmtool.adapters.cluster import HELM_MANAGER, Cluster
from helmtool.model.fields import prune, union
from helmtool.model.manifest import Manifest, key_of, owned_by_helm
from helmtool.model.ownership import adopted_fields, adopted_manager, applied_fields, judge_owner, kept_fields
from helmtool.model.revision import Revision
from helmtool.operations.preflight import Forecast, Preflight, dry_run_object, forecast_of, owned_in, pod_trials, try_object
from helmtool.operations.session import Session


def forecast_after_adoption(session: Session, manifests: Sequence[Manifest], base: Revision | None) -> Forecast:
    """The forecast of a release of these objects, as if those that may be adopted were. Raises ClusterUnreachable and ClusterForbidden."""
    cluster, owned = session.cluster, owned_in(session.environment, manifests)
    results: list[Preflight] = cluster.in_parallel([lambda m=m: _try(session, m) for m in owned])
    pods = pod_trials(cluster, owned, {key_of(r.manifest): r.live for r in results})
    answers = cluster.in_parallel([*pods.values()])
    return forecast_of(cluster, results, dict(zip(pods, answers, strict=True)), base)


def _try(session: Session, manifest: Manifest) -> Preflight:
    cluster, environment = session.cluster, session.environment
    tried = try_object(cluster, manifest)
    live = tried.live
    if live is None or judge_owner(live, environment.release, environment.namespace).ours or tried.answer.status >= 400:
        return tried
    adopted = owned_by_helm(live, environment.release, environment.namespace)  # its marks are no change of the release
    return tried._replace(live=adopted, answer=_pruned(cluster, live, tried.answer), conflict=_conflict(cluster, manifest, live))


def _pruned(cluster: Cluster, live: Manifest, answer: Answer) -> Answer:
    """What applying gives, without the fields that Helm will have taken over and does not apply; the API server fills in defaults again."""
    kept = union([applied_fields(answer.body), kept_fields(live)])
    body = prune(answer.body, adopted_fields(live), kept)
    again = cluster.patch(key_of(live), _as_patch(live, body), HELM_MANAGER, dry_run=True)
    return Answer(again.status, again.body, answer.warnings) if again.status < 400 else Answer(answer.status, body, answer.warnings)


def _as_patch(live: Manifest, body: Manifest) -> list[dict[str, Any]]:
    """From the live object to another state of it, without what only the API server writes."""
    ignored = ("apiVersion", "kind", "metadata", "status")
    operations: list[dict[str, Any]] = [{"op": "add", "path": f"/{k}", "value": v} for k, v in body.items() if k not in ignored]
    operations += [{"op": "remove", "path": f"/{k}"} for k in live if k not in body and k not in ignored]
    metadata = body.get("metadata") or {}
    return operations + [{"op": "add", "path": f"/metadata/{s}", "value": metadata.get(s) or {}} for s in ("labels", "annotations")]


def _conflict(cluster: Cluster, manifest: Manifest, live: Manifest) -> str:
    """The API server's words on the fields of hands that keep theirs; those of kubectl's go over and conflict no more."""
    answer = dry_run_object(cluster, manifest, live)
    causes = (answer.body.get("details") or {}).get("causes") or [] if answer.status == 409 else []
    left = [f"{c.get('message')}: {c.get('field')}" for c in causes if not _goes_over(str(c.get("message")))]
    return f"{key_of(manifest)}: {', '.join(left)}" if left else ""


def _goes_over(cause: str) -> bool:
    """Of a cause such as `conflict with "kubectl-edit" using apps/v1`; one with a subresource keeps its fields."""
    return adopted_manager(cause.partition('"')[2].partition('"')[0]) and " subresource " not in cause
