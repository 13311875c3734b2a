"""The manual page: sound for man-db and mandoc, and with every command and option of the program."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from helmtool.cli.app import app

CHECKOUT = Path(__file__).parents[2]
PAGE = CHECKOUT / "docs/man/helmtool.1"


def run(*argv: str) -> subprocess.CompletedProcess[str]:
    """Runs a program that reads manual pages, or skips where it is missing; a run that must be complete (the variable CI) fails."""
    if not shutil.which(argv[0]):
        missing = f"{argv[0]} is missing: apt-get install man-db mandoc"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    kept = {name: value for name, value in os.environ.items() if name != "MAN_KEEP_FORMATTING"}
    variables = kept | {"MANWIDTH": "80", "LC_ALL": "C.UTF-8", "PAGER": "cat"}
    return subprocess.run(argv, env=variables, capture_output=True, text=True, timeout=60)


def shown() -> str:
    """The page as mandoc shows it, on one line, without overstrikes and with words that were broken at a hyphen together."""
    text = run("mandoc", "-Tutf8", "-Owidth=1000", str(PAGE)).stdout
    return " ".join(re.sub(r".\x08", "", text).split())


def leaves(name: str, group: Any) -> Iterator[tuple[str, Any]]:
    for own, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from leaves(f"{name} {own}", command)
        else:
            yield f"{name} {own}", command


def test_mandoc_finds_nothing_to_say() -> None:
    """But that there is no date: the page is the same whenever it is made."""
    lint = run("mandoc", "-Tlint", "-Wstyle", str(PAGE)).stdout.splitlines()
    assert [line for line in lint if "missing date" not in line] == []


def test_man_has_no_warnings(tmp_path: Path) -> None:
    assert run("man", "--warnings", "-E", "UTF-8", "-l", str(PAGE)).stderr == ""
    broken = tmp_path / "broken.1"
    broken.write_text(PAGE.read_text() + ".nosuchrequest\n")
    assert "nosuchrequest" in run("man", "--warnings", "-E", "UTF-8", "-l", str(broken)).stderr


def test_no_line_is_wider_than_a_terminal() -> None:
    lines = run("man", "-E", "UTF-8", "-l", str(PAGE)).stdout.splitlines()
    assert max(map(len, lines)) <= 80


def test_every_command_and_option_is_there() -> None:
    text = shown()
    for name, command in leaves("helmtool", typer.main.get_command(app)):
        assert name in text
        assert " ".join(str(command.help).replace("`", "").split()) in text
        for param in command.params:
            assert all(option in text for option in param.opts if option.startswith("-")), (name, param.opts)


def test_what_roff_would_take_for_its_own_is_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(str(CHECKOUT / "tools"))
    sys.modules.pop("man_page", None)
    from man_page import _text

    text = r".so /etc/passwd \fB back\slash --flag → end"
    (tmp_path / "x.1").write_text('.TH X 1 "" "" ""\n.SH NAME\nx \\- y\n.PP\n' + _text(text) + "\n")
    assert text in run("mandoc", "-Tutf8", str(tmp_path / "x.1")).stdout
