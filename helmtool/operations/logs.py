"""The log of the service: of the pod that is meant, and followed from one pod to the next."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from helmtool.adapters.answer import ClusterForbidden, ClusterUnreachable
from helmtool.adapters.pod_log import log_lines
from helmtool.errors import OperationFailed
from helmtool.model.manifest import Manifest
from helmtool.model.reading import listing, text
from helmtool.model.redaction import REDACTED, redact_text
from helmtool.operations.evidence import protect_secrets, strike
from helmtool.operations.pods import NoPod, Service, choose, find_service
from helmtool.operations.progress import Progress, Silent
from helmtool.operations.settings import Settings

SILENCE = 3600.0
"""Seconds without a line after which a followed log is asked for anew: a service may have nothing to say for an hour."""
PAUSE = 1.0
"""Seconds between two looks for the pod that comes after the one that ended."""


class NoLog(OperationFailed):
    """The kubelet has no log of that container."""

    code = "no-log"


def logs(
    name: str, settings: Settings, progress: Progress, *, lines: int | None = None, previous: bool = False, follow: bool = False
) -> Iterator[str]:
    """The lines of the service's container, redacted: all, or the last `lines` of them.

    `previous` is the container before its last restart. With `follow` the log goes on until the caller stops, also in the pod that
    comes after this one. Raises NoPod, NoLog, ClusterUnreachable, ClusterForbidden, and what the guard raises.
    """
    service = find_service(name, settings, progress)
    pod = choose(service)
    progress.done("pod", _name(pod))
    yield from _of(service, pod, progress, lines, previous=previous, follow=follow)
    while follow:
        service, pod = _next(name, settings, progress, pod)
        progress.done("pod", _name(pod))
        yield from _of(service, pod, progress, None, previous=False, follow=True)


def _next(name: str, settings: Settings, progress: Progress, before: Manifest) -> tuple[Service, Manifest]:
    """The pod to go on with once one has ended: another, or the same one with a container that was started since."""
    progress.start("pod", f"{_name(before)} has ended; waiting for the next")
    known = _started(before)
    while True:
        time.sleep(PAUSE)
        try:
            service = find_service(name, settings, Silent())
            pod = choose(service)
        except (NoPod, ClusterUnreachable):
            continue
        if _started(pod) not in ("", known):
            return service, pod


def _of(service: Service, pod: Manifest, progress: Progress, lines: int | None, *, previous: bool, follow: bool) -> Iterator[str]:
    values = _known_values(service, pod, progress)
    container = pod["spec"]["containers"][0]["name"]
    said = log_lines(service.cluster, _name(pod), container, silence=SILENCE, lines=lines, previous=previous, follow=follow)
    try:
        yield from redacted(said, values)
    except ClusterUnreachable:
        if not follow:
            raise
    except OperationFailed as error:
        raise NoLog(error.message, hint=_instead(service, pod, previous=previous)) from None


def redacted(lines: Iterator[str], values: Sequence[bytes]) -> Iterator[str]:
    """Each line as it may be shown; of a private key over several lines only that there was one."""
    inside = False
    for line in lines:
        begins, ends = "-----BEGIN " in line and "PRIVATE KEY" in line, "-----END " in line and "PRIVATE KEY" in line
        if not inside:
            yield strike(redact_text(line), values) if not begins else REDACTED
        inside = (inside or begins) and not ends


def _known_values(service: Service, pod: Manifest, progress: Progress) -> list[bytes]:
    try:
        return protect_secrets(service.cluster, [pod])
    except ClusterForbidden:
        progress.warn("the pod's Secrets may not be read with your rights: only what looks like a key is struck from the log")
        return []


def _instead(service: Service, pod: Manifest, *, previous: bool) -> str:
    name = service.environment.name
    if previous and not any(status.get("restartCount") for status in listing(pod, "status", "containerStatuses")):
        return f"helmtool logs {name}: the container was not restarted"
    return f"helmtool describe {name}"


def _name(pod: Manifest) -> str:
    return text(pod, "metadata", "name")


def _started(pod: Manifest) -> str:
    """The container as the node's engine knows it: another one after each restart; empty before the first start."""
    return next((text(status, "containerID") for status in listing(pod, "status", "containerStatuses")[:1]), "")
