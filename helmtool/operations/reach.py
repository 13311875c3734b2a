"""One environment's cluster, found and guarded, for what only reads: neither Helm nor its library is needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from helmtool.adapters.cluster import Cluster
from helmtool.adapters.kubeconfig import Access, read_access
from helmtool.adapters.project import Project, find_project
from helmtool.errors import InvalidInput
from helmtool.model.environment import Environment, find_environment
from helmtool.model.redaction import spare
from helmtool.operations.guard import WrongCluster, check_system_uid, choose_access, is_pinned
from helmtool.operations.progress import Progress
from helmtool.operations.settings import Settings


class NamespaceMissing(InvalidInput):
    """The environment's namespace is not in its cluster."""

    code = "namespace-missing"


class Reached(Protocol):
    """An environment with the way to its cluster."""

    @property
    def environment(self) -> Environment:
        """The environment."""

    @property
    def access(self) -> Access:
        """The context that is used."""

    @property
    def cluster(self) -> Cluster:
        """Its API server."""


class Reach(NamedTuple):
    """An environment that can be read."""

    project: Project
    environments: Mapping[str, Environment]
    environment: Environment
    access: Access
    cluster: Cluster


def reach(name: str, settings: Settings, progress: Progress) -> Reach:
    """Finds the environment and judges the kubeconfig; talks to no cluster yet. Raises what the guard raises."""
    project = find_project(settings.config_dir)
    environments = project.environments()
    environment = find_environment(name, environments)
    access = choose_access(environment, environments, settings)
    spare(name, environment.release, environment.namespace, access.server, access.cluster)
    progress.done("guard", f"{name} is {access.cluster} at {access.server}")
    if not is_pinned(environment):
        progress.warn(f"{name} is known by its cluster's name alone; a pin is safer (environments.yaml)")
    if access.insecure:
        progress.warn(f"the certificate of {access.server} is not verified (insecure-skip-tls-verify in {access.kubeconfig})")
    return Reach(project, environments, environment, access, Cluster(access, environment.namespace))


def check_again(session: Reached) -> None:
    """Right before the first write: the kubeconfig, which helm reads anew, must still name the cluster that was judged.

    A login in another terminal, or a merged file, may have changed it since. Raises WrongCluster and what `check_cluster` raises.
    """
    before = session.access
    now = read_access(before.kubeconfig, before.context)
    if now != before:
        raise WrongCluster(
            f"context {before.context} of {before.kubeconfig} reached {before.cluster} at {before.server} when this began, and now"
            f" {now.cluster} at {now.server}; nothing was written",
            hint=f"helmtool status {session.environment.name}",
        )
    if session.environment.cluster.kube_system_uid:
        check_system_uid(session.environment, session.cluster.system_uid())


def check_cluster(session: Reached) -> None:
    """Looks at the cluster itself: its identity where pinned, its namespace. Raises WrongCluster, NamespaceMissing, ClusterUnreachable."""
    cluster, environment = session.cluster, session.environment
    identity = [cluster.system_uid] if environment.cluster.kube_system_uid else []
    *uids, exists = cluster.begin([*identity, cluster.namespace_exists])
    for uid in uids:
        check_system_uid(environment, uid.result())
    if not exists.result():
        raise NamespaceMissing(
            f"cluster {session.access.cluster} has no namespace {cluster.namespace}",
            hint=f"kubectl create namespace {cluster.namespace}, if this is the right cluster",
        )
