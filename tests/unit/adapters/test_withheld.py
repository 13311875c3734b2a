from __future__ import annotations

import os
import subprocess
import sys

import pytest

from helmtool.adapters.withheld import withheld, withhold

NAME = "HELMTOOL_TEST_IDENTITY"


def test_no_program_inherits_it_and_it_is_still_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "x")
    assert withheld(NAME) == "x"
    withhold(NAME)
    assert NAME not in os.environ
    assert withheld(NAME) == "x"
    shown = subprocess.run([sys.executable, "-c", "import os; print(dict(os.environ))"], capture_output=True, text=True, check=True)
    assert NAME not in shown.stdout
    withhold(NAME)
    assert withheld(NAME) == ""


def test_what_is_not_set() -> None:
    assert withheld("HELMTOOL_TEST_NOTHING") == ""
