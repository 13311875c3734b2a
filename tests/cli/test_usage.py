"""The command line itself: what does not exist, what is missing, where options may stand, help and completion."""

from __future__ import annotations

import json
import re

import pytest
from program import Cli, Inside

COMMANDS = ["release", "rollback", "diff", "status", "history", "validate", "render", "values", "env", "local", "tag"]
SUBCOMMANDS = ["env list", "env show", "env use", "local up", "local down", "local status", "tag check"]

WRONG = [
    (["nosuch"], "No such command 'nosuch'", "helmtool --help"),
    (["releas", "prod"], "Did you mean 'release'?", "helmtool --help"),
    (["tag", "chekc"], "No such command 'chekc'", "helmtool tag --help"),
    (["release"], "Missing argument 'ENV... TAG'", "helmtool release --help"),
    (["release", "prod"], "Missing argument 'TAG'", "helmtool release --help"),
    (["env", "show"], "Missing argument 'ENV'", "helmtool env show --help"),
    (["tag", "check"], "Missing argument 'TAG'", "helmtool tag check --help"),
    (["release", "prod", "HG0105a", "more"], "more", "helmtool release --help"),
    (["validate", "--nosuch"], "No such option: --nosuch", "helmtool validate --help"),
    (["validate", "--stric"], "--strict", "helmtool validate --help"),
    (["--nosuch", "validate"], "No such option: --nosuch", "helmtool --help"),
    (["rollback", "prod", "first"], "'first' is not a valid", "helmtool rollback --help"),
    (["rollback", "prod", "0"], "0 is not in the range", "helmtool rollback --help"),
    (["diff", "prod", "--context", "-1"], "-1 is not in the range", "helmtool diff --help"),
    (["diff", "prod", "--engine", "magic"], "'magic' is not one of", "helmtool diff --help"),
    (["release", "prod", "HG0105a", "--timeout", "10"], "'10' is not a duration", "--timeout 10m"),
    (["release", "prod", "HG0105a", "--timeout", "-5m"], "'-5m' is not a duration", "--timeout 10m"),
    (["rollback", "prod", "--timeout", "soon"], "'soon' is not a duration", "--timeout 10m"),
]


@pytest.mark.parametrize(("arguments", "said", "hint"), WRONG, ids=[" ".join(case[0]) for case in WRONG])
def test_a_command_line_that_cannot_be(inside: Inside, arguments: list[str], said: str, hint: str) -> None:
    error = inside.fails(*arguments, code=2, says=[said])
    assert (error["code"], error["hint"]) == ("usage", hint)


def test_the_same_in_a_process_of_its_own(cli: Cli) -> None:
    cli.fails("releas", "prod", code=2, says=["Did you mean 'release'?"])
    assert cli.run("-o", "yaml", "validate").code == 2


def test_no_command_is_an_error_for_scripts_and_help_for_people(cli: Cli) -> None:
    text, script = cli.run(), cli.run("-o", "json")
    assert (text.code, script.code) == (2, 2)
    assert "Usage: helmtool" in text.out + text.err
    assert script.document["error"]["code"] == "usage"
    assert cli.run("tag", "-o", "json").document["error"]["hint"] == "helmtool tag --help"


@pytest.mark.parametrize(
    "arguments",
    [
        ["-o", "json", "tag", "check", "--offline", "HG0105a"],
        ["tag", "-o", "json", "check", "--offline", "HG0105a"],
        ["tag", "check", "--offline", "-o", "json", "HG0105a"],
        ["tag", "check", "--offline", "HG0105a", "-ojson"],
        ["tag", "check", "--offline", "HG0105a", "--output=json"],
        ["--output", "json", "tag", "check", "--offline", "--quiet", "HG0105a", "--no-color"],
    ],
)
def test_global_options_stand_anywhere(inside: Inside, arguments: list[str]) -> None:
    ran = inside.run(*arguments)
    assert (ran.code, ran.document["tag"]) == (0, "HG0105a")


def test_global_options_that_take_a_path(inside: Inside) -> None:
    elsewhere = {"cwd": inside.home}
    for arguments in (["--config-dir", str(inside.root), "env", "list"], ["env", "list", "--config-dir", str(inside.root)]):
        assert "prod" in inside.run(*arguments, **elsewhere).out
    inside.fails("env", "list", "--config-dir", str(inside.home), code=3, says=["--config-dir DIR"], **elsewhere)


def test_the_version(cli: Cli) -> None:
    for arguments in (["--version"], ["--version", "-o", "json"], ["-q", "--version"]):
        ran = cli.run(*arguments)
        assert ran.code == 0
        assert re.search(r"\d+\.\d+\.\d+", ran.out)


@pytest.mark.parametrize("command", [*COMMANDS, *SUBCOMMANDS])
def test_every_command_has_help(inside: Inside, command: str) -> None:
    ran = inside.run(*command.split(), "--help")
    assert ran.code == 0
    assert f"Usage: helmtool {command}" in ran.out
    assert inside.run(*command.split(), "-h").out == ran.out
    assert "Global options" in ran.out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_for_the_shells(cli: Cli, shell: str) -> None:
    shown = cli.run("--show-completion", shell, env={"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"})
    assert (shown.code, shown.err) == (0, "")
    assert "_HELMTOOL_COMPLETE" in shown.out
    assert not re.search(r"\beval\b", shown.out)  # what is offered comes from files, clusters and registries too


def completed(cli: Cli, line: str, shell: str = "bash", **more: str) -> str:
    """What a shell is offered for a line that ends at the cursor."""
    words = line.split(" ")
    variables = {
        "_HELMTOOL_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
        "_TYPER_COMPLETE_ARGS": line,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    ran = cli.run(env=variables | more)
    assert ran.err == ""
    return ran.out


def test_environments_complete(cli: Cli) -> None:
    assert completed(cli, "helmtool release pr").split() == ["preprod", "prod"]
    assert completed(cli, "helmtool validate prod te").split() == ["test4"]
    for shell in ("zsh", "fish"):
        assert "preprod" in completed(cli, "helmtool render pr", shell)
    assert "rollback" in completed(cli, "helmtool roll")
    assert "--dry-run" in completed(cli, "helmtool release --dr")


def test_completion_is_silent_where_there_is_nothing(cli: Cli) -> None:
    cli.write("values/environments.yaml", b"a: [\xff")
    assert completed(cli, "helmtool release pr").strip() == ""
    (cli.root / "values/environments.yaml").unlink()
    assert completed(cli, "helmtool release pr").strip() == ""


def test_what_env_prints_for_a_shell(cli: Cli) -> None:
    ran = cli.run("env", "use", "prod")
    assert (ran.code, ran.out) == (0, f"export KUBECONFIG={cli.home}/K8s_tokens/config.cmsweb-k8s-services-prod\n")
    assert json.loads(cli.run("env", "use", "prod", "-o", "json").out)["KUBECONFIG"].startswith(str(cli.home))
