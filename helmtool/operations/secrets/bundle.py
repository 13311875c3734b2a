"""What one service's Secret holds, decrypted in memory: the way from the services_config checkout to everything that applies it."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from helmtool.adapters.files import FileRefused, Listing, SecretFile, list_files
from helmtool.adapters.sops import Sops
from helmtool.errors import InvalidInput, Problem
from helmtool.model.age import Identity
from helmtool.model.redaction import protect
from helmtool.operations.secrets.decrypt import problem_of

LARGEST = 1024 * 1024
"""Bytes that a Secret may hold in all (Kubernetes' own limit, `MaxSecretSize`)."""
EMPTY = "its plaintext is empty: the command that made it may have failed; encrypt it again, or remove the file"
"""What is wrong with an encrypted file that decrypts to no bytes; `adapters.files` refuses files of no bytes."""
PROCESSES = 4
"""How many files are decrypted at a time: most of it is the start of sops."""


class BundleTooLarge(InvalidInput):
    """The files are more than one Secret may hold."""

    code = "secret-too-large"


class FilesNotDecryptable(InvalidInput):
    """One or more files of a service cannot be decrypted; each is a problem with its file and reason."""

    code = "not-decryptable"


@dataclass(frozen=True, slots=True)
class Bundle:
    """The keys of a Secret (file names without `.encrypted`) and their values; its repr shows neither values nor lengths.

    `plain` names the keys whose files are not encrypted in the checkout, `warnings` are sentences for a person.
    """

    files: Mapping[str, bytes] = field(repr=False)
    plain: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """The names alone."""
        return f"Bundle({', '.join(sorted(self.files))})"


def read_bundle(service: str, services_config: Path, identity: Identity) -> Bundle:
    """Every file of `<services_config>/<service>`, decrypted in memory and known to the redactor.

    Files without `.encrypted` are taken as they are, as the old scripts did. Nothing is written.
    Raises InvalidInput: CheckoutInvalid and FileRefused (of the files), FilesNotDecryptable with a problem per file,
    BundleTooLarge, ToolMissing.
    """
    listing = list_files(services_config, service)
    sops = Sops(identity)
    with ThreadPoolExecutor(max_workers=PROCESSES) as pool:
        read = list(pool.map(lambda file: _value(file, sops), listing.files))
    problems = [value for value in read if isinstance(value, Problem)]
    if problems:
        raise FilesNotDecryptable(
            f"{len(problems)} of {len(listing.files)} files of {listing.folder} cannot be decrypted with the identity of {identity.source}",
            hint="helmtool secrets check ENV says more; --identity FILE gives another identity",
            problems=problems,
        )
    values = {file.key: value for file, value in zip(listing.files, read, strict=True) if isinstance(value, bytes)}
    _require_content(listing, values)
    _check_size(values, listing.folder)
    return Bundle(values, tuple(file.key for file in listing.files if not file.encrypted), listing.warnings)


def _value(file: SecretFile, sops: Sops) -> bytes | Problem:
    try:
        value = sops.decrypt(file.read(), file.path) if file.encrypted else file.read()
    except InvalidInput as error:
        return problem_of(error, file.path)
    protect(value)
    return value


def _require_content(listing: Listing, values: Mapping[str, bytes]) -> None:
    empty = [file.path for file in listing.files if not values[file.key]]
    if empty:
        raise FileRefused(
            f"{len(empty)} of the {len(listing.files)} files of {listing.folder}: empty plaintext",
            hint=f"helmtool secrets edit {empty[0]}; git log {empty[0]}",
            problems=[Problem(EMPTY, file=str(path)) for path in empty],
        )


def _check_size(values: Mapping[str, bytes], folder: Path) -> None:
    if sum(len(value) for value in values.values()) > LARGEST:
        raise BundleTooLarge(
            f"the files of {folder} are more than a Secret may hold, 1 MiB in all",
            hint="take files out of the folder that the service does not read",
        )
