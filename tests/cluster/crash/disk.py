"""A small disk of its own, which can become full."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from pathlib import Path
from types import TracebackType

MEGABYTES = 8


class SmallDisk:
    """A filesystem in memory, mounted at a folder (which needs root), and gone after the block."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        options = f"size={MEGABYTES}m,mode=0700"
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "helmtool-crash", str(folder)], capture_output=True, timeout=30)
        assert done.returncode == 0, f"a small disk cannot be mounted, which needs root: {done.stderr.decode()}"

    def __enter__(self) -> SmallDisk:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True, timeout=30)

    def fill(self) -> None:
        """Leaves no byte: what writes there gets ENOSPC. Helm's cache of the API server's kinds goes first, for helm to write it anew."""
        shutil.rmtree(self.folder / ".kube", ignore_errors=True)
        with (self.folder / "filler").open("ab", buffering=0) as file:
            for size in (1 << 16, 1 << 12, 1):
                _append(file.fileno(), b"\0" * size)

    def empty(self) -> None:
        """Frees the space again."""
        (self.folder / "filler").unlink(missing_ok=True)


def _append(descriptor: int, piece: bytes) -> None:
    try:
        while True:
            os.write(descriptor, piece)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
