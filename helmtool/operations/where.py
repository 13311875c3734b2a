"""Which environments run an image: every cluster that can be asked is asked at the same time, and none is waited for long."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from helmtool.adapters.project import find_project
from helmtool.model.environment import Environment
from helmtool.operations.guard import WrongCluster
from helmtool.operations.settings import Settings
from helmtool.operations.status import Status, state_of

PATIENCE = 10.0
"""Seconds after which a cluster that has not answered is not waited for."""


@dataclass(frozen=True, slots=True)
class Place:
    """One environment: `runs` is yes, no, other (the tag, but another digest) or unknown; `reason` says why it is unknown."""

    environment: str
    runs: str
    image: str = ""
    digest: str = ""
    revision: int | None = None
    reason: str = ""

    def as_dict(self) -> dict[str, object]:
        """The place as `-o json` prints it."""
        return {
            "environment": self.environment,
            "runs": self.runs,
            "image": self.image or None,
            "digest": self.digest or None,
            "revision": self.revision,
            "reason": self.reason or None,
        }


def where_it_runs(repository: str, tags: Sequence[str], digest: str, settings: Settings) -> list[Place]:
    """Whether each environment runs the image of that digest, which has these tags in the repository. Only reads; raises InvalidInput."""
    environments = find_project(settings.config_dir).environments()
    return [_judge(status, repository, tags, digest) for status in _ask(environments, settings)]


def _ask(environments: Mapping[str, Environment], settings: Settings) -> list[Status]:
    """The states in the order of the names. The threads are daemons: a cluster that hangs does not hold up the end of the program."""
    answers: queue.SimpleQueue[tuple[str, Status]] = queue.SimpleQueue()
    for environment in environments.values():
        threading.Thread(target=_put_state, args=(environment, settings, answers), daemon=True, name=f"ask {environment.name}").start()
    found: dict[str, Status] = {}
    until = time.monotonic() + PATIENCE
    while len(found) < len(environments):
        try:
            name, status = answers.get(timeout=max(until - time.monotonic(), 0))
        except queue.Empty:
            break
        found[name] = status
    return [found.get(name) or Status(name, "unknown", problem=f"no answer within {PATIENCE:.0f} s") for name in environments]


def _put_state(environment: Environment, settings: Settings, answers: queue.SimpleQueue[tuple[str, Status]]) -> None:
    try:
        status = _state(environment, settings)
    except Exception as error:  # an answer that no code foresaw hides neither the registry's facts nor the other environments
        status = Status(environment.name, "unknown", problem=f"its answer is not understood ({type(error).__name__})")
    answers.put((environment.name, status))


def _state(environment: Environment, settings: Settings) -> Status:
    """Asked through the kubeconfig in use; where that one reaches another environment's cluster, through the environment's own."""
    status = state_of(environment.name, settings)
    if isinstance(status.error, WrongCluster) and not environment.embedded:
        return state_of(environment.name, replace(settings, kubeconfig=environment.kubeconfig, kube_context=None))
    return status


def _judge(status: Status, repository: str, tags: Sequence[str], digest: str) -> Place:
    if status.state == "unknown":
        return Place(status.environment, "unknown", reason=status.problem)
    name = status.image.partition("@")[0]
    same_name = name in {f"{repository}:{tag}" for tag in tags}
    same_repository = name.rpartition(":")[0] == repository
    if status.digest:
        runs = "yes" if same_repository and status.digest == digest else "other" if same_name else "no"
    else:
        runs = "yes" if same_name else "no"
    return Place(status.environment, runs, status.image, status.digest, status.revision)
