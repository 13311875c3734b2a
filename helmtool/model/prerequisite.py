"""What a pod mounts and the chart does not make: it must be there before a release."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from helmtool.model.manifest import Manifest, ObjectKey, key_of
from helmtool.model.reading import at, listing, text


class Prerequisite(NamedTuple):
    """A Secret or claim of somebody else, and the volume that needs it; a pod starts without an `optional` one."""

    kind: str
    name: str
    volume: str
    optional: bool = False

    def key(self, namespace: str) -> ObjectKey:
        """Where it must be."""
        return ObjectKey("v1", self.kind, namespace, self.name)


def prerequisites(manifests: Iterable[Manifest]) -> list[Prerequisite]:
    """Of rendered objects: the Secrets and claims that a Deployment's pods mount and that are not among the objects."""
    manifests = list(manifests)
    made = {(key.kind, key.name) for key in map(key_of, manifests)}
    found = [each for m in manifests if m.get("kind") == "Deployment" for each in _mounted(m)]
    return [each for each in dict.fromkeys(found) if (each.kind, each.name) not in made]


def _mounted(deployment: Manifest) -> Iterator[Prerequisite]:
    for volume in listing(deployment, "spec", "template", "spec", "volumes"):
        name = text(volume, "name")
        if secret := text(volume, "secret", "secretName"):
            yield Prerequisite("Secret", secret, name, at(volume, "secret", "optional") is True)
        if claim := text(volume, "persistentVolumeClaim", "claimName"):
            yield Prerequisite("PersistentVolumeClaim", claim, name)
