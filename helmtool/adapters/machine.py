"""What this machine has free."""

from __future__ import annotations

import platform
import re
import shutil
from pathlib import Path

MEMORY = Path("/proc/meminfo")


def is_here(host: str) -> bool:
    """Whether the name is this machine's: what is free elsewhere cannot be seen."""
    return host == platform.node()


def memory_free(file: Path = MEMORY) -> int | None:
    """Bytes that a new program can have without swapping, or nothing where the system does not tell."""
    try:
        match = re.search(r"^MemAvailable:\s+(\d+) kB$", file.read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(match[1]) * 1024 if match else None


def disk_free(folder: Path) -> int | None:
    """Bytes free where the folder is, or nothing where it cannot be seen from here."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None
