"""What a release would change, object by object, and what each change means for the running service."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

from helmtool.model.manifest import LAST_APPLIED, Manifest, ObjectKey, dump_manifest, redact
from helmtool.model.redaction import REDACTED
from helmtool.model.spelling import respell

LOSSES = {
    "Deployment": "the service goes away with it",
    "Service": "the service is not reached without it",
    "Ingress": "the service is not reached from outside without it",
    "PersistentVolumeClaim": "what is stored in it may go with it",
}
"""What is lost where an object of the kind is removed."""
KIND_GONE = "the cluster does not know its kind"
"""The reason of a change that cannot be made, nor any other of the release: Helm reads every object of both revisions."""
CHANGED_SECRET = "<redacted, changed>"  # noqa: S105 - a mark, not a secret
SERVER_METADATA = ("managedFields", "resourceVersion", "uid", "creationTimestamp", "generation", "selfLink")
CONTROLLER_ANNOTATIONS = (
    LAST_APPLIED,
    "deployment.kubernetes.io/revision",
    "pv.kubernetes.io/bind-completed",
    "pv.kubernetes.io/bound-by-controller",
)


class Effect(IntEnum):
    """What a change does to the service, from harmless to impossible."""

    NONE = 0
    IN_PLACE = 1
    RESTART = 2
    DOWNTIME = 3
    IMPOSSIBLE = 4

    @property
    def label(self) -> str:
        """The effect in a few words, for tables."""
        return ("no effect", "in place", "restarts the pod", "downtime", "impossible")[self]

    @property
    def serious(self) -> bool:
        """Whether users of the service notice it."""
        return self >= Effect.DOWNTIME


class Change(NamedTuple):
    """One object that would be added, changed or removed; `before` or `after` is nothing where the object is not there.

    `problem` is the API server's own reason where the change is impossible. Both documents are normalised and redacted.
    """

    key: ObjectKey
    before: Manifest | None
    after: Manifest | None
    effect: Effect
    reason: str
    problem: str = ""

    def __repr__(self) -> str:
        """Without the documents."""
        return f"Change({self.key}, {self.effect.name}, {self.reason!r})"

    @property
    def verb(self) -> str:
        """`add`, `remove` or `change`."""
        if self.before is None:
            return "add"
        return "remove" if self.after is None else "change"

    def unified(self, context: int = 3, names: tuple[str, str] = ("live", "new")) -> list[str]:
        """The change as lines of a unified diff of YAML, `context` lines around each hunk; `names` say what the sides are."""
        old, new = ([] if side is None else dump_manifest(side).splitlines() for side in (self.before, self.after))
        before = f"{names[0]} {self.key}" if self.before else "/dev/null"
        after = f"{names[1]} {self.key}" if self.after else "/dev/null"
        return list(difflib.unified_diff(old, new, before, after, n=context, lineterm=""))


def normalise(manifest: Manifest) -> Manifest:
    """The object without what only the API server and its controllers write."""
    metadata = {k: v for k, v in (manifest.get("metadata") or {}).items() if k not in SERVER_METADATA}
    annotations = {k: v for k, v in (metadata.get("annotations") or {}).items() if k not in CONTROLLER_ANNOTATIONS}
    metadata = {k: v for k, v in metadata.items() if k != "annotations"} | ({"annotations": annotations} if annotations else {})
    ordered = {"apiVersion": manifest.get("apiVersion"), "kind": manifest.get("kind"), "metadata": metadata}
    return ordered | {k: v for k, v in manifest.items() if k not in (*ordered, "status")}


def compare(key: ObjectKey, before: Manifest | None, after: Manifest | None) -> Change | None:
    """The change between two states of one object, or nothing where they are equal, or differ in the spelling of equal values."""
    old, new = (None if side is None else normalise(side) for side in (before, after))
    if old is not None and new is not None and old != new:
        old, new = respell(old, new)
    if old == new:
        return None
    effect, reason = classify(old, new)
    return Change(key, *_redacted(old, new), effect, reason)


def impossible(
    key: ObjectKey, before: Manifest | None, after: Manifest | None, problem: str, reason: str = "the API server refuses it"
) -> Change:
    """A change that the API server would refuse."""
    old, new = (None if side is None else normalise(side) for side in (before, after))
    return Change(key, *_redacted(old, new), Effect.IMPOSSIBLE, reason, problem)


def classify(old: Manifest | None, new: Manifest | None) -> tuple[Effect, str]:
    """What the change does, and why, from the kind of the object and the fields that differ."""
    kind = str((new or old or {}).get("kind"))
    if old is None:
        return Effect.IN_PLACE, "new object"
    if new is None:
        return (Effect.DOWNTIME, LOSSES[kind]) if kind in LOSSES else (Effect.IN_PLACE, "no longer needed")
    if kind == "Deployment":
        return _classify_deployment(old, new)
    if _without_metadata(old) == _without_metadata(new):
        return Effect.NONE, "labels or annotations only"
    return Effect.IN_PLACE, "no pod restarts for it"


def worst(changes: Iterable[Change]) -> Effect:
    """The gravest effect among the changes; none where there are none."""
    return max((change.effect for change in changes), default=Effect.NONE)


def summary(changes: Sequence[Change]) -> str:
    """How many objects change and what that does at worst, in a few words."""
    if not changes:
        return "no object changes"
    return f"{len(changes)} object{' changes' if len(changes) == 1 else 's change'}: {worst(changes).label}"


def _classify_deployment(old: Manifest, new: Manifest) -> tuple[Effect, str]:
    before, after = old.get("spec") or {}, new.get("spec") or {}
    if before.get("replicas", 1) and after.get("replicas", 1) == 0:
        return Effect.DOWNTIME, "no replica is left"
    if before.get("template") != after.get("template"):
        if (after.get("strategy") or {}).get("type") == "Recreate":
            return Effect.DOWNTIME, "the pod is stopped before the new one starts (Recreate)"
        return Effect.RESTART, "the pod template differs"
    if _without_metadata(old) == _without_metadata(new):
        return Effect.NONE, "labels or annotations only"
    return Effect.IN_PLACE, "the pod template is the same"


def _without_metadata(manifest: Manifest) -> Manifest:
    return {k: v for k, v in manifest.items() if k != "metadata"}


def _redacted(old: Manifest | None, new: Manifest | None) -> tuple[Manifest | None, Manifest | None]:
    """Both sides without values of secrets; a value that differs stays visible as a difference."""
    before, after = (None if side is None else redact(side) for side in (old, new))
    if old is None or new is None or after is None or new.get("kind") != "Secret":
        return before, after
    for section in ("data", "stringData"):
        values, previous = _keys(new, section), _keys(old, section)
        if values:
            after = after | {section: {k: REDACTED if previous.get(k, v) == v else CHANGED_SECRET for k, v in values.items()}}
    return before, after


def _keys(secret: Manifest, section: str) -> dict[str, Any]:
    found = secret.get(section)
    return found if isinstance(found, dict) else {}
