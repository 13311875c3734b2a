"""Nothing takes an encrypted file's place that was not decrypted again and compared."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from helmtool.adapters.files import SUFFIX
from helmtool.adapters.sops import Sops
from helmtool.errors import InvalidInput, OperationFailed
from helmtool.model.age import Identity
from helmtool.model.envelope import Form, read_envelope
from helmtool.model.key_groups import KeyGroups
from helmtool.model.redaction import protect


class NotProven(OperationFailed):
    """What sops encrypted does not give back what was put in."""

    code = "not-proven"


def encrypt_proven(plain: bytes, key: str, recipients: Sequence[str], form: Form, identity: Identity) -> tuple[bytes, Form]:
    """An encrypted file that gives back what was put in, and its form: the binary one where the wanted one would change it.

    Of JSON that is written by hand the data must come back, of everything else every byte. The identity must be able
    to open it, with each of its keys that a recipient belongs to. Raises NotProven and what sops raises.
    """
    for attempt in dict.fromkeys((form, Form.BINARY)):
        try:
            content = Sops(identity).encrypt(plain, key, recipients, attempt)
        except InvalidInput:
            if attempt is Form.BINARY:
                raise
            continue
        groups = read_envelope(content, key).key_groups
        if all(_gives_back(content, plain, key, attempt, each) for each in each_key(identity, groups)):
            return content, attempt
    raise _not_proven(key)


def edit_proven(old: bytes, path: Path, edited: bytes, form: Form, identity: Identity, folder: Path) -> bytes | None:
    """The file with another plaintext and everything else as it was; None if sops' form would change it or leave more of it in the clear.

    `folder` is one in memory. Raises NotProven and what sops raises.
    """
    key = path.name.removesuffix(SUFFIX)
    before = read_envelope(old, key)
    try:
        content = Sops(identity).edit(old, path, edited, form, folder)
    except InvalidInput:
        return None
    after = read_envelope(content, key)
    if not after.key_groups.same_as(before.key_groups):
        raise _not_proven(key)
    if after.partly_clear and not before.partly_clear:
        return None
    same = all(_gives_back(content, edited, key, form, each) for each in each_key(identity, before.key_groups))
    return content if same else None


def rotate_proven(old: bytes, path: Path, identity: Identity, new: Identity, recipients: Sequence[str]) -> bytes:
    """The file for other age recipients and with a new data key; every key of the new identity decrypts it to the same bytes.

    Raises NotProven and what sops raises.
    """
    key, sops = path.name.removesuffix(SUFFIX), Sops(identity)
    plain, before = sops.decrypt(old, path), read_envelope(old, key).recipients
    protect(plain)
    add = [one for one in recipients if one not in before]
    content = sops.rotate(old, path, add, [one for one in before if one not in recipients])
    groups = read_envelope(content, key).key_groups
    same = all(Sops(each).decrypt(content, path) == plain for each in each_key(new, groups))
    if not same or len(groups.groups) != 1 or {*map(str, groups.recipients)} != {*recipients}:
        raise _not_proven(key)
    return content


def _not_proven(key: str) -> NotProven:
    return NotProven(f"{key}: what sops encrypted does not decrypt to the same; nothing was changed", hint="sops --version")


def each_key(identity: Identity, groups: KeyGroups) -> list[Identity]:
    """The identity's keys one by one, those that open the file alone; the whole if that is not known or it takes several."""
    if identity.opens is None or groups.threshold > 1:
        return [identity]
    recipients = [str(recipient) for recipient in groups.recipients]
    # Computed from the keys in their order, so they go in pairs.
    pairs = zip(identity.keys, identity.recipients, strict=False)
    return [Identity((key,), identity.source, (recipient,)) for key, recipient in pairs if recipient in recipients] or [identity]


def _gives_back(content: bytes, plain: bytes, key: str, form: Form, identity: Identity) -> bool:
    back = Sops(identity).decrypt(content, Path(key + SUFFIX))
    return back == plain or (form is Form.JSON and _same_data(back, plain))


def _same_data(one: bytes, other: bytes) -> bool:
    try:
        return bool(json.loads(one) == json.loads(other))
    except ValueError:
        return False
