"""The services_config checkout: `<service>/<file>` or `<service>/<file>.encrypted`, one file for each key of the service's Secret."""

from __future__ import annotations

import errno
import os
import re
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from helmtool.adapters.regular import TooLarge, read_file
from helmtool.errors import InvalidInput, Problem

VARIABLE = "HELMTOOL_SERVICES_CONFIG"
SUFFIX = ".encrypted"
LARGEST_FILE = 8 * 1024 * 1024
"""Bytes of an encrypted file: base64 and metadata make it larger than what is in it, 1 MiB at most."""
_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")


class CheckoutInvalid(InvalidInput):
    """There is no services_config checkout where one is said to be, or not of that layout."""

    code = "services-config"


class FileRefused(InvalidInput):
    """Files of the checkout cannot become a Secret; each is a problem."""

    code = "secret-file"


class SecretFile(NamedTuple):
    """One file of a service, and the key of the Secret that it becomes."""

    path: Path
    key: str
    encrypted: bool

    def read(self) -> bytes:
        """Its bytes, as they are on the disk. Raises FileRefused."""
        return read_regular(self.path)


class Listing(NamedTuple):
    """The files of a service in the order of their keys; what cannot be in a Secret, and what a person should know."""

    folder: Path
    files: tuple[SecretFile, ...]
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def encrypted(self) -> tuple[SecretFile, ...]:
        """Those that sops has to decrypt."""
        return tuple(file for file in self.files if file.encrypted)


def find_checkout(given: Path | None) -> Path:
    """The checkout: as given, else of HELMTOOL_SERVICES_CONFIG. Raises CheckoutInvalid."""
    text = str(given) if given is not None else os.environ.get(VARIABLE, "")
    if not text:
        raise CheckoutInvalid(
            f"where the services_config checkout is was not said: neither --services-config nor {VARIABLE}",
            hint=f"--services-config DIR, or export {VARIABLE}=DIR",
        )
    path = Path(text).expanduser()
    if not path.is_dir():
        what = "is not a folder" if path.exists() else "is not there"
        raise CheckoutInvalid(f"the services_config checkout {path} {what}", hint="git clone it, then --services-config DIR")
    return path


def service_folder(checkout: Path, service: str) -> Path:
    """The folder of one service. Raises CheckoutInvalid, also for one that leads out of the checkout."""
    folder = checkout / service
    if not re.fullmatch(r"[A-Za-z0-9][-._A-Za-z0-9]*", service):
        raise CheckoutInvalid(f"`{service[:80]}` is not the name of a service: letters, digits, - . _", hint=f"ls {checkout}")
    if not folder.is_dir():
        raise CheckoutInvalid(f"{checkout} has no folder {service}", hint=f"ls {checkout}")
    if not folder.resolve().is_relative_to(checkout.resolve()):
        raise CheckoutInvalid(f"{folder} is a link out of the checkout, to {folder.resolve()}", hint=f"ls -l {checkout}")
    return folder


def list_files(checkout: Path, service: str) -> Listing:
    """The files of a service that is in order. Raises CheckoutInvalid, and FileRefused with what is not in order."""
    listing = look(checkout, service)
    if listing.problems:
        raise FileRefused(
            f"{len(listing.problems)} of the entries of {listing.folder} cannot be in a Secret",
            hint="remove or rename them",
            problems=listing.problems,
        )
    if not listing.files:
        raise CheckoutInvalid(f"{listing.folder} holds no file", hint=f"git -C {checkout} status, or another --service")
    return listing


