"""One environment, found and guarded, with its cluster and its Helm at hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from helmtool.adapters.cluster import Cluster
from helmtool.adapters.helm import Helm, HelmCommand
from helmtool.adapters.kubeconfig import Access
from helmtool.adapters.project import Project
from helmtool.adapters.toolbox import helm as find_helm
from helmtool.model.environment import Environment
from helmtool.operations.progress import Progress
from helmtool.operations.reach import reach
from helmtool.operations.settings import Settings


class Session(NamedTuple):
    """What the operations on one environment share."""

    project: Project
    environment: Environment
    environments: Mapping[str, Environment]
    access: Access
    cluster: Cluster
    helm: Helm


def offline_helm(environment: Environment) -> Helm:
    """Helm without a cluster: for rendering."""
    path, version = find_helm()
    return Helm(HelmCommand(path, version, None), environment.release, environment.namespace)


def open_session(name: str, settings: Settings, progress: Progress) -> Session:
    """Finds the environment and judges the kubeconfig; talks to no cluster yet.

    Raises ProjectNotFound, UnknownEnvironment, ToolMissing and everything of the guard.
    """
    reached = reach(name, settings, progress)
    environment, access = reached.environment, reached.access
    path, version = find_helm()
    helm = Helm(HelmCommand(path, version, access), environment.release, environment.namespace)
    return Session(reached.project, environment, reached.environments, access, reached.cluster, helm)
