"""Completion of environments in real shells, and what a shell never gets to see."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace

import pytest
from program import PROGRAM, Cli
from shells import Shells

from helmtool.cli import options


@pytest.fixture
def shells(cli: Cli) -> Shells:
    return Shells(cli.root, cli.variables)


@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_environments(shells: Shells, shell: str) -> None:
    assert shells.offered(shell, "helmtool release p") == ["preprod", "prod"]
    assert shells.offered(shell, "helmtool promote preprod pro") == ["prod"]
    assert shells.offered(shell, "helmtool tag check HG0105a --env test") == ["test4"]
    assert "rollback" in shells.offered(shell, "helmtool ro")


def test_environments_in_zsh(shells: Shells) -> None:
    assert "helmtool release preprod" in shells.typed("helmtool release pre", "preprod").replace("\x07", "")


@pytest.mark.parametrize("shell", ["bash", "fish", "zsh"])
def test_a_new_shell_completes_once_it_is_installed(shells: Shells, shell: str) -> None:
    assert "preprod" in shells.installed(shell, "helmtool release pre")


def test_zsh_shows_words_with_their_descriptions(shells: Shells) -> None:
    shown = shells.typed("helmtool release p\t", "prod     ")
    assert re.search(r"preprod  \S", shown), shown


def test_zsh_completes_files_where_the_program_has_nothing(shells: Shells) -> None:
    (shells.folder / "my-identity.txt").touch()
    assert "my-identity.txt" in shells.typed("helmtool secrets decrypt my-id", "identity.txt")


def test_the_environments_of_another_checkout(shells: Shells, cli: Cli) -> None:
    other = cli.root / "elsewhere"
    for file in ("values/environments.yaml", "charts/newdqmgui/Chart.yaml"):
        (other / file).parent.mkdir(parents=True)
        (other / file).write_text("environments: {only-here: {description: One, embedded: true, namespace: dqm, release: r}}\n")
    assert shells.offered("bash", f"helmtool --config-dir {other} release ") == ["only-here"]


HOSTILE = [
    "$(touch MARK)",
    "`touch MARK`",
    "\\$(touch MARK)",
    "the shift's own \\$(touch MARK)",
    "\\`touch MARK\\`",
    "'; touch MARK; '",
    '"; touch MARK; "',
    "'$(touch MARK)'",
    "${(e):-$(touch MARK)}",
    "))'; touch MARK; : '((",
    ": $(touch MARK) :",
    "$'\\x60touch MARK\\x60'",
    "{a,$(touch MARK)}",
]
"""What one shell or another would run, if a script of a completion let it."""


@pytest.mark.parametrize("shell", ["bash", "fish", "zsh"])
def test_a_description_is_never_run(shells: Shells, cli: Cli, shell: str) -> None:
    """Tab in a checkout of somebody's branch, whose descriptions of environments are meant for the shell."""
    for text in HOSTILE:
        only = {"description": text, "embedded": True, "namespace": "dqm", "release": "r"}
        (cli.root / "values/environments.yaml").write_text(json.dumps({"environments": {"only-here": only}}))
        if shell == "zsh":
            shells.typed("helmtool status ", "only-here")
        else:
            assert shells.offered(shell, "helmtool release ") == ["only-here"]
        assert not (cli.root / "MARK").exists(), text


@pytest.mark.parametrize("text", HOSTILE)
def test_zsh_evaluates_nothing_of_what_the_program_prints(shells: Shells, text: str) -> None:
    """The script alone: a program that prints hostile words and descriptions, and a word of two lines."""
    answer = f"only-here\t{text}\nonly-two{text}\t{text}\n\tempty\nonly-three\tx\ty:z\n"
    hostile = replace(shells, answer=answer.encode())
    assert "only-" in hostile.typed("helmtool status only-h", "only-here")
    assert "three" in hostile.typed("helmtool status onl\t", "only-three")
    one = replace(shells, answer=f"only-two{text}\n".encode())
    one.typed("helmtool status only-t", "only-two")
    assert not (shells.folder / "MARK").exists()


def test_a_word_that_a_shell_would_interpret_is_not_offered() -> None:
    entries = [("HG0105a", "deployed: $(x) `y` 'z'"), ("$(x)", ""), ("-x", ""), ("a b", ""), ("a;b", ""), ("", "")]
    assert options._offered(lambda: entries, "") == [("HG0105a", "deployed x y z")]


BROKEN = {
    "no checkout": ("values/environments.yaml", None),
    "no YAML": ("values/environments.yaml", "\t:["),
    "no environments": ("values/environments.yaml", "environments: 7"),
    "no values": ("values/prod.yaml", "]"),
}


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("line", ["helmtool release ", "helmtool release prod ", "helmtool rollback prod ", "helmtool rollback nowhere "])
def test_whatever_is_wrong_a_shell_sees_nothing_of_it(shells: Shells, cli: Cli, broken: str, line: str) -> None:
    file, content = BROKEN[broken]
    (cli.root / file).write_text(content) if content else (cli.root / file).unlink()
    found = shells.offered("bash", line)  # which fails on any word on stderr
    assert set(found) <= {"test4", "preprod", "prod", "local"}


def test_a_plugin_of_the_kubeconfig_is_not_asked(shells: Shells, cli: Cli) -> None:
    asked = cli.home / "asked"
    plugin = cli.home / "plugin"
    plugin.write_text(f"#!/bin/sh\ntouch {asked}\nread -p 'Password: ' word </dev/tty\n")
    plugin.chmod(0o755)
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin), "interactiveMode": "IfAvailable"}}
    config = cli.kubeconfig("https://127.0.0.1:1", user=user)
    assert shells.offered("bash", f"helmtool rollback test4 --kubeconfig {config} ") == []
    assert shells.offered("bash", f"helmtool --kubeconfig {config} rollback test4 ") == []
    assert not asked.exists()


def test_who_does_not_answer_is_not_waited_for(shells: Shells, cli: Cli) -> None:
    """A server that takes connections and never answers; asked at once a second time, it is not waited for at all."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(0.1)
        config = cli.kubeconfig(f"http://127.0.0.1:{silent.getsockname()[1]}")
        line = f"helmtool --kubeconfig {config} rollback test4 "
        assert shells.offered("bash", line) == []  # or it would not come back at all
        silent.accept()[0].close()
        assert shells.offered("bash", line) == []
        with pytest.raises(TimeoutError):
            silent.accept()


def test_a_line_that_cannot_be_parsed(cli: Cli) -> None:
    for words in ('helmtool release "unclosed', "helmtool --nonsense ", "helmtool release prod --set"):
        variables = dict(cli.variables) | {"_HELMTOOL_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": "2"}
        done = subprocess.run(PROGRAM, cwd=cli.root, env=variables, capture_output=True, timeout=20)
        assert done.stderr == b""
