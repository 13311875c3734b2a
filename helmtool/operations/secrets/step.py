"""The secrets' part of a release: read and named before the confirmation, applied under the lock before Helm, pruned at the end."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Awaitable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from helmtool.adapters.files import VARIABLE, find_checkout
from helmtool.errors import HelmtoolError, InvalidInput, Refused, UsageError
from helmtool.model.change import Change, Effect
from helmtool.model.manifest import Manifest, ObjectKey
from helmtool.model.redaction import protect, spare
from helmtool.model.revision import Revision
from helmtool.model.secret_version import PLACEHOLDER, KeyChanges, SecretVersion, compare_keys, mounted_name, shown
from helmtool.operations.compose import INLINE, VAULT, VERSIONED, Composed
from helmtool.operations.progress import Progress
from helmtool.operations.reach import Reached
from helmtool.operations.secrets.bundle import Bundle, read_bundle
from helmtool.operations.secrets.identity import find_identity
from helmtool.operations.secrets.versions import VersionPlan, apply, in_use, plan, store_of
from helmtool.operations.secrets.versions import prune as prune_versions
from helmtool.operations.session import Session

if TYPE_CHECKING:
    from helmtool.operations.lock import Lock

LOCK_NAME = "helmtool/secret"
"""The annotation of the lock that names the version in use by a release under way."""


class ServicesConfigMissing(UsageError):
    """Nobody said where the encrypted files are."""

    code = "services-config-missing"


class NoVersionInUse(InvalidInput):
    """There is no secret to keep."""

    code = "no-secret-in-use"


class SecretGone(Refused):
    """The Secret that a revision names is not in the cluster any more."""

    code = "secret-gone"


class SecretOptions(NamedTuple):
    """Where the secret files come from. `unchanged` keeps what is in use; `look_only` (a diff) does so too where nothing is said."""

    services_config: Path | None = None
    identity: Path | None = None
    unchanged: bool = False
    look_only: bool = False

    @property
    def given(self) -> bool:
        """Whether a checkout is named on the command line, which asks for a version."""
        return self.services_config is not None

    @property
    def known(self) -> bool:
        """Whether there is a checkout to decrypt: named, or in the environment's variable."""
        return self.given or bool(os.environ.get(VARIABLE))


class PreparedSecrets(NamedTuple):
    """What was read: the values with the name in them, and what is to be applied (nothing where nothing is)."""

    composed: Composed
    plan: VersionPlan | None = None

    @property
    def names(self) -> dict[str, str]:
        """What the lock names, so that nobody else removes it meanwhile."""
        return {LOCK_NAME: self.composed.secret_name} if self.composed.secret_mode == VERSIONED else {}

    @property
    def document(self) -> dict[str, Any]:
        """What may be told of it, as JSON shows it."""
        changes = self.plan.changes if self.plan else KeyChanges()
        name = "" if self.composed.secret_mode == VAULT else self.composed.secret_name
        new = bool(self.plan and self.plan.writes)
        keys = {"added": list(changes.added), "removed": list(changes.removed), "changed": list(changes.changed)}
        return {"mode": self.composed.secret_mode, "name": name, "new": new, **keys}


async def prepare(
    session: Session, composed: Composed, looking: Awaitable[Sequence[Revision]], options: SecretOptions, progress: Progress
) -> PreparedSecrets:
    """Decrypts, names and compares; reads only. In the other modes it tells what becomes of the secret.

    `looking` gives the kept revisions, once the cluster is known to be the right one.

    Raises ServicesConfigMissing, NoVersionInUse, SecretGone, and what reading the files, the identity and the cluster raises.
    """
    mode = composed.secret_mode
    if mode == VERSIONED:
        return await asyncio.to_thread(_prepare, session, composed, await looking, options, progress)
    if options.given:
        raise UsageError(
            f"the values say secrets.mode {mode}, which needs no --services-config", hint="leave it away, or secrets.mode: versioned"
        )
    _tell_mode(composed, progress)
    return PreparedSecrets(composed)


def _tell_mode(composed: Composed, progress: Progress) -> None:
    if composed.secret_mode == INLINE:
        for content in composed.values.data["secrets"]["data"].values():
            protect(base64.b64decode(content))
        progress.warn("secrets.mode is inline: Helm keeps the content in every revision, for everybody who may read Secrets here")
    elif composed.secret_mode == VAULT:
        progress.skip("secrets", "Vault injects them into the pod (mode vault)")
    else:
        progress.skip("secrets", f"{composed.secret_name} is mounted as it is (mode existing)")


