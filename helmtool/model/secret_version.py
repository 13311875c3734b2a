"""Versions of the service's secret: one immutable Secret for each content, named by a keyed hash of it.

The name must say nothing about the content: a plain hash could be looked up for a guessed password. So the hash is keyed
(HMAC-SHA-256), and the key is in a Secret beside the versions.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from helmtool.errors import OperationFailed
from helmtool.model.manifest import Manifest
from helmtool.model.reading import at, listing, mapping, text
from helmtool.model.redaction import REDACTED

MANAGER = "helmtool-secrets"
"""The field manager of versions and key."""
COMPONENT = "app.kubernetes.io/component"
VERSION, KEY = "secret-version", "secret-version-key"
HASH_LENGTH = 16
"""Hexadecimal digits of a name: 64 bits, so that no two contents of one release ever meet."""
KEY_BYTES = 32
PLACEHOLDER = "placeholder"
"""What stands in a name for the hash where nothing was decrypted."""
CHANGED = "<redacted, changed>"


class KeyDamaged(OperationFailed):
    """The key of the names is there, but it is not one."""

    code = "secret-key-damaged"


class SecretUnreadable(OperationFailed):
    """A Secret that no API server would have taken."""

    code = "secret-unreadable"


@dataclass(frozen=True, slots=True)
class SecretVersion:
    """One version as it is stored. `created` is RFC 3339; uid and version name this very state of the object."""

    name: str
    created: str
    uid: str
    version: str
    files: Mapping[str, bytes] = field(repr=False)

    @property
    def keys(self) -> tuple[str, ...]:
        """The file names, sorted."""
        return tuple(sorted(self.files))


@dataclass(frozen=True, slots=True)
class KeyChanges:
    """Which file names were added, removed or have another content: all that may be told of a change."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)

    def __str__(self) -> str:
        """One line: `added a; removed b; changed c, d`."""
        parts = (("added", self.added), ("removed", self.removed), ("changed", self.changed))
        return "; ".join(f"{word} {', '.join(keys)}" for word, keys in parts if keys) or "no key changes"


def canonical(files: Mapping[str, bytes]) -> bytes:
    """One text for one content, whatever the order: each name and value with its length before it."""
    parts = [b"helmtool secret version 1\n"]
    for name in sorted(files):
        for part in (name.encode(), files[name]):
            parts += [len(part).to_bytes(8, "big"), part]
    return b"".join(parts)


def version_name(base: str, files: Mapping[str, bytes], key: bytes) -> str:
    """`<base>-<hash>`; without the key nobody can tell whether a guessed content has this name."""
    return f"{base}-{hmac.new(key, canonical(files), hashlib.sha256).hexdigest()[:HASH_LENGTH]}"


def placeholder_name(base: str) -> str:
    """The name that is shown where the content is not known."""
    return f"{base}-{PLACEHOLDER}"


def key_name(base: str) -> str:
    """The Secret that holds the key."""
    return f"{base}-key"


def compare_keys(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> KeyChanges:
    """What differs between two contents, by file name."""
    return KeyChanges(
        tuple(sorted(new.keys() - old.keys())),
        tuple(sorted(old.keys() - new.keys())),
        tuple(sorted(name for name in new.keys() & old.keys() if not hmac.compare_digest(new[name], old[name]))),
    )


def selector(release: str, component: str = VERSION) -> str:
    """The label selector of a release's versions."""
    return ",".join(f"{key}={value}" for key, value in _labels(release, component).items())


def version_object(name: str, namespace: str, release: str, files: Mapping[str, bytes]) -> Manifest:
    """The immutable Secret to apply."""
    return _secret(name, namespace, _labels(release, VERSION), files)


def key_object(base: str, namespace: str, release: str, key: bytes) -> Manifest:
    """The Secret that keeps the key."""
    return _secret(key_name(base), namespace, _labels(release, KEY), {"key": key})


def read_version(live: Manifest) -> SecretVersion:
    """A version, or any other Secret, as it is stored. Raises SecretUnreadable."""
    metadata = mapping(live, "metadata")
    name, created, uid, version = (str(metadata.get(key) or "") for key in ("name", "creationTimestamp", "uid", "resourceVersion"))
    return SecretVersion(name, created, uid, version, _files(live))


def read_key(live: Manifest) -> bytes:
    """The key out of its Secret. Raises KeyDamaged, without a word of what is there instead."""
    key = _files(live).get("key", b"")
    if len(key) != KEY_BYTES:
        name = (live.get("metadata") or {}).get("name")
        raise KeyDamaged(
            f"the Secret {name} should hold the key of the secrets' names, and holds something else",
            hint=f"kubectl delete secret {name}: a new key is made, and the secrets get new names",
        )
    return key


def shown(name: str, keys: Iterable[str], changed: Iterable[str] = ()) -> Manifest:
    """The version as a diff shows it: names of keys, no values."""
    marks = dict.fromkeys(sorted(keys), REDACTED) | dict.fromkeys(changed, CHANGED)
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "immutable": True, "data": marks}


def mounted_name(manifests: Iterable[Manifest]) -> str:
    """The Secret that a release's Deployment mounts as the service's own; empty where there is none (Vault)."""
    for manifest in manifests:
        if manifest.get("kind") == "Deployment":
            for volume in listing(manifest, "spec", "template", "spec", "volumes"):
                if volume.get("name") == "secrets" and "secret" in volume:
                    return text(volume, "secret", "secretName")
    return ""


def _labels(release: str, component: str) -> dict[str, str]:
    return {"app.kubernetes.io/managed-by": "helmtool", "app.kubernetes.io/instance": release, COMPONENT: component}


def _secret(name: str, namespace: str, labels: Mapping[str, str], files: Mapping[str, bytes]) -> Manifest:
    data = {key: base64.b64encode(files[key]).decode() for key in sorted(files)}
    metadata = {"name": name, "namespace": namespace, "labels": dict(labels)}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "immutable": True, "data": data}


def _files(live: Manifest) -> dict[str, bytes]:
    try:
        return {str(key): base64.b64decode(value or "") for key, value in mapping(live, "data").items()}
    except (ValueError, TypeError):
        name = at(live, "metadata", "name")
        raise SecretUnreadable(f"the Secret {name} holds what is not base64", hint=f"kubectl get secret {name} -o yaml") from None
