"""What other hands have changed of a release since it was made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from helmtool.adapters.cluster import KIND_UNKNOWN
from helmtool.model.change import compare
from helmtool.model.manifest import Manifest, ObjectKey, key_of
from helmtool.model.ownership import adds_to, other_writers
from helmtool.operations.preflight import Preflight, Try, begin_tries, finish_try
from helmtool.operations.reach import Reached


class Drift(NamedTuple):
    """One object that is not as the revision made it, and who wrote it beside Helm and when, the newest first.

    `why` is the sentence that the cluster does not know its kind any more, else empty.
    """

    key: ObjectKey
    gone: bool
    hands: tuple[str, ...]
    why: str = ""

    def __str__(self) -> str:
        what = f"{self.key} is gone{f': {self.why}' if self.why else ''}" if self.gone else f"{self.key} is not as it was released"
        return f"{what}, written by {', '.join(self.hands)}" if self.hands else what


def find_drift(session: Reached, manifests: Sequence[Manifest]) -> list[Drift]:
    """Every object of a revision (those that Helm keeps) that applying it once more would change, as the API server's own dry run says, or
    that other hands have added fields to.

    Raises ClusterUnreachable and ClusterForbidden: a dry run asks for the right to write.
    """
    tries, _ = begin_tries(session, manifests)
    return drift_among(session, tries)


def drift_among(session: Reached, tries: Sequence[Try]) -> list[Drift]:
    """The same of objects that are being tried already."""
    return [drift for each in tries if (drift := _drift(finish_try(session.cluster, each)))]


def _drift(result: Preflight) -> Drift | None:
    key = key_of(result.manifest)
    if result.live is None:
        return Drift(key, gone=True, hands=(), why=result.answer.message if result.answer.reason == KIND_UNKNOWN else "")
    same = result.answer.status < 400 and not result.conflict and compare(key, result.live, result.answer.body) is None
    if same and not adds_to(result.live):
        return None
    return Drift(key, gone=False, hands=other_writers(result.live))
