"""Which age identity opens the files: a file that is named, the environment's variables, or the Secret of the cluster."""

from __future__ import annotations

import base64
import binascii
import os
from pathlib import Path

from helmtool.adapters.answer import ClusterForbidden
from helmtool.adapters.project import find_project
from helmtool.adapters.withheld import withheld
from helmtool.model.age import Identity, IdentityInvalid, parse_identity
from helmtool.model.manifest import ObjectKey
from helmtool.model.redaction import protect
from helmtool.operations.progress import Progress
from helmtool.operations.reach import Reached, check_cluster, reach
from helmtool.operations.settings import Settings

KEY, KEY_FILE = "SOPS_AGE_KEY", "SOPS_AGE_KEY_FILE"
LARGEST = 1024 * 1024


class IdentityMissing(IdentityInvalid):
    """There is no age identity where one was looked for."""

    code = "identity-missing"


def find_identity(session: Reached, file: Path | None) -> Identity:
    """The identity for an environment: `--identity`, SOPS_AGE_KEY, SOPS_AGE_KEY_FILE, else the Secret of its cluster.

    Raises IdentityMissing, IdentityInvalid (3), and Unreachable (5) where the Secret may not be read.
    """
    return local_identity(file) or cluster_identity(session)


def local_identity(file: Path | None) -> Identity | None:
    """The identity of a named file, else of the variables that sops itself knows; nothing where none is said."""
    if file:
        return _known(_read(file), f"{file}")
    if withheld(KEY).strip():
        return _known(withheld(KEY), KEY)
    if os.environ.get(KEY_FILE):
        return _known(_read(Path(os.environ[KEY_FILE]).expanduser()), f"{KEY_FILE} ({os.environ[KEY_FILE]})")
    return None


def chosen_identity(env: str | None, file: Path | None, settings: Settings, progress: Progress) -> Identity | None:
    """The identity for files alone: `--identity`, else of the named environment's cluster, else of the variables."""
    if env is None or file:
        return local_identity(file)
    return cluster_identity(reach(env, settings, progress))


def required_identity(env: str | None, file: Path | None, settings: Settings, progress: Progress) -> Identity:
    """The same, where there must be one. Raises IdentityMissing."""
    found = chosen_identity(env, file, settings, progress)
    if found is None:
        raise IdentityMissing(
            f"no age identity: neither --identity nor --env, and {KEY} and {KEY_FILE} are not set",
            hint="--env ENV takes it from that environment's cluster",
        )
    return found


def identity_secret(namespace: str) -> tuple[str, str]:
    """The Secret that holds a namespace's identity, and its key, as CMSWEB names them."""
    return f"{namespace}-keys-secrets", f"{namespace}-keys.txt"


def cluster_identity(session: Reached) -> Identity:
    """The identity that the environment's namespace holds. Raises IdentityMissing, IdentityInvalid, and Unreachable (5)."""
    check_cluster(session)
    namespace = session.cluster.namespace
    name, key = identity_secret(namespace)
    where = f"Secret {name} of namespace {namespace} in {session.access.cluster}"
    hint = "--identity FILE, or ask the keeper of the namespace"
    try:
        secret = session.cluster.get(ObjectKey("v1", "Secret", namespace, name))
    except ClusterForbidden as error:
        raise ClusterForbidden(
            f"{where} holds the age identity and may not be read: {error.message}",
            hint=f"kubectl auth can-i get secret/{name} -n {namespace}; {hint}",
        ) from None
    if secret is None:
        raise IdentityMissing(f"{where} is not there: the age identity is expected in its key {key}", hint=hint)
    data = secret.get("data") or {}
    if key not in data:
        raise IdentityMissing(f"{where} has no key {key}, only {', '.join(sorted(data)) or 'nothing'}", hint=hint)
    try:
        text = base64.b64decode(str(data[key]), validate=True).decode()
    except (binascii.Error, ValueError):
        raise IdentityInvalid(f"{where}: {key} is no text", hint=hint) from None
    return _known(text, f"{where}, key {key}")


def read_identity(file: Path) -> Identity:
    """The identity of one file. Raises IdentityMissing and IdentityInvalid."""
    return _known(_read(file), str(file))


def _read(file: Path) -> str:
    """The text of an identity file; a pipe will do, as of a shell's `<(…)`."""
    try:
        with file.open("rb") as stream:
            return stream.read(LARGEST).decode()
    except UnicodeDecodeError:
        raise IdentityInvalid(
            f"{file}: not a text: binary files of age are identities with a passphrase", hint="age-keygen -y FILE"
        ) from None
    except OSError as error:
        raise IdentityMissing(f"the age identity {file} cannot be read: {error.strerror}", hint="--identity FILE") from None


def _known(text: str, source: str) -> Identity:
    identity = parse_identity(text, source)
    for key in identity.keys:
        protect(key.encode())
    return identity


def environment_identity(env: str, file: Path | None, settings: Settings, progress: Progress) -> Identity:
    """The identity for an environment; its cluster is asked only where neither the file nor a variable says one.

    Raises UnknownEnvironment too: the name is checked in any case.
    """
    find_project(settings.config_dir).environment(env)
    return local_identity(file) or cluster_identity(reach(env, settings, progress))
