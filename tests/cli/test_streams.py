"""Streams that are closed, full or read by nobody, and the options that say how much is told."""

from __future__ import annotations

import json
import re
from pathlib import Path

import hostile_text
import pytest
from program import Cli

COLOUR = re.compile("\x1b\\[")


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("tag check --offline HG0105a", 0),
        ("tag check --offline HG3205a", 3),
        ("tag check --offline HG3205a -o json", 3),
        ("validate prod", 0),
        ("values prod", 0),
        ("nosuch", 2),
    ],
)
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams_change_no_exit_code(cli: Cli, command: str, code: int, closed: str) -> None:
    assert cli.shell(f"$H {command} {closed}").code == code


def test_a_reader_that_leaves(cli: Cli) -> None:
    for command in ("values prod", "values prod --explain", "render prod", "values prod -o json", "env list"):
        ran = cli.shell(f"$H {command} | head -1; echo ${{PIPESTATUS[0]}}")
        assert (ran.out.splitlines()[-1], len(ran.out.splitlines())) == ("0", 2)
    assert cli.shell("$H tag check --offline HG3205a 2>&1 >/dev/null | true; exit ${PIPESTATUS[0]}").code == 3
    assert cli.shell("$H --help | head -1").err == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk(cli: Cli) -> None:
    for command in ("values prod", "tag check --offline HG0105a", "env list -o json"):
        ran = cli.shell(f"$H {command} >/dev/full")
        assert ran.code == 1
        assert "No space left on device" in ran.err
    ran = cli.shell("$H tag check --offline HG3205a -o json >/dev/full")
    assert "there is no day 32" in ran.err
    assert cli.shell("$H tag check --offline HG3205a >/dev/full 2>/dev/full").code == 3


def on_terminal(cli: Cli, *arguments: str, **variables: str) -> tuple[int, str]:
    """The exit code and all that a person sees."""
    return hostile_text.on_terminal(cli.root, {**cli.variables, **variables}, *arguments)


def test_colours_are_for_terminals_that_want_them(cli: Cli) -> None:
    command = ("tag", "check", "--offline", "HG3205a")
    assert COLOUR.search(on_terminal(cli, *command)[1])
    for seen in (
        on_terminal(cli, *command, NO_COLOR="1"),
        on_terminal(cli, *command, TERM="dumb"),
        on_terminal(cli, "--no-color", *command),
        on_terminal(cli, *command, "--no-color"),
    ):
        assert (seen[0], COLOUR.search(seen[1])) == (3, None)
    assert not COLOUR.search(cli.run(*command).err)
    assert not COLOUR.search(on_terminal(cli, "tag", "check", "--offline", "HG0105a", "-o", "json", NO_COLOR="1")[1])


def test_a_narrow_terminal(cli: Cli) -> None:
    for columns in ("40", "0", "many"):
        code, _ = on_terminal(cli, "env", "list", COLUMNS=columns)
        assert code == 0
        assert cli.run("env", "list", env={"COLUMNS": columns}).code == 0
        assert cli.run("--help", env={"COLUMNS": columns}).code == 0
    lines = on_terminal(cli, "env", "list", COLUMNS="40", NO_COLOR="1")[1].splitlines()
    assert max(len(line) for line in lines) <= 40


def test_quiet_keeps_data_warnings_and_errors(cli: Cli) -> None:
    quiet = cli.run("-q", "validate", "prod")
    assert (quiet.code, quiet.out) == (0, "")
    assert "a pin is safer" in quiet.err
    assert "objects" not in quiet.err
    assert "there is no day 32" in cli.run("-q", "tag", "check", "--offline", "HG3205a").err
    assert cli.run("tag", "check", "--offline", "HG0105a", "-q").err == ""
    assert cli.run("tag", "check", "--offline", "HG0105a", "-q").out


def test_verbose_shows_programs_and_keeps_stdout(cli: Cli) -> None:
    plain, verbose = cli.run("values", "prod"), cli.run("-v", "values", "prod")
    assert plain.out == verbose.out
    for arguments in (["-v", "validate", "prod"], ["validate", "-vv", "prod", "-o", "json"]):
        ran = cli.run(*arguments)
        assert ran.code == 0
        assert "helm template newdqmgui" in ran.err
    assert json.loads(ran.out)[0]["environment"] == "prod"


def test_only_twice_verbose_shows_a_traceback(cli: Cli) -> None:
    assert "Traceback" not in cli.run("-v", "validate", "prd").err
    ran = cli.shell("$H -vv validate prd 2>&1 | grep -c ^Trace")
    assert ran.out.strip() == "1"
