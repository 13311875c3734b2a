"""By which way an environment is reached from here: kubeconfig, context, cluster, account; talks to no API server."""

from __future__ import annotations

from typing import Any

from helmtool.adapters.account import account_of
from helmtool.adapters.kubeconfig import Access, cluster_names
from helmtool.adapters.project import find_project
from helmtool.errors import HelmtoolError
from helmtool.model.environment import find_environment
from helmtool.operations.guard import choose_access
from helmtool.operations.settings import Settings


def describe_access(name: str, settings: Settings) -> dict[str, Any]:
    """The way as `env show` tells it; `problem` and `hint` say why there is none. Raises UnknownEnvironment and ProjectNotFound."""
    environments = find_project(settings.config_dir).environments()
    environment = find_environment(name, environments)
    try:
        access = choose_access(environment, environments, settings)
    except HelmtoolError as error:
        return {"problem": error.message, "hint": error.hint}
    return {
        "kubeconfig": access.kubeconfig,
        "context": access.context,
        "cluster": access.cluster,
        "server": access.server,
        "caFingerprint": access.ca_fingerprint,
        "clusters": cluster_names(access.kubeconfig),
        "account": _account(access),
    }


def _account(access: Access) -> dict[str, Any]:
    try:
        found = account_of(access)
    except HelmtoolError as error:
        return {"problem": error.message, "hint": error.hint}
    program = {"program": found.program} if found.program else {}
    return {"kind": found.kind, **program, "expires": found.expires.strftime("%Y-%m-%dT%H:%M:%SZ") if found.expires else None}