def _prepare(
    session: Session, composed: Composed, revisions: Sequence[Revision], options: SecretOptions, progress: Progress
) -> PreparedSecrets:
    environment = session.environment
    spare(composed.image)
    serving = in_use(session, revisions)
    if options.unchanged or (options.look_only and not options.known):
        return _unchanged(session, composed, serving, options, progress)
    if not options.known:
        raise ServicesConfigMissing(
            f"{environment.name} makes a version of the secret (secrets: versioned), and nobody said where its files are",
            hint=f"--services-config DIR or {VARIABLE}, or --secrets-unchanged to keep the one in use",
        )
    bundle = read_bundle(environment.release, find_checkout(options.services_config), find_identity(session, options.identity))
    tell_of_bundle(bundle, progress)
    planned = plan(session, base_of(composed), bundle.files, serving)
    tell(planned, serving, progress)
    return PreparedSecrets(composed.with_secret(planned.name, changes_of(planned)), planned)


def _unchanged(session: Session, composed: Composed, serving: str, options: SecretOptions, progress: Progress) -> PreparedSecrets:
    name = session.environment.name
    anew = f"helmtool release {name} {composed.tag} --services-config DIR"
    if not serving:
        if options.look_only:
            progress.skip("secrets", f"nothing serves yet: {composed.secret_name} stands for the name")
            return PreparedSecrets(composed)
        raise NoVersionInUse(f"nothing serves in {name} yet, so there is no secret to keep", hint=anew)
    if not options.look_only and store_of(session).read(serving) is None:
        raise SecretGone(f"the Secret {serving} is in use and is gone", hint=anew)
    progress.done("secrets", f"{serving} stays in use")
    return PreparedSecrets(composed.with_secret(serving))


def base_of(composed: Composed) -> str:
    """What the names of versions begin with."""
    return composed.secret_name.removesuffix(f"-{PLACEHOLDER}")


def tell_of_bundle(bundle: Bundle, progress: Progress) -> None:
    """Warns of what a person should know of the files."""
    for text in bundle.warnings:
        progress.warn(text)
    if bundle.plain:
        progress.warn(f"not encrypted in the checkout: {', '.join(bundle.plain)}")


def tell(planned: VersionPlan, serving: str, progress: Progress) -> None:
    """Tells the name and which keys differ, and warns of a lost key and of the Secret that is left behind."""
    if planned.key_was_lost:
        progress.warn("the key of the secrets' names is gone: the secret gets a new name and the pod restarts, whether or not it changed")
    if serving == planned.base:
        progress.warn(f"the Secret {serving} of today stays as it is; after this release nothing of it is used")
    state = "is there already" if planned.exists else "is new"
    progress.done("secrets", f"{planned.name} {state}; {planned.changes}")


def changes_of(planned: VersionPlan) -> tuple[Change, ...]:
    """What a diff shows of it: the names of keys, and which of them have another content."""
    return _change(planned.before, planned.name, planned.files)


def changes_to(session: Session, revisions: Sequence[Revision], manifests: Sequence[Manifest]) -> tuple[Change, ...]:
    """The same for going to the version that a revision's manifests mount; nothing where one of the two is gone, or none is mounted."""
    now, then = in_use(session, revisions), mounted_name(manifests)
    before, after = (store_of(session).read(name) if name and now != then else None for name in (now, then))
    return _change(before, after.name, after.files) if before and after else ()


def _change(before: SecretVersion | None, name: str, files: Mapping[str, bytes]) -> tuple[Change, ...]:
    if before and before.name == name:
        return ()
    keys = compare_keys(before.files if before else {}, files)
    old = shown(before.name, before.files) if before else None
    reason = str(keys) if keys else "same content under a new name"
    return (Change(ObjectKey("v1", "Secret", "", name), old, shown(name, files, keys.changed), Effect.IN_PLACE, reason),)


async def write(session: Session, secrets: PreparedSecrets, lock: Lock, progress: Progress) -> None:
    """Applies the version that was prepared; nothing where it is there.

    Raises KeyMadeMeanwhile, VersionDiffers, OperationFailed and Unreachable.
    """
    if secrets.plan is None:
        return
    lock.require()
    made = await asyncio.to_thread(apply, session, secrets.plan)
    if made:
        progress.done("secrets", f"applied {secrets.plan.name}, immutable")


async def prune(session: Session, secrets: PreparedSecrets, lock: Lock, progress: Progress) -> None:
    """Removes versions that nothing names; what keeps it from that is a warning: the release is done."""
    if secrets.composed.secret_mode != VERSIONED:
        return
    try:
        lock.require()
        await asyncio.to_thread(prune_versions, session, secrets.composed.secret_name, progress)
    except HelmtoolError as error:
        progress.warn(f"versions of the secret that nobody uses stay: {error.message}")


def require_secret(session: Reached, target: Revision, manifests: Sequence[Manifest]) -> None:
    """Raises SecretGone where the pods of a revision would wait for a Secret that is not there."""
    name = mounted_name(manifests)
    own = any(m.get("kind") == "Secret" and (m.get("metadata") or {}).get("name") == name for m in manifests)
    if name and not own and store_of(session).read(name) is None:
        raise SecretGone(
            f"revision {target.number} mounts the Secret {name}, which is gone: its pod would wait for it",
            hint=f"helmtool history {session.environment.name}; --force goes there all the same",
        )
