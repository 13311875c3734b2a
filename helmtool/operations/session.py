"""One environment, found and guarded, with its cluster and its Helm at hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from helmtool.adapters.cluster import Cluster
from helmtool.adapters.helm import Helm, HelmCommand
from helmtool.adapters.kubeconfig import Access
from helmtool.adapters.project import Project, find_project
from helmtool.adapters.toolbox import helm as find_helm
from helmtool.errors import InvalidInput
from helmtool.model.environment import Environment
from helmtool.operations.guard import Settings, check_system_uid, choose_access, is_pinned
from helmtool.operations.progress import Progress


class NamespaceMissing(InvalidInput):
    """The environment's namespace is not in its cluster."""

    code = "namespace-missing"


@dataclass(frozen=True, slots=True)
class Session:
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
    project = find_project(settings.config_dir)
    environments = project.environments()
    environment = project.environment(name)
    access = choose_access(environment, environments, settings)
    path, version = find_helm()
    helm = Helm(HelmCommand(path, version, access), environment.release, environment.namespace)
    progress.done("guard", f"{name} is {access.cluster} at {access.server}")
    if not is_pinned(environment):
        progress.warn(f"{name} is known by its cluster's name alone; a pin is safer (environments.yaml)")
    return Session(project, environment, environments, access, Cluster(access, environment.namespace), helm)


def check_cluster(session: Session) -> None:
    """Looks at the cluster itself: its identity where pinned, its namespace. Raises WrongCluster, NamespaceMissing, ClusterUnreachable."""
    cluster, environment = session.cluster, session.environment
    if environment.cluster.kube_system_uid:
        check_system_uid(environment, cluster.system_uid())
    if not cluster.namespace_exists():
        raise NamespaceMissing(
            f"cluster {session.access.cluster} has no namespace {cluster.namespace}",
            hint=f"kubectl create namespace {cluster.namespace}, if this is the right cluster",
        )
