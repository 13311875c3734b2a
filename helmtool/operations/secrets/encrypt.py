"""secrets encrypt: plaintext files become `.encrypted` ones beside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from helmtool.adapters.files import SUFFIX, FileRefused, read_regular, replace_file, unfit
from helmtool.adapters.sops import RecipientMissing, Sops
from helmtool.errors import HelmtoolError, InvalidInput, Problem
from helmtool.model.age import Identity, parse_recipient
from helmtool.model.envelope import Envelope, Form, form_for, read_envelope
from helmtool.model.redaction import protect
from helmtool.model.text import oddities
from helmtool.operations.progress import Progress
from helmtool.operations.secrets.bundle import LARGEST
from helmtool.operations.secrets.proof import encrypt_proven
from helmtool.operations.secrets.recipients import encrypt_command, offline, require_kept
from helmtool.operations.secrets.signals import ended_by_signals


class RecipientsDiffer(InvalidInput):
    """It is not clear whom a file should be for: what is there says different things."""

    code = "recipients-differ"


class Encrypted(NamedTuple):
    """One file that was encrypted: where it is, for whom, in which form; whether it is new or changed, and the plaintext removed."""

    path: Path
    recipients: tuple[str, ...]
    form: Form
    written: bool
    removed: bool

    def as_dict(self) -> dict[str, Any]:
        """The file as `-o json` prints it."""
        return {
            "file": str(self.path),
            "recipients": list(self.recipients),
            "form": self.form.value,
            "written": self.written,
            "plaintextRemoved": self.removed,
        }


def encrypt_files(
    files: Sequence[Path], recipients: Sequence[str], identity: Identity | None, *, remove: bool, progress: Progress
) -> list[Encrypted]:
    """Encrypts every file for `recipients`, else for whom the files beside it are, else for the identity's own public keys.

    All are encrypted before the first is written. A file whose content is the same already is left as it is.
    Raises FileRefused with a problem per file, RecipientMissing, RecipientsDiffer, RecipientsNotKept, RecipientInvalid, ToolMissing.
    """
    plain = {file: _read(file) for file in _accepted(files)}
    chosen = {file: _recipients(file, plain[file], recipients, identity) for file in plain}
    prepared = {file: _prepare(file, content, chosen[file], bool(recipients), identity, progress) for file, content in plain.items()}
    with ended_by_signals("what is written is whole, and the same command again goes on"):
        return [_put(file, plain[file], chosen[file], *prepared[file], remove, progress) for file in prepared]


def _put(
    file: Path, plain: bytes, recipients: tuple[str, ...], form: Form, content: bytes | None, remove: bool, progress: Progress
) -> Encrypted:
    """Writes one encrypted file where it has changed, and removes its plaintext where that is wanted."""
    target = _target(file)
    if content is not None:
        replace_file(target, content)
    for oddity in oddities(plain):
        progress.warn(f"{file} {oddity}")
    if remove:
        file.unlink()
    found = _envelope(target) if content is None else None
    return Encrypted(target, found.recipients if found else recipients, form, content is not None, remove)


def _target(file: Path) -> Path:
    return file.with_name(file.name + SUFFIX)


def _accepted(files: Sequence[Path]) -> list[Path]:
    """The files, none twice. Raises FileRefused where one of them is none that could be in a Secret."""
    problems = [Problem(reason, file=str(file)) for file in files if (reason := _refusal(file))]
    if problems:
        raise FileRefused(f"{len(problems)} of {len(files)} cannot be encrypted; nothing was", hint="ls -l", problems=problems)
    return list(dict.fromkeys(files))


def _refusal(file: Path) -> str:
    if not file.exists() and not file.is_symlink():
        return "not there"
    if file.name.endswith(SUFFIX):
        return "its name says that it is encrypted already"
    return unfit(file, file.parent)


def _read(file: Path) -> bytes:
    content = read_regular(file)
    protect(content)
    if len(content) > LARGEST:
        raise FileRefused(f"{file}: larger than a Secret may be, 1 MiB in all", hint="a Secret is for keys and passwords")
    if _is_encrypted(content, file.name):
        raise FileRefused(f"{file}: encrypted by sops already", hint=f"mv {file} {_target(file)}")
    return content


def _is_encrypted(content: bytes, key: str) -> bool:
    try:
        read_envelope(content, key)
    except InvalidInput as error:
        return error.code == "secret-damaged"
    return True


def _recipients(file: Path, plain: bytes, given: Sequence[str], identity: Identity | None) -> tuple[str, ...]:
    if given:
        return tuple(dict.fromkeys(parse_recipient(recipient) for recipient in given))
    folder = file.parent
    beside = _beside(folder)
    first = next(iter(beside.values()), None)
    if first and not all(envelope.key_groups.same_as(first.key_groups) for envelope in beside.values()):
        raise RecipientsDiffer(
            f"the files of {folder} are for different recipients, so it is not clear whom a new one is for",
            hint="--recipient age1… says it; helmtool secrets rotate makes them one",
            problems=[Problem(f"for {envelope.key_groups}", file=str(path)) for path, envelope in beside.items()],
        )
    if first:
        return _agreed(file, form_for(plain, file.name), first, identity)
    if identity and identity.recipients:
        return identity.recipients
    raise RecipientMissing(
        f"{folder} has no encrypted file to learn the recipients from, and none is named", hint="--recipient age1…, or --env ENV"
    )


def _agreed(file: Path, form: Form, beside: Envelope, identity: Identity | None) -> tuple[str, ...]:
    """For whom all files beside are. Raises RecipientsNotKept and RecipientsDiffer."""
    groups, target = beside.key_groups, _target(file)
    if _envelope(target) is None:
        command = encrypt_command(file, target, groups, form)
        require_kept(beside, offline(groups), f"{file} would be encrypted like the files beside it", command)
    if identity and identity.opens is not None and not groups.opened_by(identity.opens):
        raise RecipientsDiffer(
            f"the files of {file.parent} are for {groups}, but {identity.source} is {', '.join(identity.recipients)}",
            hint="--recipient age1… says which; helmtool secrets rotate moves all to a new key",
        )
    return tuple(sorted(offline(groups)))


def _beside(folder: Path) -> dict[Path, Envelope]:
    """The metadata of a folder's encrypted files, without files that sops could not read."""
    found = {path: _envelope(path) for path in sorted(folder.glob(f"*{SUFFIX}"))}
    return {path: envelope for path, envelope in found.items() if envelope and envelope.recipients}


