"""Pods and their containers, as the looks of the catalogue read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from helmtool.model.manifest import Manifest
from helmtool.model.observation import Observation
from helmtool.model.path import Path
from helmtool.model.prepull_pod import brief
from helmtool.model.reading import at, listing, mapping, message_of, number, text

VOLUME_SETTINGS: Mapping[str, Path] = {
    "proxy-secrets": ("sharedSecrets", "proxy"),
    "secrets": ("secrets", "name"),
    "robot-secrets": ("sharedSecrets", "robot"),
    "hmac-secrets": ("sharedSecrets", "hmac"),
    "token-secrets": ("sharedSecrets", "token"),
    "etc-grid-security": ("gridSecurity", "hostPath"),
    "eos": ("eos", "hostPath"),
    "eos-krb": ("eos", "krbSecret"),
    "cms-pvc": ("cvmfs", "claimName"),
    "work-dir": ("workDir", "claimName"),
    "logs": ("logs", "claimName"),
}
"""The chart's volumes, and the value that says what is mounted there."""


REPEATED_ENDS = 3
"""Ends in a row that make it certain: a first start may meet what is late, and the second follows at once; the third is 10 s later."""
KILLED_BY = {"startup-too-short": "failed startup probe", "liveness-too-early": "failed liveness probe"}
"""Causes of a kill, and the kubelet's words for it."""


class Container(NamedTuple):
    """One container of a pod: how the pod asks for it, and what the kubelet says of it."""

    pod: Manifest
    spec: Manifest
    status: Manifest
    is_init: bool = False

    @property
    def name(self) -> str:
        """As the pod calls it."""
        return text(self.spec, "name")

    @property
    def key(self) -> tuple[str, str]:
        """The names of the pod and of the container."""
        return text(self.pod, "metadata", "name"), self.name

    @property
    def waiting(self) -> Manifest:
        """Why it does not run; empty where it does, or has ended."""
        return mapping(self.status, "state", "waiting")

    @property
    def ended(self) -> Manifest:
        """How it ended last, now or before its present start; empty where it never did."""
        return mapping(self.status, "state", "terminated") or mapping(self.status, "lastState", "terminated")

    @property
    def is_running(self) -> bool:
        """Whether its process runs."""
        return isinstance(at(self.status, "state", "running"), dict)

    @property
    def is_ready(self) -> bool:
        """Whether its readiness probe holds."""
        return at(self.status, "ready") is True

    @property
    def ends(self) -> int:
        """How often it has ended."""
        return (number(self.status, "restartCount") or 0) + bool(mapping(self.status, "state", "terminated") or self._backs_off)

    @property
    def ends_alike(self) -> bool:
        """Whether the two ends that can be seen have the same exit code; one alone is alike."""
        ends = [mapping(self.status, state, "terminated") for state in ("state", "lastState")]
        return len({number(end, "exitCode") for end in ends if end}) <= 1

    @property
    def _backs_off(self) -> bool:
        """While it backs off, the last end is in `lastState`, and `restartCount` does not count it yet."""
        return text(self.waiting, "reason") == "CrashLoopBackOff"


def containers(pod: Manifest) -> Iterator[Container]:
    """The pod's init containers, then its own."""
    for specs, statuses, is_init in (
        ("initContainers", "initContainerStatuses", True),
        ("containers", "containerStatuses", False),
    ):
        told = {text(status, "name"): status for status in listing(pod, "status", statuses)}
        for spec in listing(pod, "spec", specs):
            yield Container(pod, spec, told.get(text(spec, "name"), {}), is_init)


def all_containers(observation: Observation) -> Iterator[Container]:
    """The containers of the new pods."""
    for pod in observation.new_pods:
        yield from containers(pod)


def names(observation: Observation, pod: Manifest | None = None, container: Container | None = None) -> dict[str, str]:
    """The names that sentences and commands are made of."""
    image = text(container.spec, "image") if container else ""
    return {
        "namespace": text(observation.deployment, "metadata", "namespace"),
        "deployment": text(observation.deployment, "metadata", "name"),
        "pod": text(pod, "metadata", "name"),
        "node": text(pod, "spec", "nodeName"),
        "container": container.name if container else "",
        "image": brief(image),
        "registry": image.partition("/")[0],
        "tag": image.partition("@")[0].rpartition(":")[2],
    }


def volumes(pod: Manifest) -> Iterator[tuple[str, str, str]]:
    """Each volume of the pod: its name, the kind of what it mounts (secret, configmap, claim, path) and that one's name."""
    for volume in listing(pod, "spec", "volumes"):
        for kind, path in (
            ("secret", ("secret", "secretName")),
            ("configmap", ("configMap", "name")),
            ("claim", ("persistentVolumeClaim", "claimName")),
            ("path", ("hostPath", "path")),
        ):
            if found := text(volume, *path):
                yield text(volume, "name"), kind, found


def setting_of(pod: Manifest, kind: str, name: str) -> Path | None:
    """The value that names what a volume of the pod mounts; nothing where the chart has none."""
    return next((VOLUME_SETTINGS.get(volume) for volume, of, found in volumes(pod) if (of, found) == (kind, name)), None)


def is_repeated(container: Container) -> bool:
    """Whether the container has ended so often, and alike, that it will again."""
    return container.ends >= REPEATED_ENDS and container.ends_alike and not container.is_running


def killer(observation: Observation, container: Container) -> str:
    """The code of the probe that had the container killed; empty where it ended by itself."""
    if not container.ended:
        return ""
    kills = [message_of(e) for e in observation.events_of(container.pod) if text(e, "reason") == "Killing"]
    told = [code for message in kills for code, words in KILLED_BY.items() if f"Container {container.name} {words}" in message]
    return told[-1] if told else ""
