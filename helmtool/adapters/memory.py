"""A folder in memory for the one moment in which a plaintext must be a file: while an editor has it open."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from helmtool.adapters import process
from helmtool.errors import OperationFailed, Refused

MEMORY_KINDS = frozenset({"tmpfs", "ramfs"})
MOUNTS = Path("/proc/self/mountinfo")
_MOUNT = re.compile(r"^\d+ \d+ (\d+):(\d+) .*? - (\S+) ")


class NoMemoryFolder(Refused):
    """This machine has no file system in memory that this person may write to."""

    code = "no-memory-folder"


def candidates() -> list[Path]:
    """Where a file system in memory usually is."""
    own = os.environ.get("XDG_RUNTIME_DIR", "")
    return [Path(own), Path("/dev/shm")] if Path(own).is_absolute() else [Path("/dev/shm")]  # noqa: S108 - memory, and a folder of its own in it


def is_in_memory(folder: Path) -> bool:
    """Whether the kernel keeps that folder in memory, by the kind of its mount; links are followed first."""
    try:
        device = folder.stat().st_dev
        mounts = MOUNTS.read_text(errors="replace").splitlines()
    except OSError:
        return False
    found = [match for line in mounts if (match := _MOUNT.match(line))]
    kinds = {match[3] for match in found if (int(match[1]), int(match[2])) == (os.major(device), os.minor(device))}
    return bool(kinds) and kinds <= MEMORY_KINDS


@contextlib.contextmanager
def memory_folder(where: Sequence[Path] | None = None) -> Iterator[Path]:
    """A folder of one's own (0700) in memory, gone after the block, however it is left. Raises NoMemoryFolder."""
    tried = candidates() if where is None else where
    for parent in tried:
        if is_in_memory(parent) and os.access(parent, os.W_OK | os.X_OK):
            folder = Path(tempfile.mkdtemp(prefix="helmtool-", dir=parent))
            break
    else:
        raise NoMemoryFolder(
            f"no file system in memory (tmpfs) to edit in: tried {', '.join(map(str, tried))}, and a disk would keep the plaintext",
            hint="export XDG_RUNTIME_DIR=FOLDER of a tmpfs; or decrypt --out, edit and encrypt --remove on a machine of your own",
        )
    with process.removed_at_the_end(folder):
        try:
            yield folder
        finally:
            _wipe(folder)


def _wipe(folder: Path) -> None:
    """Zeroes and removes everything in it. Raises OperationFailed where something stays."""
    for file in (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()):
        with contextlib.suppress(OSError), file.open("r+b") as stream:
            stream.write(bytes(file.stat().st_size))
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        raise OperationFailed(f"{folder} holds plaintext and could not be removed", hint=f"rm -rf {folder}")
