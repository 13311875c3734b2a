"""Causes from the first start of a container to the moment it is ready: commands, crashes, memory, probes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from helmtool.model.causes.catalogue import make
from helmtool.model.causes.cause import Cause, Certainty
from helmtool.model.causes.pods import Container, all_containers, is_repeated, killer, names
from helmtool.model.causes.words import shown, what_heals
from helmtool.model.manifest import Manifest
from helmtool.model.observation import Observation
from helmtool.model.reading import at, listing, mapping, message_of, moment, number, text

CANNOT_START = {"StartError", "RunContainerError", "CreateContainerError", "ContainerCannotRun"}
WRONG_EXECUTABLE = re.compile(r"exec format error", re.I)
NO_COMMAND = re.compile(r"executable file not found|exec: .*no such file or directory|exec: .*permission denied|no command specified", re.I)
LAST_LINES = 5
"""Lines of a container's log that are shown with a crash."""


def memory_causes(observation: Observation) -> Iterator[Cause]:
    """Containers that the kernel ended for their memory."""
    for container in all_containers(observation):
        if text(container.ended, "reason") == "OOMKilled":
            limit = text(container.spec, "resources", "limits", "memory")
            given = {**names(observation, container.pod, container), "limit": limit}
            yield make("out-of-memory", given, [_end(container), *_last_lines(observation, container)], _repeated(container))


def command_causes(observation: Observation) -> Iterator[Cause]:
    """Containers that cannot be started at all."""
    for container in all_containers(observation):
        said = _cannot_start(container)
        lines = shown(observation, container.key)
        wrong = WRONG_EXECUTABLE.search(said) or (container.ended and any(map(WRONG_EXECUTABLE.search, lines)))
        given = {**names(observation, container.pod, container), "said": said}
        if wrong:
            yield make("wrong-executable", given, [said or _end(container), *lines[-1:]], _second(container))
        elif said and NO_COMMAND.search(said):
            yield make("command-missing", given, [said], _second(container))
        elif said:
            yield make("start-fails", given, [said], _repeated(container))


def probe_causes(observation: Observation) -> Iterator[Cause]:
    """Containers that a probe ended."""
    for container in all_containers(observation):
        if code := killer(observation, container):
            probe = "startup" if code == "startup-too-short" else "liveness"
            failed = _unhealthy(observation, container.pod, probe)
            yield make(code, _probe_names(observation, container, probe), [_end(container), *failed], _repeated(container))


def crash_causes(observation: Observation) -> Iterator[Cause]:
    """Containers that end by themselves."""
    for container in all_containers(observation):
        end = container.ended
        if not end or _cannot_start(container) or text(end, "reason") == "OOMKilled" or killer(observation, container):
            continue
        if number(end, "exitCode") == 0 and container.is_init:
            continue
        given = {**names(observation, container.pod, container), "code": str(number(end, "exitCode"))}
        evidence = [_end(container), *_last_lines(observation, container)]
        certainty = Certainty.LIKELY if what_heals(observation, container) else _repeated(container)
        if container.is_init:
            yield make("init-fails", given, evidence, certainty)
        elif _was_available(observation):
            yield make("crash-later", given, evidence, certainty)
        else:
            yield make("crash-at-start", given, evidence, certainty)


def waiting_causes(observation: Observation) -> Iterator[Cause]:
    """Containers that run and do not answer as their probes want it."""
    for container in all_containers(observation):
        if not container.is_running or container.is_ready or container.is_init:
            continue
        started = at(container.status, "started") is True
        probe = "readiness" if started else "startup"
        if not mapping(container.spec, f"{probe}Probe"):
            continue
        failed = _unhealthy(observation, container.pod, probe)
        given = {**_probe_names(observation, container, probe), "said": failed[0].partition(": ")[2] if failed else "no answer yet"}
        certainty = Certainty.LIKELY if started and failed else Certainty.POSSIBLE
        lines = [*failed, *_last_lines(observation, container)]
        yield make("never-ready" if started else "not-answering", given, lines, certainty)


def _repeated(container: Container) -> Certainty:
    return Certainty.CERTAIN if is_repeated(container) else Certainty.LIKELY


def _second(container: Container) -> Certainty:
    return Certainty.CERTAIN if container.ends >= 2 else Certainty.LIKELY


def _cannot_start(container: Container) -> str:
    """The runtime's own words for why it cannot start the container; empty where it can."""
    waiting, ended = container.waiting, container.ended
    if text(waiting, "reason") in CANNOT_START:
        return f"{text(waiting, 'reason')}: {text(waiting, 'message')}"
    if text(ended, "reason") in CANNOT_START and not container.is_running:
        return f"{text(ended, 'reason')}: {text(ended, 'message')}"
    return ""


def _end(container: Container) -> str:
    """How the container ended, in one line."""
    end = container.ended
    seconds = _seconds(end)
    after = f" after {seconds:.0f} s" if seconds is not None else ""
    times = f", {container.ends} times" if container.ends > 1 else ""
    return f"{container.name} ended with exit code {number(end, 'exitCode')} ({text(end, 'reason')}){after}{times}" if end else ""


def _seconds(end: Manifest) -> float | None:
    started, finished = moment(end, "startedAt"), moment(end, "finishedAt")
    return (finished - started).total_seconds() if started and finished else None


def _last_lines(observation: Observation, container: Container) -> list[str]:
    return [f"log: {line}" for line in shown(observation, container.key)[-LAST_LINES:]]


def _unhealthy(observation: Observation, pod: Manifest, probe: str) -> list[str]:
    """The last thing that a probe said, with how often it failed."""
    events = [e for e in observation.events_of(pod) if text(e, "reason") == "Unhealthy"]
    told = [e for e in events if message_of(e).lower().startswith(f"{probe} probe")]
    return [f"{text(told[-1], 'message')} ({number(told[-1], 'count') or 1} times)"] if told else []


def _probe_names(observation: Observation, container: Container, probe: str) -> Mapping[str, str]:
    asked = mapping(container.spec, f"{probe}Probe")
    tries, period = number(asked, "failureThreshold") or 3, number(asked, "periodSeconds") or 10
    given = names(observation, container.pod, container)
    return {**given, "seconds": str(tries * period), "path": text(asked, "httpGet", "path") or "its port"}


def _was_available(observation: Observation) -> bool:
    """Whether the newest pods have been available once; the condition may still be of the ReplicaSet before, so its name counts."""
    newest = f'"{text(observation.newest_set, "metadata", "name")}"'
    conditions = (c for c in listing(observation.deployment, "status", "conditions") if text(c, "type") == "Progressing")
    return any(text(c, "reason") == "NewReplicaSetAvailable" and newest in message_of(c) for c in conditions)
