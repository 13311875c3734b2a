"""secrets check: whether every file of a service decrypts, for whom, how long what is in it lasts, and what lies about in the clear."""

from __future__ import annotations

import stat
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from helmtool.adapters.files import Listing, SecretFile, look
from helmtool.adapters.git import Git, History
from helmtool.adapters.sops import Sops
from helmtool.errors import HelmtoolError
from helmtool.model.age import Identity
from helmtool.model.envelope import Envelope, read_envelope
from helmtool.model.key_groups import KeyGroups
from helmtool.model.redaction import protect, spare
from helmtool.operations.secrets.bundle import EMPTY, LARGEST
from helmtool.operations.secrets.contents import Content, look_into
from helmtool.operations.secrets.decrypt import problem_of
from helmtool.operations.secrets.findings import Finding, error, warning
from helmtool.operations.secrets.proof import each_key
from helmtool.operations.secrets.rotation import INTERRUPTED, is_interrupted


class CheckedFile(NamedTuple):
    """One file: its key, whether it is encrypted and for whom, and what is in it, without any of it."""

    path: Path
    key: str
    encrypted: bool
    key_groups: KeyGroups = KeyGroups()
    content: Content | None = None

    @property
    def recipients(self) -> tuple[str, ...]:
        """Every recipient of every kind, as it is shown."""
        return tuple(map(str, self.key_groups.recipients))

    def as_dict(self) -> dict[str, Any]:
        """The file as `-o json` prints it."""
        content = self.content.as_dict() if self.content else None
        return {
            "file": str(self.path),
            "key": self.key,
            "encrypted": self.encrypted,
            "recipients": list(self.recipients),
            "keyGroups": [[str(one) for one in group] for group in self.key_groups.groups],
            "threshold": self.key_groups.threshold,
            "content": content,
        }


class Checked(NamedTuple):
    """All files of a service and all that was found, errors first."""

    folder: Path
    source: str
    files: tuple[CheckedFile, ...]
    findings: tuple[Finding, ...]

    @property
    def failed(self) -> bool:
        """Whether anything is wrong, and not only worth knowing."""
        return any(finding.is_error for finding in self.findings)

    @property
    def readers(self) -> list[tuple[str, str]]:
        """Every recipient, and the files that it opens, or has a part in opening; "all" for all that are encrypted."""
        encrypted = [file for file in self.files if file.encrypted]
        rows = {
            recipient: [file for file in encrypted if recipient in file.recipients] for file in encrypted for recipient in file.recipients
        }
        return [(recipient, _files(files, len(files) == len(encrypted))) for recipient, files in rows.items()]

    def as_dict(self) -> dict[str, Any]:
        """The check as `-o json` prints it."""
        return {
            "folder": str(self.folder),
            "identity": self.source,
            "ok": not self.failed,
            "files": [file.as_dict() for file in self.files],
            "findings": [finding.as_dict() for finding in self.findings],
        }


def _files(files: Sequence[CheckedFile], all_of_them: bool) -> str:
    together = [file for file in files if file.key_groups.threshold > 1]
    named = [file.key for file in files if file not in together]
    shown = [f"{file.key} ({file.key_groups.threshold} of {len(file.key_groups.groups)} key groups needed)" for file in together]
    return "all" if all_of_them and not together else ", ".join([*named, *shown])


def check_service(
    checkout: Path, service: str, identity: Identity, *, expected: Sequence[str] = (), warn_days: int = 30, now: datetime
) -> Checked:
    """Reads everything, writes nothing. `expected` are recipients that every file must be for, besides those that any file is for.

    Raises CheckoutInvalid and ToolMissing; what is wrong with a file is a finding.
    """
    Sops(identity)  # a missing program is no fault of the files
    listing = look(checkout, service)
    spare(service, *(file.key for file in listing.files))
    findings = [error(Path(problem.file), problem.message) for problem in listing.problems]
    values: dict[str, bytes] = {}
    files = [_check_file(file, identity, values, findings, warn_days, now) for file in listing.files]
    findings += _recipients(files, expected)
    findings += _permissions(listing) + _size(listing, values)
    findings += _git(listing, values)
    if is_interrupted(listing.folder):
        findings.append(warning(listing.folder, INTERRUPTED))
    ordered = sorted(findings, key=lambda finding: (not finding.is_error, str(finding.file)))
    return Checked(listing.folder, identity.source, tuple(files), tuple(ordered))