def look(checkout: Path, service: str) -> Listing:
    """The files of a service, each judged by its name and kind; hidden ones are none of it, as a shell's `*` leaves them away.

    Raises CheckoutInvalid where there is no such folder.
    """
    folder = service_folder(checkout, service)
    problems: list[Problem] = []
    files: list[SecretFile] = []
    try:
        entries = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise CheckoutInvalid(f"{folder} cannot be read: {error.strerror}", hint=f"ls -ld {folder}") from None
    for path in entries:
        reason = unfit(path, folder)
        if reason:
            problems.append(Problem(reason, file=str(path)))
        else:
            files.append(SecretFile(path, key_of(path), path.name.endswith(SUFFIX)))
    problems += twins(files)
    return Listing(folder, tuple(sorted(files, key=lambda file: file.key)), tuple(problems), _plain_warnings(files))


def key_of(path: Path) -> str:
    """The key of the Secret: the file's name without `.encrypted`."""
    return path.name.removesuffix(SUFFIX)


def unfit(path: Path, folder: Path) -> str:
    """Why an entry of the folder cannot be a key of a Secret; empty where it can."""
    key = key_of(path)
    if not _KEY.fullmatch(key) or key in (".", "..") or key.startswith(".."):
        return f"`{key[:80]}` cannot be a key of a Secret: letters, digits, - . _, and 253 characters at most"
    try:
        found = path.stat()
    except OSError as error:
        return "a symbolic link to nothing" if path.is_symlink() else f"{error.strerror}"
    if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
        return f"a symbolic link out of the folder, to {path.resolve()}"
    if stat.S_ISDIR(found.st_mode):
        return "a directory: a Secret holds files alone"
    if not stat.S_ISREG(found.st_mode):
        return "neither a file nor a link to one"
    if found.st_size == 0:
        return "empty: git may have lost its content, or an encryption failed half-way"
    return ""


def twins(files: Sequence[SecretFile]) -> list[Problem]:
    """Pairs of files that would be the same key."""
    first: dict[str, SecretFile] = {}
    found = []
    for file in files:
        other = first.setdefault(file.key, file)
        if other is not file:
            found.append(Problem(f"the same key {file.key} as {other.path.name}: remove the one that is not meant", file=str(file.path)))
    return found


def read_regular(path: Path) -> bytes:
    """The bytes of a file that is no device and no pipe. Raises FileRefused."""
    try:
        return read_file(path, LARGEST_FILE)
    except TooLarge:
        raise FileRefused(f"{path}: larger than a Secret can hold", hint="a Secret holds 1 MiB in all") from None
    except OSError as error:
        raise FileRefused(f"{path}: {error.strerror}", hint=f"ls -ld {path}") from None


def _plain_warnings(files: Sequence[SecretFile]) -> tuple[str, ...]:
    return tuple(f"{file.path} is not encrypted" for file in files if not file.encrypted)


def replace_file(path: Path, content: bytes) -> None:
    """Puts a file in its place in one step, with the mode of the one it replaces (0644 for a new one), safe from a power cut.

    A link keeps pointing to its file. Raises FileRefused; then the old file is as it was.
    """
    target = path.resolve()
    try:
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o644
        write_synced(target.parent, target, content, mode)
    except OSError as error:
        raise FileRefused(f"{path} cannot be written: {error.strerror}", hint=f"ls -ld {path.parent}; df -h {path.parent}") from None


def write_synced(folder: Path, target: Path, content: bytes, mode: int) -> None:
    """Writes beside, syncs, renames, syncs the folder. Raises OSError and leaves nothing then."""
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name[:100]}.", dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Makes renames in a folder last."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems have no such thing
            raise
    finally:
        os.close(descriptor)


def write_private(path: Path, content: bytes, *, force: bool) -> None:
    """Writes a plaintext where a person has asked for it, for that person alone (0600). Raises FileRefused."""
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise FileRefused(f"{path} is no plain file, and a plaintext goes into none else", hint="--out FILE")
    if path.exists() and not force:
        raise FileRefused(f"{path} is there already", hint="another --out, or --force")
    try:
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise FileRefused(f"{path} cannot be written: {error.strerror}", hint=f"ls -ld {path.parent}") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise FileRefused(f"{path} cannot be written: {error.strerror}", hint=f"df -h {path.parent}") from None
