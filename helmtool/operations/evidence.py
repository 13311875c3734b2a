"""Gathers what a rollout left as evidence, before a rollback deletes it, and tells what it shows."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from helmtool.adapters.cluster import Cluster
from helmtool.adapters.pod_log import last_lines
from helmtool.errors import HelmtoolError
from helmtool.model.causes.pods import Container, all_containers
from helmtool.model.manifest import Manifest, ObjectKey
from helmtool.model.observation import Observation
from helmtool.model.reading import listing, mapping, text
from helmtool.model.redaction import REDACTED, protect, redact_lines
from helmtool.model.secret_parts import SHORTEST

READ_LINES, READ_BYTES = 60, 64 * 1024
"""What is asked of the kubelet: more than is shown, for a key that goes over several lines is recognised by its first."""
KEPT_LINES, KEPT_WIDTH = 20, 300
"""What is kept of a log: the newest lines, and of each its beginning."""
MOST_CONTAINERS = 4
"""Containers whose logs are read; a Deployment of one replica has one or two new pods."""
MOST_SECRETS = 20
BARE = re.compile(r"[A-Za-z0-9+/=_-]{40,}")
"""A line, or the rest of one after its last space, that may be a piece of a key whose first line was not read."""


def with_logs(cluster: Cluster, observation: Observation) -> Observation:
    """The observation with the last lines of the new containers that ended or are not ready.

    The lines are redacted: what looks like a key is struck, and every value of the Secrets that the pod reads. Where those may
    not be read no line is kept, for nobody knows then what must not be shown; a log that cannot be read is left out too.
    """
    wanted = [c for c in all_containers(observation) if _says_why(c)][-MOST_CONTAINERS:]
    if not wanted:
        return observation
    try:
        values = protect_secrets(cluster, [c.pod for c in wanted])
    except HelmtoolError:
        return observation
    found = cluster.in_parallel([lambda c=c: _lines(cluster, c) for c in wanted])
    logs = {c.key: clean(lines, values) for c, lines in zip(wanted, found, strict=True) if lines}
    return replace(observation, logs={**observation.logs, **logs})


def clean(lines: Sequence[str], values: Iterable[bytes] = ()) -> tuple[str, ...]:
    """Lines of a log as they may be shown: redacted, of one key nothing even where only its end was read, bounded.

    `values` are short ones, which the redactor does not know: they are struck where they stand as a word.
    """
    values = list(values)
    kept = [strike(line, values) for line in redact_lines(_without_end_of_key(lines))]
    return tuple(line[:KEPT_WIDTH] for line in kept[-KEPT_LINES:])


def strike(line: str, values: Iterable[bytes]) -> str:
    """A redacted line without what may be a piece of a key, and without the short values where they stand as a word."""
    line = BARE.sub(_unless_a_word, line)
    for value in values:
        word = re.escape(value.decode(errors="replace"))
        line = re.sub(rf"(?<!\w){word}(?!\w)", REDACTED, line)
    return line


def _says_why(container: Container) -> bool:
    return bool(container.ended) or (container.is_running and not container.is_ready)


def _lines(cluster: Cluster, container: Container) -> Sequence[str]:
    """Of the container that ended, where one did and has been started again."""
    pod, name = container.key
    before = container.is_running and bool(container.ended)
    try:
        return last_lines(cluster, pod, name, lines=READ_LINES, limit=READ_BYTES, previous=before)
    except HelmtoolError:
        return []


def _without_end_of_key(lines: Sequence[str]) -> list[str]:
    """The lines after the end of a key whose beginning was not read."""
    for number, line in enumerate(lines):
        if "-----BEGIN " in line:
            break
        if "PRIVATE KEY" in line and "-----END " in line:
            return [REDACTED, *lines[number + 1 :]]
    return list(lines)


def _unless_a_word(found: re.Match[str]) -> str:
    """A long row of letters is a path or a name where it has slashes and dashes only between words; else it is struck."""
    row = found[0]
    mixed = bool(re.search(r"[a-z]", row)) and bool(re.search(r"[A-Z]", row)) and bool(re.search(r"\d", row))
    return REDACTED if mixed else row


def protect_secrets(cluster: Cluster, pods: Sequence[Manifest]) -> list[bytes]:
    """Registers every value of the Secrets that the pods read, and gives those too short for that.

    Raises ClusterForbidden and ClusterUnreachable.
    """
    wanted = sorted({name for pod in pods for name in _secret_names(pod)})[:MOST_SECRETS]
    found = cluster.in_parallel([lambda n=n: cluster.get(ObjectKey("v1", "Secret", cluster.namespace, n)) for n in wanted])
    values = [_decoded(value) for secret in found if secret for value in mapping(secret, "data").values()]
    for value in values:
        protect(value)
    return [value.strip() for value in values if 1 < len(value.strip()) < SHORTEST]


def _secret_names(pod: Manifest) -> Iterable[str]:
    for volume in listing(pod, "spec", "volumes"):
        yield from filter(None, [text(volume, "secret", "secretName")])
        yield from filter(None, [text(source, "secret", "name") for source in listing(volume, "projected", "sources")])
    for container in (*listing(pod, "spec", "containers"), *listing(pod, "spec", "initContainers")):
        yield from filter(None, [text(variable, "valueFrom", "secretKeyRef", "name") for variable in listing(container, "env")])
        yield from filter(None, [text(source, "secretRef", "name") for source in listing(container, "envFrom")])


def _decoded(value: object) -> bytes:
    try:
        return base64.b64decode(str(value))
    except (binascii.Error, ValueError):
        return b""
