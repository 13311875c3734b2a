"""The pods of an environment's service: which there are, which one is meant, and what is said about them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from helmtool.adapters.cluster import Cluster
from helmtool.errors import OperationFailed
from helmtool.model.causes import Cause, rank
from helmtool.model.environment import Environment
from helmtool.model.manifest import Manifest, ObjectKey
from helmtool.model.observation import Observation
from helmtool.model.reading import text
from helmtool.model.rollout import judge
from helmtool.model.rollout_view import EventRow, PodRow, RolloutView, events_around, is_ready, view_of
from helmtool.operations.evidence import with_logs
from helmtool.operations.observe import observe
from helmtool.operations.progress import Progress
from helmtool.operations.reach import check_cluster, reach
from helmtool.operations.settings import Settings

DEPLOYMENT = "newdqmgui"
"""The chart calls it so, whatever the release is called; kubectl's objects before it were called the same."""


class NoPod(OperationFailed):
    """There is no pod to look at."""

    code = "no-pod"


class Service(NamedTuple):
    """The service of one environment as it is now."""

    environment: Environment
    cluster: Cluster
    observation: Observation


class PodLine(NamedTuple):
    """One pod: how it is, on which node, and which image it runs."""

    row: PodRow
    node: str
    image: str


class Description(NamedTuple):
    """The rollout as a person follows it, its pods, its last events (the oldest first), and what causes explain it (the best first)."""

    view: RolloutView
    pods: tuple[PodLine, ...]
    image: str
    events: tuple[EventRow, ...]
    causes: tuple[Cause, ...]


def find_service(name: str, settings: Settings, progress: Progress) -> Service:
    """The service in the environment's own cluster and namespace, whoever made it: the chart, or kubectl before it.

    Raises what the guard raises, NoPod where there is no Deployment, ClusterUnreachable and ClusterForbidden.
    """
    session = reach(name, settings, progress)
    check_cluster(session)
    observation = observe(session.cluster, ObjectKey("apps/v1", "Deployment", session.cluster.namespace, DEPLOYMENT), 0.0)
    if observation.deployment is None:
        raise NoPod(
            f"there is no Deployment {DEPLOYMENT} in namespace {session.cluster.namespace} of {session.access.cluster}",
            hint=f"helmtool status {name}",
        )
    return Service(session.environment, session.cluster, observation)


def pods(name: str, settings: Settings, progress: Progress) -> list[PodLine]:
    """The pods of the service, those of the newest template first. Raises what `find_service` raises."""
    return _lines(find_service(name, settings, progress).observation)


def describe(name: str, settings: Settings, progress: Progress) -> Description:
    """All that is known of the service's rollout. Raises what `find_service` raises."""
    service = find_service(name, settings, progress)
    observation = with_logs(service.cluster, service.observation)
    state = judge(observation.deployment)
    causes = () if state.complete else tuple(rank(observation))
    view = view_of(f"Deployment/{DEPLOYMENT}", observation, state, causes)
    image = _image(observation.deployment["spec"]["template"]) if observation.deployment else ""
    return Description(view, tuple(_lines(observation)), image, events_around(observation), causes)


def events(name: str, settings: Settings, progress: Progress) -> tuple[EventRow, ...]:
    """What the cluster said about the service's objects within the time that it keeps events (an hour), the oldest first.

    Raises what `find_service` raises.
    """
    return events_around(find_service(name, settings, progress).observation)


def choose(service: Service) -> Manifest:
    """The pod that a person means: the one that serves, else the newest. Raises NoPod."""
    found = service.observation
    ready = [pod for pod in found.pods if is_ready(pod) and "deletionTimestamp" not in pod["metadata"]]
    candidates: Sequence[Manifest] = ready or found.new_pods or found.pods
    if not candidates:
        raise NoPod(f"no pod of {service.environment.name} is there", hint=f"helmtool describe {service.environment.name}")
    return max(candidates, key=lambda pod: text(pod, "metadata", "creationTimestamp"))


def _lines(observation: Observation) -> list[PodLine]:
    rows = {row.name: row for row in view_of("", observation, judge(observation.deployment)).pods}
    found = {text(pod, "metadata", "name"): pod for pod in observation.pods}
    return [PodLine(row, text(found[name], "spec", "nodeName"), _image(found[name])) for name, row in rows.items()]


def _image(pod: Manifest) -> str:
    return str(pod["spec"]["containers"][0].get("image") or "")
