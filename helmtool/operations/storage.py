"""Whether Helm may keep its own record of a revision: asked before it begins, for it does not fail where it may not end one."""

from __future__ import annotations

from helmtool.adapters.answer import ClusterForbidden
from helmtool.operations.reach import Reached


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
