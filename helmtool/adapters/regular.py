"""Reads files that people name: a pipe nobody writes to, a device or a file larger than any memory must not hold a command up."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


class TooLarge(OSError):
    """The file has more bytes than anything of its kind."""


class NoFile(OSError):
    """A pipe, a socket or a device."""


def read_file(path: Path, limit: int) -> bytes:
    """The bytes of a file, at most `limit`. Raises OSError, whose `strerror` gives the reason in words; NoFile and TooLarge are some."""

    def opener(name: str, flags: int) -> int:
        return os.open(name, flags | os.O_NONBLOCK)

    with open(path, "rb", opener=opener) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise NoFile(errno.EINVAL, "neither a file nor a link to one", str(path))
        content = file.read(limit + 1)
    if len(content) > limit:
        raise TooLarge(errno.EFBIG, f"larger than {limit >> 10} KiB, which nothing of its kind is", str(path))
    return content