def _envelope(path: Path) -> Envelope | None:
    try:
        return read_envelope(read_regular(path), path.name.removesuffix(SUFFIX))
    except HelmtoolError:
        return None


def _require_kept(target: Path, old: Envelope | None, wanted: tuple[str, ...], progress: Progress) -> None:
    """Raises RecipientsNotKept if the existing file would lose recipients; warns about age keys that --recipient removes."""
    if old is None:
        return
    require_kept(old, wanted, f"{target} exists", f"helmtool secrets edit {target} keeps them")
    removed = [one for one in old.recipients if one not in wanted]
    if removed:
        progress.warn(f"{target} is no longer for {', '.join(removed)}")


def _prepare(
    file: Path, plain: bytes, recipients: tuple[str, ...], asked: bool, identity: Identity | None, progress: Progress
) -> tuple[Form, bytes | None]:
    """The form, and the new content of the encrypted file; no content where the old one holds the same for the same people.

    `asked`: the recipients are those of --recipient. Proven by decrypting it, where the identity is one of those whom it is for.
    """
    form, target, sops = form_for(plain, file.name), _target(file), Sops(identity)
    old = _envelope(target)
    if old and (not asked or _is_for(old, recipients)) and _holds(target, plain, sops):
        return form, None
    _require_kept(target, old, recipients, progress)
    if identity and identity.opens and identity.opens.intersection(recipients):
        content, form = encrypt_proven(plain, file.name, recipients, form, identity)
        return form, content
    return form, sops.encrypt(plain, file.name, recipients, form)


def _is_for(envelope: Envelope, recipients: tuple[str, ...]) -> bool:
    return set(envelope.recipients) == set(recipients) and not envelope.key_groups.lost(recipients)


def _holds(path: Path, plain: bytes, sops: Sops) -> bool:
    try:
        return sops.decrypt(read_regular(path), path) == plain
    except HelmtoolError:  # not ours to open, or no whole file: then it is written anew
        return False
