"""Every error that a person can meet: each class owns its exit code, its sentence and its hint."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, ClassVar, NamedTuple


class Problem(NamedTuple):
    """One thing that is wrong with the input, and where.

    `line` and `column` count from 1 and are 0 where no file is at fault. `path` is dotted (`image.tag`, `networkPolicy.from[0]`).
    With `quoted` the message repeats the text of another program: it is shown, and kept out of records.
    """

    message: str
    file: str = ""
    line: int = 0
    column: int = 0
    path: str = ""
    quoted: bool = False

    def __str__(self) -> str:
        """The problem on one line: `file:line:column: path: message`, without the parts that are not known."""
        position = f":{self.line}:{self.column}" if self.line else ""
        parts = [f"{self.file}{position}" if self.file else "", self.path, self.message]
        return ": ".join(part for part in parts if part)

    def as_dict(self) -> dict[str, str | int]:
        """The problem as `-o json` prints it."""
        return {"file": self.file, "line": self.line, "column": self.column, "path": self.path, "message": self.message}


class HelmtoolError(Exception):
    """What every command may raise; the command line turns it into a message, or a JSON document, and an exit code."""

    exit_code: ClassVar[int] = 1
    code: ClassVar[str] = "failed"

    def __init__(
        self, message: str, *, hint: str = "", problems: Iterable[Problem] = (), cause_codes: Iterable[str] = (), recorded: str = ""
    ) -> None:
        """`cause_codes` name what is behind it in the catalogue of causes, the best first.

        `recorded` is the sentence for records. Required if the message quotes another program (helm, the API server, a plugin): its text
        may hold anything, and a record stays.
        """
        super().__init__(message)
        self.message = message
        self.recorded = recorded or message
        self.hint = hint
        self.problems = tuple(problems)
        self.cause_codes = tuple(cause_codes)

    @property
    def lines(self) -> list[str]:
        """The error and its problems as a record keeps them: without the text of other programs."""
        return [self.recorded, *(str(problem) for problem in self.problems if not problem.quoted)]

    def name_environment(self, name: str) -> None:
        """Replaces the word ENV in the hint: what raises an error far below does not know which environment it works for."""
        self.hint = re.sub(r"\bENV\b", lambda _: name, self.hint)

    def as_dict(self) -> dict[str, Any]:
        """The error as `-o json` prints it; `causes` is there where causes are known."""
        causes = {"causes": list(self.cause_codes)} if self.cause_codes else {}
        problems = [problem.as_dict() for problem in self.problems]
        return {"code": self.code, "message": self.message, "hint": self.hint, **causes, "problems": problems}


class OperationFailed(HelmtoolError):
    """The operation was tried and failed."""


class Unexpected(OperationFailed):
    """A step ended with an error that is none of helmtool's own."""

    code = "internal"

    def __init__(self, error: Exception) -> None:
        super().__init__(f"internal error in helmtool: {type(error).__name__}")


class UsageError(HelmtoolError):
    """The command line asks for something that does not exist."""

    exit_code = 2
    code = "usage"


class InvalidInput(HelmtoolError):
    """The input is wrong; nothing was touched."""

    exit_code = 3
    code = "invalid-input"


class Refused(HelmtoolError):
    """A guard says no."""

    exit_code = 4
    code = "refused"


class Unreachable(HelmtoolError):
    """A cluster or a registry does not answer, forbids, or takes too long."""

    exit_code = 5
    code = "unreachable"


class Interrupted(HelmtoolError):
    """A person or a signal ended it."""

    exit_code = 130
    code = "interrupted"


SEVERITY = (0, 2, 1, 3, 4, 5, 130)
"""The exit codes from the mildest on: changes that were found are no failure, and what was not reached may hide anything."""


def gravest(codes: Iterable[int]) -> int:
    """The exit code of a command about several environments, of theirs."""
    return max(codes, key=SEVERITY.index, default=0)
