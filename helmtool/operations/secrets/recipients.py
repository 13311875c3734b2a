"""What is refused because a file's recipients or key groups would be lost, with the command of sops that keeps them."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence
from pathlib import Path

from helmtool.errors import InvalidInput
from helmtool.model.envelope import Envelope, Form
from helmtool.model.key_groups import KeyGroups, Recipient

IDENTITY = "SOPS_AGE_KEY_FILE=FILE"
GROUPS = "write the key groups into .sops.yaml, then:"


class RecipientsNotKept(InvalidInput):
    """helmtool cannot write the file without losing some of its recipients or its key groups; nothing was changed."""

    code = "recipients-not-kept"


def require_kept(envelope: Envelope, kept: Collection[str], what: str, hint: str) -> None:
    """Raises RecipientsNotKept, as `what`, for a file that would be for `kept` alone and would lose others by that."""
    lost = envelope.key_groups.lost(kept)
    if lost:
        raise RecipientsNotKept(f"{what}: {lost}, which helmtool cannot encrypt for; nothing was changed", hint=hint)


def offline(groups: KeyGroups) -> tuple[str, ...]:
    """The recipients for which helmtool encrypts: keys of age and SSH."""
    return tuple(str(one) for one in groups.recipients if one.is_offline)


def edit_command(path: Path, form: Form) -> str:
    """How to edit the file with sops itself."""
    return f"{IDENTITY} sops edit {_types(form)} {_word(path)}"


def encrypt_command(file: Path, target: Path, groups: KeyGroups, form: Form) -> str:
    """How to encrypt a file with sops for recipients of any kind."""
    end = f"{_types(form)} --output {_word(target)} {_word(file)}"
    return f"{GROUPS} sops encrypt {end}" if len(groups.groups) > 1 else f"sops encrypt {_options(groups.recipients, '--')} {end}"


def rotate_command(path: Path, envelope: Envelope, recipients: Sequence[str]) -> str:
    """How to keep or remove the recipients that a rotation does not replace."""
    found = envelope.key_groups.recipients
    if len(envelope.key_groups.groups) > 1:
        return f"{GROUPS} {IDENTITY} sops updatekeys --input-type {envelope.form} {_word(path)}"
    others = [one for one in found if not one.is_age_key and str(one) not in recipients]
    end = f"{_types(envelope.form)} {_word(path)}"
    removal = f"{IDENTITY} sops rotate --in-place {_options(others, '--rm-')} {end} removes them"
    if all(one.is_offline for one in others):
        return f"{' '.join(f'--recipient {_word(one)}' for one in others)} keeps them; {removal}"
    new = [Recipient("age", one) for one in recipients if one not in envelope.recipients]
    old = [one for one in found if one.is_age_key and str(one) not in recipients]
    changes = [_options(keys, option) for option, keys in (("--add-", new), ("--rm-", old)) if keys]
    return f"{IDENTITY} sops rotate --in-place {' '.join([*changes, end])} keeps them; {removal}"


def _options(recipients: Sequence[Recipient], prefix: str) -> str:
    kinds = dict.fromkeys(one.kind for one in recipients)
    names = {kind: ",".join(one.name for one in recipients if one.kind == kind) for kind in kinds}
    return " ".join(f"{prefix}{kind} {_word(joined)}" for kind, joined in names.items())


def _types(form: Form) -> str:
    return f"--input-type {form} --output-type {form}"


def _word(text: object) -> str:
    return shlex.quote(str(text))
