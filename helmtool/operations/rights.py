"""Rights without which a release would fail late or not at all: asked for before it begins."""

from __future__ import annotations

from helmtool.adapters.answer import ClusterForbidden
from helmtool.errors import Unreachable
from helmtool.model.environment import Policy
from helmtool.operations.reach import Reached

WAYS = (("get", "services", "proxy"), ("create", "pods", "portforward"))
"""The rights by which the service can be asked; one is enough."""


class NoWayToVerify(Unreachable):
    """The person may not ask the service in any way."""

    code = "verify-forbidden"


def require_storage(session: Reached) -> None:
    """Raises ClusterForbidden where the person may not update Secrets.

    Helm 4.3.1 then creates the Secret of the revision as pending, applies the objects, cannot write that they are deployed, and
    ends with 0: every later release would find the revision pending.
    """
    namespace = session.environment.namespace
    if not session.cluster.may("update", "secrets", ""):
        raise ClusterForbidden(
            f'you cannot update resource "secrets" in the namespace {namespace}, where Helm keeps the state of each revision',
            hint=f"kubectl auth can-i update secrets -n {namespace}; docs/reference/rbac.md has the Role that suffices",
        )


def require_way_to_verify(session: Reached, wanted: bool) -> None:
    """Raises NoWayToVerify where a required verification could not ask the service: it would roll a healthy release back."""
    cluster, environment = session.cluster, session.environment
    if environment.verify is not Policy.REQUIRED or not wanted:
        return
    if not any(cluster.in_parallel([lambda right=right: cluster.may(*right) for right in WAYS])):
        raise NoWayToVerify(
            f"verify is required for {environment.name}, and neither the service proxy nor a port-forward is allowed to you there",
            hint=f"kubectl auth can-i create pods/portforward -n {cluster.namespace}; --no-verify releases without it",
        )
