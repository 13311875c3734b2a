"""What other hands have changed of a release since it was made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from helmtool.model.change import compare
from helmtool.model.manifest import Manifest, ObjectKey, key_of, owned_by_helm
from helmtool.model.ownership import adds_to, other_writers
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


def find_drift(session: Reached, manifests: Sequence[Manifest]) -> list[Drift]:
    """Every object of a revision (those that Helm keeps) that applying it once more would change, as the API server's own dry run says, or
    that other hands have added fields to.

    Raises ClusterUnreachable and ClusterForbidden: a dry run asks for the right to write.
    """
    return drift_among(try_again(session, manifests))


def try_again(session: Reached, manifests: Sequence[Manifest]) -> list[Preflight]:
    """Each object of a revision as it lives, and what applying it once more would make of it. Raises what `find_drift` raises."""
    environment = session.environment
    return try_objects(session.cluster, [owned_by_helm(m, environment.release, environment.namespace) for m in manifests])


def drift_among(tried: Sequence[Preflight]) -> list[Drift]:
    """Those that are not as they were released."""
    return [drift for result in tried if (drift := _drift(result))]


def _drift(result: Preflight) -> Drift | None:
    key = key_of(result.manifest)
    if result.live is None:
        return Drift(key, gone=True, hands=())
    same = result.answer.status < 400 and not result.conflict and compare(key, result.live, result.answer.body) is None
    if same and not adds_to(result.live):
        return None
    return Drift(key, gone=False, hands=other_writers(result.live))
