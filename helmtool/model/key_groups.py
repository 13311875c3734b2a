"""Who can decrypt a file of sops: its recipients of every kind, in key groups, and how many of the groups that takes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

_KINDS = {
    "age": ("age", "{recipient}"),
    "pgp": ("pgp", "{fp}"),
    "kms": ("kms", "{arn}"),
    "gcp_kms": ("gcp-kms", "{resource_id}"),
    "hckms": ("hckms", "{key_id}"),
    "azure_kv": ("azure-kv", "{vault_url}/keys/{name}/{version}"),
    "hc_vault": ("hc-vault-transit", "{vault_address}/v1/{engine_path}/keys/{key_name}"),
}
"""By their list in the metadata (sops' stores/stores.go): the name of the kind in sops' options, and what identifies a recipient."""
_AGE_KEY = re.compile(r"age1[02-9a-z]+|age1pq1[0-9a-z]+")
DEEPEST = 8
"""Parts of a flattened name (dotenv, INI); sops uses six."""


class Recipient(NamedTuple):
    """One recipient: its kind as in sops' options (`--pgp`, `--rm-pgp`), and its identifier."""

    kind: str
    name: str

    def __str__(self) -> str:
        """As it is shown and compared: an age recipient by itself, an SSH key without its comment, others behind their kind."""
        words = self.name.split() if self.kind == "age" else [*self.kind.split(), *self.name.split()]
        return " ".join(words[:2] if self.kind == "age" and self.name.startswith("ssh-") else words)

    @property
    def is_age_key(self) -> bool:
        """Whether its private key is one of age-keygen's, and not one of SSH, of a plugin or of a key service."""
        return self.kind == "age" and bool(_AGE_KEY.fullmatch(self.name))

    @property
    def is_offline(self) -> bool:
        """Whether sops encrypts for it without starting another program and without a network."""
        return self.is_age_key or (self.kind == "age" and self.name.startswith("ssh-"))


class KeyGroups(NamedTuple):
    """The key groups of a file. One recipient of a group opens that group; `threshold` of the groups open the file."""

    groups: tuple[tuple[Recipient, ...], ...] = ()
    threshold: int = 1

    @property
    def recipients(self) -> tuple[Recipient, ...]:
        """The recipients of all groups, none twice."""
        return tuple(dict.fromkeys(recipient for group in self.groups for recipient in group))

    def __str__(self) -> str:
        """All recipients; several groups in parentheses, behind how many of them it takes."""
        shown = [", ".join(map(str, group)) for group in self.groups]
        if len(shown) < 2:
            return ", ".join(shown) or "nobody"
        return f"{self.threshold} of {len(shown)} key groups together: {', '.join(f'({group})' for group in shown)}"

    def same_as(self, other: KeyGroups) -> bool:
        """Whether the same people can decrypt; the order of recipients and groups does not count."""
        mine, theirs = (sorted(sorted({str(recipient) for recipient in group}) for group in one.groups) for one in (self, other))
        return self.threshold == other.threshold and mine == theirs

    def opened_by(self, recipients: Collection[str]) -> int:
        """How many of the groups these age recipients open."""
        return sum(any(str(recipient) in recipients for recipient in group) for group in self.groups)

    def lost(self, kept: Collection[str]) -> str:
        """What a file for `kept` in one group would lose: key groups, or recipients other than age keys. Empty if nothing."""
        if len(self.groups) > 1:
            return f"it is for {self}"
        lost = [str(one) for one in self.recipients if not one.is_age_key and str(one) not in kept]
        return f"it is also for {', '.join(lost)}" if lost else ""


def read_key_groups(metadata: Mapping[str, Any]) -> KeyGroups:
    """The key groups of sops' metadata. As sops does: recipients outside of `key_groups` are the only group."""
    only = _group(metadata)
    groups = [only] if only else [_group(group) for group in _mappings(metadata.get("key_groups"))]
    text = str(metadata.get("shamir_threshold", ""))
    threshold = int(text) if re.fullmatch(r"[0-9]{1,4}", text) else 0
    return KeyGroups(tuple(groups), (threshold or len(groups)) if len(groups) > 1 else 1)


def _group(metadata: Mapping[str, Any]) -> tuple[Recipient, ...]:
    found = [_recipient(kind, entry) for kind, entries in metadata.items() if kind != "key_groups" for entry in _mappings(entries)]
    return tuple(dict.fromkeys(found))


def _recipient(kind: str, entry: Mapping[str, Any]) -> Recipient:
    """A kind that is not known here is identified by all that is said of it."""
    texts = {str(name): value for name, value in entry.items() if isinstance(value, str) and name not in ("enc", "created_at")}
    option, identifier = _KINDS.get(str(kind), (str(kind).replace("_", "-"), ""))
    name = identifier.format_map(_Known(texts)) if identifier else " ".join(texts.values())
    if option == "kms" and texts.get("role"):
        name += f"+{texts['role']}"
    return Recipient(option, name)


class _Known(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "?"


def _mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    yield from (one for one in value if isinstance(one, Mapping)) if isinstance(value, list) else ()


def unflatten(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """sops' metadata as dotenv and INI files hold it (`age__list_0__map_recipient`), as lists and mappings."""
    tree: dict[str, Any] = {}
    for name, value in pairs:
        *path, last = name.split("__")[:DEEPEST]
        node: Any = tree
        for part in path:
            node = node.setdefault(part, {}) if isinstance(node, dict) else None
        if isinstance(node, dict):
            node[last] = value
    return {name: _unflattened(value) for name, value in tree.items()}


def _unflattened(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    if node and all(name.startswith("list_") for name in node):
        return [_unflattened(value) for value in node.values()]
    return {name.removeprefix("map_"): _unflattened(value) for name, value in node.items()}
