"""Nothing takes an encrypted file's place that was not decrypted again and compared."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from helmtool.adapters.files import SUFFIX
from helmtool.adapters.sops import Sops
from helmtool.errors import InvalidInput, OperationFailed
from helmtool.model.age import Identity
from helmtool.model.envelope import Form


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
        if all(_gives_back(content, plain, key, attempt, each) for each in each_key(identity, recipients)):
            return content, attempt
    raise NotProven(f"{key}: what sops encrypted does not decrypt to the same; nothing was changed", hint="sops --version")


def each_key(identity: Identity, recipients: Sequence[str]) -> list[Identity]:
    """The identity's keys one by one, those that a recipient belongs to; the whole where that is not known."""
    if identity.opens is None:
        return [identity]
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
