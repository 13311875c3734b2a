"""What a check of secrets finds."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Finding(NamedTuple):
    """One thing about one file or folder: an error must be mended, a warning should be known."""

    file: Path
    message: str
    is_error: bool
    line: int = 0
    column: int = 0

    @property
    def where(self) -> str:
        """The file, with the line and column if they are known."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else str(self.file)

    def as_dict(self) -> dict[str, str | int]:
        """The finding as `-o json` prints it."""
        level = "error" if self.is_error else "warning"
        return {"level": level, "file": str(self.file), "line": self.line, "column": self.column, "message": self.message}


def error(file: Path, message: str, line: int = 0, column: int = 0) -> Finding:
    """What fails the check."""
    return Finding(file, message, True, line, column)


def warning(file: Path, message: str) -> Finding:
    """What does not."""
    return Finding(file, message, False)
