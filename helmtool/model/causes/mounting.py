"""Causes between the node that takes the pod and the start of its containers: volumes, and what their settings refer to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from helmtool.model.causes.catalogue import make
from helmtool.model.causes.cause import Cause, Certainty
from helmtool.model.causes.clock import span
from helmtool.model.causes.pods import VOLUME_SETTINGS, Container, containers, names
from helmtool.model.manifest import Manifest
from helmtool.model.observation import Observation
from helmtool.model.reading import listing, message_of, text

STAY = 12.0
"""Seconds between the first failure and the last: the kubelet mounts again after 0.5, 1, 2, 4 and 8 s, so this is the sixth try, and
what somebody makes within some seconds is not reported as missing."""
CONFIG_STAY = 10.0
"""The same for what a container's settings refer to, which the kubelet looks for about every 10 s."""
VOLUME = re.compile(r'for volume "([^"]+)"')
RULES = (
    ("secret-key-missing", re.compile(r"references non-existent secret key: (?P<key>[^\s\"]+)")),
    ("configmap-key-missing", re.compile(r"references non-existent config key: (?P<key>[^\s\"]+)")),
    ("secret-key-missing", re.compile(r"couldn't find key (?P<key>\S+) in Secret (?:\S+/)?(?P<secret>\S+)")),
    ("configmap-key-missing", re.compile(r"couldn't find key (?P<key>\S+) in ConfigMap (?:\S+/)?(?P<configmap>\S+)")),
    ("secret-missing", re.compile(r'secrets? "(?P<secret>[^"]+)" not found')),
    ("configmap-missing", re.compile(r'configmaps? "(?P<configmap>[^"]+)" not found')),
    ("host-path", re.compile(r"hostPath type check failed: (?P<path>\S+) (?P<said>.+)")),
)
"""What the kubelet says, and the names in it."""


def mounting_causes(observation: Observation) -> Iterator[Cause]:
    """What the kubelet says of volumes that it cannot mount, and of settings that refer to what is not there."""
    for pod in observation.new_pods:
        events = observation.events_of(pod)
        waiting = [c for c in containers(pod) if c.waiting]
        if any(text(c.waiting, "reason") in ("ContainerCreating", "PodInitializing") for c in waiting) or not text(
            pod, "status", "startTime"
        ):
            yield from _unmounted(observation, pod, [e for e in events if text(e, "reason") in ("FailedMount", "FailedAttachVolume")])
        for container in (c for c in waiting if text(c.waiting, "reason") == "CreateContainerConfigError"):
            yield _unset(observation, container, [e for e in events if text(e, "reason") == "Failed"])


def _unmounted(observation: Observation, pod: Manifest, failed: list[Manifest]) -> Iterator[Cause]:
    by_volume: dict[str, list[Manifest]] = {}
    for event in failed:
        found = VOLUME.search(message_of(event))
        if found:
            by_volume.setdefault(found[1], []).append(event)
    for volume, events in by_volume.items():
        said = message_of(events[-1])
        code, more = _judge(said)
        more = {**_mounted(pod, volume), **more}
        final = Certainty.CERTAIN if span(events) >= STAY else Certainty.LIKELY
        given = {**names(observation, pod), "volume": volume, "said": said.rpartition(" : ")[2], **more}
        yield make(code, given, [f"FailedMount: {said}"], final, VOLUME_SETTINGS.get(_name_in_pod(pod, volume), ()))


def _judge(said: str) -> tuple[str, dict[str, str]]:
    for code, pattern in RULES:
        if found := pattern.search(said):
            return code, found.groupdict()
    return "mount-fails", {}


def _mounted(pod: Manifest, volume: str) -> dict[str, str]:
    """The names of the Secret or ConfigMap that a volume of the pod mounts: a missing key's message has only the key."""
    found = next((v for v in listing(pod, "spec", "volumes") if text(v, "name") == volume), {})
    return {"secret": text(found, "secret", "secretName"), "configmap": text(found, "configMap", "name")}


def _name_in_pod(pod: Manifest, volume: str) -> str:
    """The kubelet names a claim's volume by the PersistentVolume; the pod has it under its own name."""
    own = [text(v, "name") for v in listing(pod, "spec", "volumes")]
    claims = [text(v, "name") for v in listing(pod, "spec", "volumes") if text(v, "persistentVolumeClaim", "claimName")]
    return volume if volume in own else claims[0] if len(claims) == 1 else ""


def _unset(observation: Observation, container: Container, failed: list[Manifest]) -> Cause:
    """A variable of the container that is to come from what is not there."""
    said = message_of(container.waiting)
    code, more = _judge(said)
    final = Certainty.CERTAIN if span(e for e in failed if said in message_of(e)) >= CONFIG_STAY else Certainty.LIKELY
    given: Mapping[str, str] = {**names(observation, container.pod, container), "said": said, **more}
    evidence = [f"CreateContainerConfigError: {said}"]
    return make(code if code != "mount-fails" else "start-fails", given, evidence, final, ())
