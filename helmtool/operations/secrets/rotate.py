"""secrets rotate: all files of a service for new recipients in one go, or none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from helmtool.adapters.files import CheckoutInvalid, SecretFile, list_files
from helmtool.adapters.sops import Sops
from helmtool.errors import InvalidInput, Problem
from helmtool.model.age import Identity, parse_recipient
from helmtool.model.envelope import Envelope, read_envelope
from helmtool.operations.progress import Progress
from helmtool.operations.secrets.bundle import FilesNotDecryptable
from helmtool.operations.secrets.decrypt import problem_of
from helmtool.operations.secrets.proof import rotate_proven
from helmtool.operations.secrets.recipients import RecipientsNotKept, rotate_command
from helmtool.operations.secrets.rotation import finish, only_one, prepare
from helmtool.operations.secrets.signals import ended_by_signals


class NewIdentityUnknown(InvalidInput):
    """The new identity does not tell its recipient, so nothing can be encrypted for it."""

    code = "identity-unknown"


class Rotated(NamedTuple):
    """The folder, whom its files are for now, and which of them were replaced."""

    folder: Path
    recipients: tuple[str, ...]
    replaced: tuple[Path, ...]

    def as_dict(self) -> dict[str, Any]:
        """The rotation as `-o json` prints it."""
        return {"folder": str(self.folder), "recipients": list(self.recipients), "replaced": [str(path) for path in self.replaced]}


def rotate_service(
    checkout: Path, service: str, old: Callable[[], Identity], new: Identity, others: Sequence[str], progress: Progress
) -> Rotated:
    """Encrypts every file for the new identity's recipients and `others`, with a new data key each, and proves that `new` opens it.

    `old` is asked only when a file has to be decrypted. An interrupted rotation is finished first; files that are for
    exactly these recipients already stay as they are. Raises RecipientsNotKept and FilesNotDecryptable with a problem for each file,
    before anything is replaced; ChangedMeanwhile, RotationBusy, FileRefused, CheckoutInvalid, ToolMissing.
    """
    recipients = _wanted(new, others)
    Sops(new)  # before anything is touched: it may be missing
    folder = list_files(checkout, service).folder
    with ended_by_signals("every file is whole, and the same command again goes on"), only_one(folder):
        done = finish(folder)
        if done:
            progress.done("rotate", f"finished the rotation that was interrupted: {len(done)} files")
        listing = list_files(checkout, service)
        if not listing.encrypted:
            raise CheckoutInvalid(f"{folder} has no encrypted file", hint=f"helmtool secrets encrypt {folder}/FILE")
        contents = {file: file.read() for file in {file.path.resolve(): file for file in listing.encrypted}.values()}
        due = [file for file, content in contents.items() if not _is_done(file, content, recipients)]
        if due:
            _require_kept(due, contents, recipients)
            prepared = _prepare(due, contents, old(), new, recipients, progress)
            prepare(folder, prepared)
            finish(folder)
            done += [file.path for file in due if file.path not in done]
            _tell_removed({one for file in due for one in read_envelope(contents[file], file.key).recipients} - {*recipients}, progress)
    return Rotated(folder, recipients, tuple(done))


def _wanted(new: Identity, others: Sequence[str]) -> tuple[str, ...]:
    if new.opens is None:
        raise NewIdentityUnknown(
            f"{new.source}: a post-quantum key without its `# public key:` line, so its recipient is not known", hint="age-keygen -y FILE"
        )
    return tuple(dict.fromkeys([*new.recipients, *(parse_recipient(other) for other in others)]))


def _tell_removed(removed: set[str], progress: Progress) -> None:
    if removed:
        progress.done("rotate", f"no longer for {', '.join(sorted(removed))}")


def _is_done(file: SecretFile, content: bytes, recipients: tuple[str, ...]) -> bool:
    envelope = _envelope(file, content)
    return envelope is not None and len(envelope.key_groups.groups) == 1 and set(envelope.recipients) == set(recipients)


def _envelope(file: SecretFile, content: bytes) -> Envelope | None:
    try:
        return read_envelope(content, file.key)
    except InvalidInput:
        return None  # it is due, and the reason is told with the others


def _require_kept(due: Sequence[SecretFile], contents: dict[SecretFile, bytes], recipients: tuple[str, ...]) -> None:
    """Raises RecipientsNotKept with a problem for every file that would lose more than age keys."""
    found = {file: envelope for file in due if (envelope := _envelope(file, contents[file]))}
    lost = {file: reason for file, envelope in found.items() if (reason := envelope.key_groups.lost(recipients))}
    if lost:
        first = next(iter(lost))
        raise RecipientsNotKept(
            f"{len(lost)} of {len(due)} files would lose recipients or key groups, which a rotation does not replace; nothing was changed",
            hint=rotate_command(first.path, found[first], recipients),
            problems=[Problem(reason, file=str(file.path)) for file, reason in lost.items()],
        )


def _prepare(
    due: Sequence[SecretFile],
    contents: dict[SecretFile, bytes],
    old: Identity,
    new: Identity,
    recipients: tuple[str, ...],
    progress: Progress,
) -> dict[Path, tuple[bytes, bytes]]:
    """Old and new content of every file, in memory. Raises FilesNotDecryptable with all that is wrong."""
    prepared, problems = {}, []
    for file in due:
        progress.start("rotate", file.path.name)
        try:
            prepared[file.path.resolve()] = contents[file], rotate_proven(contents[file], file.path, old, new, recipients)
        except InvalidInput as error:
            problems.append(problem_of(error, file.path))
    if problems:
        raise FilesNotDecryptable(
            f"{len(problems)} of {len(due)} files cannot be rotated with the identity of {old.source}; nothing was changed",
            hint="--identity FILE gives the identity of today",
            problems=problems,
        )
    return prepared
