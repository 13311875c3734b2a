"""From RollingUpdate to Recreate, which the API server refuses as it stands.

It fills `spec.strategy.rollingUpdate` in, nobody owns the field then, so server-side apply leaves it, and Recreate beside it is
answered with 422. A JSON patch that replaces the whole strategy is accepted and restarts nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from helmtool.adapters.answer import Answer
from helmtool.adapters.cluster import HELM_MANAGER, Cluster
from helmtool.errors import OperationFailed
from helmtool.model.manifest import Manifest, key_of
from helmtool.model.reading import text

RECREATE = {"type": "Recreate"}


def needs_patch(manifest: Manifest, live: Manifest | None) -> bool:
    """Whether the live Deployment must lose its `rollingUpdate` before the manifest can be applied."""
    if manifest.get("kind") != "Deployment" or live is None:
        return False
    wanted, found = (text(deployment, "spec", "strategy", "type") for deployment in (manifest, live))
    return wanted == "Recreate" and found == "RollingUpdate"


def dry_run(cluster: Cluster, manifest: Manifest, live: Manifest, *, force: bool) -> Answer:
    """What applying the manifest will give once the patch has gone before."""
    kept = {**manifest, "spec": {**manifest["spec"], "strategy": live["spec"]["strategy"]}}
    answer = cluster.apply(kept, manager=HELM_MANAGER, dry_run=True, force=force)
    if answer.status >= 400:
        return answer
    return Answer(answer.status, {**answer.body, "spec": {**answer.body["spec"], "strategy": RECREATE}}, answer.warnings)


def patch_strategies(cluster: Cluster, manifests: Sequence[Manifest]) -> None:
    """Patches every live Deployment that needs it, unless it changes at the same moment. Raises OperationFailed."""
    for manifest in (m for m in manifests if m.get("kind") == "Deployment"):
        live = cluster.get(key_of(manifest))
        if live is None or not needs_patch(manifest, live):
            continue
        guard = {"op": "replace", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"]}
        answer = cluster.patch(key_of(manifest), [guard, {"op": "replace", "path": "/spec/strategy", "value": RECREATE}], HELM_MANAGER)
        if answer.status >= 400:
            said = f"{key_of(manifest)} could not be turned to Recreate"
            raise OperationFailed(f"{said}: {answer.message}", recorded=f"{said}: {answer.summary}")
