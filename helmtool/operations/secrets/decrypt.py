"""secrets decrypt: one file's plaintext, to where a person has said."""

from __future__ import annotations

from pathlib import Path

from helmtool.adapters.files import SUFFIX, FileRefused, read_regular, write_private
from helmtool.adapters.sops import Opened, Sops
from helmtool.errors import HelmtoolError, Problem
from helmtool.model.age import Identity
from helmtool.model.envelope import Damaged
from helmtool.model.redaction import protect


def decrypt_file(path: Path, identity: Identity) -> bytes:
    """The plaintext of one encrypted file, known to the redactor. Raises as `open_file`."""
    return open_file(path, read_encrypted(path), identity).plain


def read_encrypted(path: Path) -> bytes:
    """The bytes of an encrypted file as they are on the disk. Raises FileRefused."""
    if not path.name.endswith(SUFFIX):
        raise FileRefused(f"{path}: expected a file whose name ends in {SUFFIX}", hint=f"ls {path.parent}")
    return read_regular(path)


def open_file(path: Path, content: bytes, identity: Identity) -> Opened:
    """The plaintext of an encrypted file, known to the redactor, and its form.

    Raises WrongIdentity, NotEncrypted and Damaged, each with the file's name and the line if one is at fault, and ToolMissing.
    """
    try:
        opened = Sops(identity).open(content, path)
    except HelmtoolError as error:
        error.message = str(problem_of(error, path))
        error.args = (error.message,)
        raise
    protect(opened.plain)
    return opened


def problem_of(error: HelmtoolError, path: Path) -> Problem:
    """What is wrong with a file, with the line and column if they are known."""
    line, column = (error.line, error.column) if isinstance(error, Damaged) else (0, 0)
    return Problem(error.message, str(path), line, column)


def decrypt_to(path: Path, out: Path, identity: Identity, *, force: bool) -> None:
    """Writes the plaintext to a file of mode 0600. Raises as `decrypt_file`, and FileRefused for a file that is there."""
    write_private(out, decrypt_file(path, identity), force=force)
