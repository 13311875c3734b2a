"""secrets edit: a plaintext in an editor, in memory alone."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import NamedTuple

from helmtool.adapters import process
from helmtool.adapters.files import SUFFIX, FileRefused, read_regular, replace_file
from helmtool.adapters.memory import memory_folder
from helmtool.errors import OperationFailed
from helmtool.model.age import Identity
from helmtool.model.envelope import Form, form_for, read_envelope
from helmtool.model.redaction import protect
from helmtool.model.text import oddities
from helmtool.operations.progress import Progress
from helmtool.operations.secrets.bundle import LARGEST
from helmtool.operations.secrets.decrypt import open_file, read_encrypted
from helmtool.operations.secrets.proof import edit_proven, encrypt_proven
from helmtool.operations.secrets.recipients import edit_command, offline, require_kept
from helmtool.operations.secrets.signals import ended_by_signals

VIM = frozenset({"vi", "vim", "nvim", "view", "gvim", "vim.basic", "vim.tiny", "vim.nox"})
VIM_OPTIONS = ("-n", "-i", "NONE", "--cmd", "set nobackup nowritebackup noundofile")
"""What keeps vim from writing the text anywhere else: no swap file, no history of registers, no backup, no undo file."""


class EditorFailed(OperationFailed):
    """The editor did not start, or said that it failed: nothing was changed."""

    code = "editor-failed"


class Edited(NamedTuple):
    """The file, and whether its content has changed."""

    path: Path
    changed: bool


def edit_file(path: Path, identity: Identity, progress: Progress) -> Edited:
    """Decrypts into memory, runs $EDITOR, and encrypts with the same recipients and key groups when the content has changed.

    Raises NoMemoryFolder, EditorFailed, Interrupted, FileRefused, RecipientsNotKept and what decrypting raises; the file is then as it
    was.
    """
    old = read_encrypted(path)
    opened = open_file(path, old, identity)
    with ended_by_signals("nothing was changed"), memory_folder() as folder:
        edited = _edited(folder, path.name.removesuffix(SUFFIX), opened.plain)
        protect(edited)
        if edited == opened.plain:
            return Edited(path, False)
        _check(path, edited, progress)
        replacement = _encrypt(path, old, edited, opened.form, identity, folder, progress)
    if read_regular(path) != old:
        raise FileRefused(f"{path} was changed by somebody else meanwhile; your changes are not kept", hint=f"helmtool secrets edit {path}")
    replace_file(path, replacement)
    return Edited(path, True)


def _edited(folder: Path, name: str, plain: bytes) -> bytes:
    """What the editor has left in the file."""
    file = folder / name
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(plain)
    command = editor_command()
    try:
        code = process.run_on_terminal([*command, str(file)], process.environment() | {"TMPDIR": str(folder)})
    except OSError as error:
        raise EditorFailed(f"the editor {command[0]} does not start: {error.strerror}", hint="export EDITOR=nano") from None
    if code:
        raise EditorFailed(f"the editor {command[0]} ended with {code}; nothing was changed", hint="export EDITOR=nano, then again")
    try:
        return read_regular(file)
    except FileRefused:
        raise EditorFailed("the editor has removed the file; nothing was changed", hint="save it under its own name") from None


def editor_command() -> list[str]:
    """$EDITOR as words, else vi; vim with the options that keep the text out of its own files. Raises EditorFailed."""
    try:
        words = shlex.split(os.environ.get("EDITOR", "")) or ["vi"]
    except ValueError:
        raise EditorFailed("EDITOR cannot be read as a command: a quote is not closed", hint="export EDITOR=nano") from None
    return [words[0], *VIM_OPTIONS, *words[1:]] if Path(words[0]).name in VIM else words


def _check(path: Path, edited: bytes, progress: Progress) -> None:
    if not edited:
        raise FileRefused(f"{path}: the editor left nothing in it; nothing was changed", hint=f"git rm {path} removes a secret")
    if len(edited) > LARGEST:
        raise FileRefused(f"{path}: larger than a Secret may be, 1 MiB in all; nothing was changed", hint=f"helmtool secrets edit {path}")
    for oddity in oddities(edited):
        progress.warn(f"{path} {oddity}")


def _encrypt(path: Path, old: bytes, edited: bytes, form: Form, identity: Identity, folder: Path, progress: Progress) -> bytes:
    """The new file, proven by decrypting it. What its form would change is encrypted as binary, which keeps every byte."""
    key = path.name.removesuffix(SUFFIX)
    envelope = read_envelope(old, key)
    wanted = form_for(edited, key) if envelope.form is Form.JSON and key.lower().endswith(".json") else form
    content = edit_proven(old, path, edited, form, identity, folder) if form in (wanted, Form.BINARY) else None
    if content is not None:
        return content
    what = f"{path} must become binary, since sops would change this content as {form}"
    require_kept(envelope, offline(envelope.key_groups), what, edit_command(path, form))
    content, _ = encrypt_proven(edited, key, envelope.recipients, Form.BINARY, identity)
    progress.warn(f"{path} was encrypted as {form} and now is as {Form.BINARY}, which keeps every byte")
    return content
