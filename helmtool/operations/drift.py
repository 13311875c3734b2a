"""What other hands have changed of a release since it was made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from helmtool.model.change import compare
from helmtool.model.manifest import Manifest, ObjectKey, key_of, owned_by_helm
from helmtool.model.ownership import adds_to, other_writers
from helmtool.operations.lives import Lives
from helmtool.operations.preflight import Preflight, try_objects
from helmtool.operations.reach import Reached


class Drift(NamedTuple):
    """One object that is not as the revision made it, and who wrote it beside Helm and when, the newest first."""

    key: ObjectKey
    gone: bool
    hands: tuple[str, ...]

    def __str__(self) -> str:
        what = f"{self.key} is gone" if self.gone else f"{self.key} is not as it was released"
        return f"{what}, written by {', '.join(self.hands)}" if self.hands else what


def find_drift(session: Reached, manifests: Sequence[Manifest], lives: Lives | None = None) -> list[Drift]:
    """Every object of a revision (those that Helm keeps) that applying it once more would change, as the API server's own dry run says, or
    that other hands have added fields to. `lives` may have been asked for the objects before.

    Raises ClusterUnreachable and ClusterForbidden: a dry run asks for the right to write.
    """
    environment = session.environment
    owned = [owned_by_helm(m, environment.release, environment.namespace) for m in manifests]
    results = try_objects(session.cluster, owned, lives or Lives(session.cluster))
    return [drift for result in results if (drift := _drift(result))]


def _drift(result: Preflight) -> Drift | None:
    key = key_of(result.manifest)
    if result.live is None:
        return Drift(key, gone=True, hands=())
    same = result.answer.status < 400 and not result.conflict and compare(key, result.live, result.answer.body) is None
    if same and not adds_to(result.live):
        return None
    return Drift(key, gone=False, hands=other_writers(result.live))
