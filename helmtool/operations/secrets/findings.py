"""What a check of secrets finds."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Finding(NamedTuple):
    """One thing about one file or folder: an error must be mended, a warning should be known."""

    file: Path
    message: str
    is_error: bool

    def as_dict(self) -> dict[str, str]:
        """The finding as `-o json` prints it."""
        return {"level": "error" if self.is_error else "warning", "file": str(self.file), "message": self.message}


def error(file: Path, message: str) -> Finding:
    """What fails the check."""
    return Finding(file, message, True)


def warning(file: Path, message: str) -> Finding:
    """What does not."""
    return Finding(file, message, False)
