"""One command line in this process, with its own streams, environment and working directory."""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from helmtool.cli.app import run


@dataclass(frozen=True)
class Ran:
    """What one command line gave."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)

    def error(self, code: int) -> dict[str, Any]:
        """The error of a command that must end with that code; it says what to do next."""
        assert self.code == code, self
        found: dict[str, Any] = self.document["error"]
        assert found["hint"]
        return found


def run_inside(root: Path, variables: dict[str, str], arguments: Sequence[str]) -> Ran:
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(root),
        mock.patch.dict(os.environ, variables, clear=True),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = run(list(arguments))
    assert "Traceback" not in err.getvalue(), err.getvalue()
    assert "a mistake in helmtool" not in out.getvalue() + err.getvalue(), err.getvalue()
    return Ran(code, out.getvalue(), err.getvalue())
