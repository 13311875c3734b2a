"""The writing half of a rotation: all files are prepared in a hidden folder beside, then take their places one by one.

Killed at any moment, every file is a whole encrypted one, old or new, and the next run finishes or forgets what it finds:
with the journal everything was prepared and proven, so it finishes; without it nothing has been replaced, so it forgets.
The folder holds encrypted files alone.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from helmtool.adapters.files import FileRefused, read_regular, sync_folder, write_synced
from helmtool.errors import OperationFailed, Refused

STAGE, JOURNAL = ".helmtool-rotate", "journal.json"
INTERRUPTED = "a rotation was interrupted here; helmtool secrets rotate, as before, finishes it"


class RotationBusy(Refused):
    """Another process rotates the same folder."""

    code = "rotation-busy"


class ChangedMeanwhile(OperationFailed):
    """A file was changed after its replacement was prepared."""

    code = "changed-meanwhile"


def is_interrupted(folder: Path) -> bool:
    """Whether a rotation was killed in this folder."""
    return (folder / STAGE).exists()


@contextlib.contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Keeps a second rotation of the folder out; ends with the process. Raises RotationBusy."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RotationBusy(f"{folder} is being rotated by another process", hint="wait for it, then the same command again") from None
        except OSError as error:
            if error.errno not in (errno.EBADF, errno.ENOLCK, errno.ENOTSUP, errno.EINVAL):  # network file systems without locks
                raise
        yield
    finally:
        os.close(descriptor)


def prepare(folder: Path, replacements: Mapping[Path, tuple[bytes, bytes]]) -> None:
    """Writes every replacement (old content, new content) beside its file and then the journal: from here on it can be finished.

    The files are given by their real paths, links followed.
    """
    stage = folder / STAGE
    try:
        stage.mkdir(mode=0o700)
        try:
            _write(stage, folder, replacements)
        except BaseException:
            shutil.rmtree(stage, ignore_errors=True)  # nothing has been replaced yet
            raise
    except OSError as error:
        raise FileRefused(f"{stage} cannot be written: {error.strerror}", hint=f"df -h {folder}; ls -ld {folder}") from None


def _write(stage: Path, folder: Path, replacements: Mapping[Path, tuple[bytes, bytes]]) -> None:
    entries = []
    for number, (path, (old, new)) in enumerate(replacements.items()):
        write_synced(stage, stage / str(number), new, path.stat().st_mode & 0o777)
        name = str(path.relative_to(folder.resolve()))
        entries.append({"staged": str(number), "name": name, "old": _digest(old), "new": _digest(new)})
    write_synced(stage, stage / JOURNAL, json.dumps(entries).encode(), 0o600)
    sync_folder(folder)


def finish(folder: Path) -> list[Path]:
    """Puts prepared files in their places and gives the files; forgets what was not prepared to the end. Raises ChangedMeanwhile."""
    stage = folder / STAGE
    if not stage.exists():
        return []
    journal = stage / JOURNAL
    entries = json.loads(journal.read_bytes()) if journal.exists() else []
    _check_unchanged(folder, entries)
    for entry in entries:
        staged = stage / entry["staged"]
        if staged.exists():
            staged.replace(folder / entry["name"])
    sync_folder(folder)
    # The journal goes last: without it, files that are still there would be forgotten, and they are none.
    journal.unlink(missing_ok=True)
    shutil.rmtree(stage)
    return [folder / entry["name"] for entry in entries]


def _check_unchanged(folder: Path, entries: list[dict[str, str]]) -> None:
    for entry in entries:
        target, known = folder / entry["name"], (entry["old"], entry["new"])
        if not target.is_file() or _digest(read_regular(target)) not in known:
            raise ChangedMeanwhile(
                f"{target} was changed after the rotation had prepared its replacement",
                hint=f"rm -r {folder / STAGE} forgets what is prepared; then rotate again",
            )


def _digest(content: bytes) -> str:
    """Of an encrypted file: it says nothing about what is in it."""
    return hashlib.sha256(content).hexdigest()
