"""What one service's Secret holds, decrypted in memory: the way from the services_config checkout to everything that applies it."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from helmtool.adapters.files import SecretFile, list_files
from helmtool.adapters.sops import Sops
from helmtool.errors import InvalidInput, Problem
from helmtool.model.age import Identity
from helmtool.model.redaction import protect

LARGEST = 1024 * 1024
"""Bytes that a Secret may hold in all (Kubernetes' own limit, `MaxSecretSize`)."""
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
    _check_size(values, listing.folder)
    return Bundle(values, tuple(file.key for file in listing.files if not file.encrypted), listing.warnings)


def _value(file: SecretFile, sops: Sops) -> bytes | Problem:
    try:
        value = sops.decrypt(file.read(), file.path) if file.encrypted else file.read()
    except InvalidInput as error:
        return Problem(error.message, file=str(file.path))
    protect(value)
    return value


def _check_size(values: Mapping[str, bytes], folder: Path) -> None:
    if sum(len(value) for value in values.values()) > LARGEST:
        raise BundleTooLarge(
            f"the files of {folder} are more than a Secret may hold, 1 MiB in all",
            hint="take files out of the folder that the service does not read",
        )
