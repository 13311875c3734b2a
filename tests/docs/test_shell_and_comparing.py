"""What the suite of the pages stands on: a shell that keeps its state and asks, and a comparison that finds what differs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent / "executed"))

from comparing import difference
from shell import Shell

RECORD = "✓ record    ann@lxplus from 4a643667e179"
SHOWN = ("✓ guard     local is kwok-helmtool at https://127.0.0.1:26258", RECORD, "revision 2", "…", "end")
CAME = "✓ guard     local is kwok-helmtool at https://127.0.0.1:20001\n… watch     0 of 1\n✓ record    ann@lxplus from 19bcb3670566\n"


@pytest.mark.parametrize("left_out", ["", "anything\n", "anything\nmore\n"])
def test_what_varies_is_alike(left_out: str) -> None:
    assert difference(SHOWN, f"{CAME}revision 2\n{left_out}end\n") == ""


@pytest.mark.parametrize("rest", ["revision 3\nend\n", "revision 2\n", "end\n", "revision 2\nend\nmore\n", "revision 2\nthe end\n"])
def test_what_differs_is_found(rest: str) -> None:
    assert "+++ came" in difference(SHOWN, CAME + rest)


def test_a_part_of_a_line_is_left_out() -> None:
    assert difference(["kubeconfig: …/vm/kubeconfig"], "kubeconfig: /a/b/vm/kubeconfig\n") == ""
    assert difference(["kubeconfig: …/vm/kubeconfig"], "kubeconfig: /a/b/vm/other\n")


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    shell = Shell(tmp_path, {"PATH": os.environ["PATH"]})
    yield shell
    shell.close()


def test_one_shell_for_all(shell: Shell) -> None:
    assert shell.run("export WORD=kept; cd /").code == 0
    assert shell.run("echo $WORD in $PWD; echo and here >&2").output == "kept in /\nand here\n"
    assert [shell.run(command).code for command in ("false", "exit-code() { return 7; }; exit-code", "no-such-program-here")] == [1, 7, 127]


def test_a_question_is_answered_at_a_terminal(shell: Shell) -> None:
    assert shell.run("test -t 0 && read answer && echo it was $answer", "yes\n").output == "it was yes\n"
    with pytest.raises(AssertionError, match="did not ask"):
        shell.run("true", "yes\n")
    assert shell.run("read -t 0 && echo left || echo nothing").output == "nothing\n"


def test_what_does_not_end_is_told(shell: Shell) -> None:
    with pytest.raises(AssertionError, match="has not ended"):
        shell.run("echo begun; sleep 30", patience=0.5)
