"""The versions in the cluster: which one a content is, applying it, who uses which, and removing those that nobody names."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from helmtool.adapters.secrets import VersionStore
from helmtool.adapters.storage import read_history
from helmtool.errors import Refused
from helmtool.model.manifest import parse_manifests
from helmtool.model.revision import Revision, running
from helmtool.model.secret_version import KEY_BYTES, KeyChanges, SecretVersion, compare_keys, key_name, mounted_name, version_name
from helmtool.operations.clock import now, who
from helmtool.operations.progress import Progress
from helmtool.operations.reach import Reached

ATTEMPTS = 5


class VersionDiffers(Refused):
    """A Secret has the name of a version, and another content."""

    code = "secret-differs"


class KeyMadeMeanwhile(Refused):
    """Somebody else made the key of the names at the same moment, so the name that was shown is not the one."""

    code = "secret-key-made-meanwhile"


@dataclass(frozen=True, slots=True)
class VersionPlan:
    """What applying a content will do: its name, whether it is there, and which keys differ from the version in use (`before`)."""

    base: str
    name: str
    files: Mapping[str, bytes] = field(repr=False)
    key: bytes = field(repr=False)
    key_is_new: bool
    key_was_lost: bool
    exists: bool
    before: SecretVersion | None
    changes: KeyChanges

    @property
    def writes(self) -> bool:
        """Whether applying it makes a Secret."""
        return not self.exists


class ListedVersion(NamedTuple):
    """A version, and what names it: `revision 3 (superseded)`, `Pod/…`, `Lease/…`; `current` is the one that serves."""

    version: SecretVersion
    users: tuple[str, ...]
    current: bool


def store_of(session: Reached) -> VersionStore:
    """The versions of the session's release."""
    return VersionStore(session.cluster, session.environment.release)


def plan(session: Reached, base: str, files: Mapping[str, bytes], in_use: str) -> VersionPlan:
    """Which version the content is; reads only. `in_use` names the Secret that serves now, empty for none.

    A key that is not there is made here and stored by `apply`. Raises ClusterForbidden, KeyDamaged and VersionDiffers.
    """
    store = store_of(session)
    stored = store.key(base)
    key = stored or secrets.token_bytes(KEY_BYTES)
    name = version_name(base, files, key)
    existing = store.read(name)
    if existing:
        _require_same(existing, files)
    before = existing if existing and in_use == name else store.read(in_use) if in_use else None
    return VersionPlan(
        base=base,
        name=name,
        files=files,
        key=key,
        key_is_new=stored is None,
        key_was_lost=stored is None and bool(store.versions()),
        exists=existing is not None,
        before=before,
        changes=compare_keys(before.files if before else {}, files),
    )


def apply(session: Reached, planned: VersionPlan) -> bool:
    """Makes the version, unless it is there, and gives whether it did; the key first, where it is new.

    A version that is there and that nothing names yet is claimed, so that another release does not remove it at this moment.
    Raises KeyMadeMeanwhile, VersionDiffers, OperationFailed and Unreachable.
    """
    store = store_of(session)
    if planned.key_is_new and not store.make_key(planned.base, planned.key):
        raise KeyMadeMeanwhile(
            f"somebody else made {key_name(planned.base)} at the same moment; nothing else was written",
            hint="run it again: with that key the name is another one",
        )
    for _ in range(ATTEMPTS):
        existing = store.read(planned.name)
        if existing is None:
            store.apply(planned.name, dict(planned.files))
            return True
        _require_same(existing, planned.files)
        in_use = planned.before is not None and planned.before.name == planned.name
        if in_use or store.claim(existing, f"{who()} {now()}"):
            return False
    raise VersionDiffers(f"the Secret {planned.name} changes all the time", hint=f"kubectl get secret {planned.name} -w")


def apply_with_any_key(session: Reached, planned: VersionPlan) -> tuple[VersionPlan, bool]:
    """The same where the name was not promised to anybody: with a key that somebody else has just made it is another one."""
    try:
        return planned, apply(session, planned)
    except KeyMadeMeanwhile:
        again = plan(session, planned.base, planned.files, planned.before.name if planned.before else "")
        return again, apply(session, again)


def in_use(session: Reached, revisions: Sequence[Revision]) -> str:
    """The Secret that the service mounts now: what the revision that serves names, else the live Deployment; empty for none."""
    served = running(revisions)
    if served:
        return mounted_name(parse_manifests(served.manifest))
    deployments = session.cluster.list("apps/v1", "Deployment")
    return mounted_name(d for d in deployments if d["metadata"]["name"] == session.environment.release)


def listed(session: Reached) -> list[ListedVersion]:
    """Every version of the release with everything that names it, oldest first."""
    versions = store_of(session).versions()
    revisions = read_history(session.cluster, session.environment.release)
    current = in_use(session, revisions)
    users = _users(session, versions, revisions)
    return [ListedVersion(version, tuple(users[version.name]), version.name == current) for version in versions]


def prune(session: Reached, keep: str, progress: Progress) -> tuple[str, ...]:
    """Removes every version that nothing names, and gives their names. `keep` is spared whatever names it.

    The versions are read before what names them: one that is applied, or claimed, after that is not of the state that
    would be deleted. What cannot be read ends it before anything is removed. Raises Unreachable and OperationFailed.
    """
    store = store_of(session)
    versions = [version for version in store.versions() if version.name != keep]
    if not versions:
        return ()
    users = _users(session, versions, read_history(session.cluster, session.environment.release))
    removed = tuple(version.name for version in versions if not users[version.name] and store.delete(version))
    if removed:
        progress.done("secrets", f"removed {', '.join(removed)}: no revision, ReplicaSet, pod or Lease names {_it(removed)}")
    return removed


def _users(session: Reached, versions: Sequence[SecretVersion], revisions: Sequence[Revision]) -> dict[str, list[str]]:
    names = [version.name for version in versions]
    users = store_of(session).named_in_objects(names)
    for revision in revisions:
        text = revision.manifest + json.dumps(revision.values)
        for name in (name for name in names if name in text):
            users[name].insert(0, f"revision {revision.number} ({revision.status.value})")
    return users


def _require_same(existing: SecretVersion, files: Mapping[str, bytes]) -> None:
    differs = compare_keys(existing.files, files)
    if differs:
        raise VersionDiffers(
            f"the Secret {existing.name} is not what its name says: {differs}; somebody has made it by hand",
            hint=f"kubectl get secret {existing.name} -o yaml; delete it when nothing uses it",
        )


def _it(names: Sequence[str]) -> str:
    return "it" if len(names) == 1 else "them"
