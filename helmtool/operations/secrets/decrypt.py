"""secrets decrypt: one file's plaintext, to where a person has said."""

from __future__ import annotations

from pathlib import Path

from helmtool.adapters.files import SUFFIX, FileRefused, read_regular, write_private
from helmtool.adapters.sops import Sops
from helmtool.errors import HelmtoolError
from helmtool.model.age import Identity
from helmtool.model.redaction import protect


def decrypt_file(path: Path, identity: Identity) -> bytes:
    """The plaintext of one encrypted file, known to the redactor.

    Raises FileRefused, WrongIdentity, NotEncrypted and Damaged, each with the file's name, and ToolMissing.
    """
    if not path.name.endswith(SUFFIX):
        raise FileRefused(f"{path}: expected a file whose name ends in {SUFFIX}", hint=f"ls {path.parent}")
    content = read_regular(path)
    try:
        plain = Sops(identity).decrypt(content, path)
    except HelmtoolError as error:
        error.args = (f"{path}: {error.message}",)
        error.message = f"{path}: {error.message}"
        raise
    protect(plain)
    return plain


def decrypt_to(path: Path, out: Path, identity: Identity, *, force: bool) -> None:
    """Writes the plaintext to a file of mode 0600. Raises as `decrypt_file`, and FileRefused for a file that is there."""
    write_private(out, decrypt_file(path, identity), force=force)