def _check_file(
    file: SecretFile, identity: Identity, values: dict[str, bytes], findings: list[Finding], warn_days: int, now: datetime
) -> CheckedFile:
    envelope, groups = None, KeyGroups()
    try:
        content = file.read()
        if file.encrypted:
            envelope = read_envelope(content, file.key)
            groups = envelope.key_groups
        plain = _decrypt(content, file, envelope, identity) if envelope else content
    except HelmtoolError as problem:
        found = problem_of(problem, file.path)
        findings.append(error(file.path, found.message, found.line, found.column))
        return CheckedFile(file.path, file.key, file.encrypted, groups)
    if envelope and envelope.partly_clear:
        findings.append(error(file.path, "a value in it is not encrypted"))
    if not plain:
        findings.append(error(file.path, EMPTY))
    values[file.key] = plain
    inside = look_into(plain, file.key)
    spare(*inside.names)
    protect(plain)
    findings += inside.findings(file.path, warn_days, now)
    return CheckedFile(file.path, file.key, file.encrypted, groups, inside)


def _decrypt(content: bytes, file: SecretFile, envelope: Envelope, identity: Identity) -> bytes:
    """Its plaintext, with every key of the identity that should open it. Raises what sops raises."""
    plains = [Sops(each).decrypt(content, file.path) for each in each_key(identity, envelope.key_groups)]
    return plains[0]


def _recipients(files: Sequence[CheckedFile], expected: Sequence[str]) -> list[Finding]:
    """Files that somebody could not open who opens others, or who should, or that fewer keys open than others."""
    encrypted = [file for file in files if file.encrypted and file.recipients]
    wanted = dict.fromkeys([*expected, *(recipient for file in encrypted for recipient in file.recipients)])
    found = [
        error(file.path, f"not for the recipient {recipient}, as {'expected' if recipient in expected else 'other files are'}")
        for file in encrypted
        for recipient in wanted
        if recipient not in file.recipients
    ]
    most = max((file.key_groups.threshold for file in encrypted), default=1)
    few = [file for file in encrypted if file.key_groups.threshold < most]
    return found + [error(file.path, f"{_keys(file.key_groups.threshold)}, other files need {most} key groups") for file in few]


def _keys(threshold: int) -> str:
    return "any one of its keys opens it" if threshold == 1 else f"{threshold} key groups open it"


def _permissions(listing: Listing) -> list[Finding]:
    found = []
    for file in listing.files:
        mode = stat.S_IMODE(file.path.stat().st_mode)
        if not file.encrypted and mode & 0o077:
            found.append(warning(file.path, f"others may read a file that is not encrypted (mode {mode:04o}); chmod 600"))
        elif mode & 0o002:
            found.append(warning(file.path, f"everybody may write to it (mode {mode:04o}); chmod o-w"))
    return found


def _size(listing: Listing, values: Mapping[str, bytes]) -> list[Finding]:
    too_large = sum(len(value) for value in values.values()) > LARGEST
    return [error(listing.folder, "the files are more than a Secret may hold, 1 MiB in all")] if too_large else []


def _git(listing: Listing, values: Mapping[str, bytes]) -> list[Finding]:
    """What git has or would get in the clear."""
    git = Git(listing.folder)
    root = git.root()
    if root is None:
        return [warning(listing.folder, "not in git, or git refuses to look at it: its history was not looked at")]
    tracked, new = git.tracked(), git.new()
    found = [finding for file in listing.files if not file.encrypted for finding in _in_the_clear(file, tracked, new)]
    history = git.history()
    if history is None:
        return [*found, warning(listing.folder, "git cannot list its history, which was not looked at")]
    return found + _history(listing, values, history, root)


def _in_the_clear(file: SecretFile, tracked: frozenset[str], new: frozenset[str]) -> list[Finding]:
    """What is wrong with a file that is not encrypted; a settings file may be in git for good."""
    if file.path.name in new:
        return [error(file.path, "git would commit it as it is, not encrypted; encrypt it, or name it in .gitignore")]
    if file.path.name in tracked:
        return [warning(file.path, "in git, not encrypted; right for settings, wrong for a secret")]
    return [warning(file.path, "plaintext that lies in the checkout, though git ignores it")]


def _history(listing: Listing, values: Mapping[str, bytes], history: History, root: Path) -> list[Finding]:
    advice = "; whoever has the repository has it: change the secret itself, at its source"
    folder = listing.folder.resolve().relative_to(root.resolve())
    found = []
    for file in listing.encrypted:
        clear = str(folder / file.key)  # its name in git, even if a link by that name leads elsewhere now
        where = history.holds(values[file.key]) if file.key in values else None
        if where:
            found.append(error(file.path, f"git's history holds its plaintext of today, as {where}{advice}"))
        elif clear in history.names:
            found.append(error(file.path, f"git's history holds an older plaintext, as {clear}{advice}"))
    return found
