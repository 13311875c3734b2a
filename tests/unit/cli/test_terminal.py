"""The terminal: what goes to which stream, colours only where they are wanted, and streams that are gone."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from helmtool.cli.terminal import ERASE, Terminal
from helmtool.errors import InvalidInput, OperationFailed, Problem

ESCAPE = "\x1b"


class Tty(io.TextIOWrapper):
    """A stream in memory that says it is a terminal."""

    def __init__(self, encoding: str = "utf-8", *, tty: bool = True) -> None:
        super().__init__(io.BytesIO(), encoding=encoding, write_through=True)
        self.tty = tty

    def isatty(self) -> bool:
        if self.closed:
            raise ValueError("I/O operation on closed file")
        return self.tty

    @property
    def text(self) -> str:
        return self.buffer.getvalue().decode(self.encoding)  # type: ignore[attr-defined, no-any-return]


Streams = Callable[..., tuple[Tty, Tty]]


@pytest.fixture
def streams(monkeypatch: pytest.MonkeyPatch) -> Streams:
    """Replaces stdout and stderr; the environment asks for nothing special."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")

    def replace(encoding: str = "utf-8", *, tty: bool = True) -> tuple[Tty, Tty]:
        out, err = Tty(encoding, tty=tty), Tty(encoding, tty=tty)
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        return out, err

    return replace


def say_everything(terminal: Terminal) -> None:
    terminal.start("watch", "going on")
    terminal.done("guard", "right cluster")
    terminal.skip("prepull", "policy off")
    terminal.warn("mind this")
    terminal.say("a sentence")
    terminal.diff(["--- a", "+++ b", "@@ 1 @@", "-old", "+new", " same"])
    terminal.table(("A", "B"), [("one", "two")])
    terminal.error(InvalidInput("wrong", hint="next step", problems=[Problem("bad", "f.yaml", 1, 2, "a.b")]))


def test_of_thousands_of_problems_the_first_are_said_and_the_rest_is_counted(streams: Streams) -> None:
    _, err = streams(tty=False)
    Terminal().error(InvalidInput("wrong", hint="next step", problems=[Problem(f"bad {n}", "f.yaml", n, 1) for n in range(1, 15001)]))
    lines = err.text.splitlines()
    assert lines[100:] == ["  f.yaml:100:1: bad 100", "  and 14900 more; -o json has them all", "  next: next step"]
    out, _ = streams(tty=False)
    Terminal(output="json").error(InvalidInput("wrong", problems=[Problem("bad", "f.yaml", n, 1) for n in range(1, 15001)]))
    assert len(json.loads(out.text)["error"]["problems"]) == 15000


def test_what_cannot_be_seen_is_escaped(streams: Streams) -> None:
    out, err = streams(tty=False)
    Terminal().line(sys.stderr, "ana@lxplus (\ufeff\u202e)")
    Terminal().data("\ufeffa\u200bb\U000e0041")
    Terminal().diff(["-a\u2066", "+b"])
    assert err.text == "ana@lxplus (\\ufeff\\u202e)\n"
    assert out.text == "\\ufeffa\\u200bb\\U000e0041\n-a\\u2066\n+b\n"


def test_a_document_means_the_same_with_what_cannot_be_seen(streams: Streams) -> None:
    out, _ = streams()
    Terminal(output="json").document(document := {"a\u202e": "\u200b \x9b \U000e0041 é \t"})
    assert json.loads(out.text) == document
    assert out.text.replace("\n", "").isprintable()


def test_colours_of_others_are_shown_as_text(streams: Streams) -> None:
    out, err = streams(tty=True)
    terminal = Terminal()
    terminal.data(f"{terminal.paint('own', sys.stdout, 'red')} \x1b[31mother's\x1b[0m")
    terminal.diff(["+\x1b[8mhidden"])
    terminal.line(sys.stderr, f"{terminal.paint('own', sys.stderr, 'red')} \x1b[8mhidden")
    assert out.text.startswith("\x1b[31mown\x1b[0m \\u001b[31mother's\\u001b[0m\n")
    assert "\x1b[8m" not in out.text + err.text
    assert "\\u001b[8mhidden" in out.text
    assert "\\u001b[8mhidden" in err.text


def test_data_goes_to_stdout_and_everything_else_to_stderr(streams: Streams) -> None:
    out, err = streams(tty=False)
    say_everything(Terminal())
    assert out.text == "--- a\n+++ b\n@@ 1 @@\n-old\n+new\n same\nA    B\none  two\n"
    for part in (
        "… watch     going on",
        "✓ guard     right cluster",
        "- prepull   skipped: policy off",
        "! mind this",
        "a sentence",
        "✗ wrong",
    ):
        assert f"{part}\n" in err.text
    assert ESCAPE not in out.text + err.text


def test_quiet_leaves_data_warnings_and_errors(streams: Streams) -> None:
    out, err = streams()
    say_everything(Terminal(quiet=True, no_color=True))
    assert "new" in out.text
    assert err.text.splitlines() == ["! mind this", "✗ wrong", "  f.yaml:1:2: a.b: bad", "  next: next step"]


def test_colours_on_a_terminal(streams: Streams) -> None:
    out, err = streams()
    say_everything(Terminal())
    assert f"{ESCAPE}[32m+new{ESCAPE}[0m" in out.text
    assert f"{ESCAPE}[31m-old" in out.text
    assert f"{ESCAPE}[31m✗" in err.text


@pytest.mark.parametrize(
    ("terminal", "environment", "coloured"),
    [
        (Terminal(), {"NO_COLOR": "1"}, False),
        (Terminal(), {"NO_COLOR": ""}, True),
        (Terminal(), {"TERM": "dumb"}, False),
        (Terminal(no_color=True), {}, False),
        (Terminal(), {}, True),
    ],
)
def test_who_wants_no_colours(
    streams: Streams, monkeypatch: pytest.MonkeyPatch, terminal: Terminal, environment: dict[str, str], coloured: bool
) -> None:
    out, _ = streams()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    terminal.diff(["+new"])
    assert (ESCAPE in out.text) is coloured


def test_a_dumb_terminal_gets_no_escape_at_all(streams: Streams, monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = streams()
    monkeypatch.setenv("TERM", "dumb")
    say_everything(Terminal())
    assert ESCAPE not in out.text + err.text
    assert "going on\n" in err.text


@pytest.mark.parametrize(
    "after", [lambda t: t.done("watch", "done"), lambda t: t.data("x"), lambda t: t.diff(["+x"]), lambda t: t.warn("x")]
)
def test_progress_is_wiped_before_anything_else_is_shown(streams: Streams, after: Callable[[Terminal], None]) -> None:
    _, err = streams()
    terminal = Terminal(no_color=True)
    terminal.start("watch", "x" * 500)
    assert err.text.startswith(ERASE)
    assert len(err.text) < len(ERASE) + 60, "a line that wraps cannot be wiped"
    after(terminal)
    assert err.text.count(ERASE) == 2


def test_progress_obeys_nothing_that_another_program_wrote(streams: Streams) -> None:
    _, err = streams()
    Terminal(no_color=True).start("docker", "\x1b[2Jgone")
    assert "\x1b[2J" not in err.text
    assert "gone" in err.text


def test_a_terminal_too_narrow_for_anything(streams: Streams, monkeypatch: pytest.MonkeyPatch) -> None:
    _, err = streams()
    monkeypatch.setenv("COLUMNS", "5")
    Terminal(no_color=True).start("watch", "text")
    assert "text"[:1] not in err.text.split("watch")[1]


def test_json_is_one_document_on_stdout_and_nothing_else(streams: Streams) -> None:
    out, err = streams()
    error = InvalidInput("wrong é", hint="next", problems=[Problem("bad", "f", 1, 2, "p"), Problem("worse")])
    Terminal(output="json").error(error)
    assert json.loads(out.text) == {
        "error": {
            "code": "invalid-input",
            "message": "wrong é",
            "hint": "next",
            "problems": [
                {"file": "f", "line": 1, "column": 2, "path": "p", "message": "bad"},
                {"file": "", "line": 0, "column": 0, "path": "", "message": "worse"},
            ],
        }
    }
    assert "é" in out.text
    assert err.text == ""


def test_the_causes_of_an_error_are_in_its_document(streams: Streams) -> None:
    out, _ = streams()
    Terminal(output="json").error(InvalidInput("x", cause_codes=["secret-missing", "dns"]))
    assert json.loads(out.text)["error"]["causes"] == ["secret-missing", "dns"]


def test_an_error_shows_every_problem_with_its_place_and_the_next_command(streams: Streams) -> None:
    _, err = streams(tty=False)
    problems = [Problem("bad", "f.yaml", 3, 7, "image.tag"), Problem("in the file", "f.yaml"), Problem("anywhere"), Problem("the sentence")]
    Terminal().error(InvalidInput("the sentence", hint="helmtool validate", problems=problems))
    assert err.text.splitlines() == [
        "✗ the sentence",
        "  f.yaml:3:7: image.tag: bad",
        "  f.yaml: in the file",
        "  anywhere",
        "  next: helmtool validate",
    ]


def test_a_table_is_aligned_cut_on_a_terminal_and_whole_in_a_pipe(streams: Streams) -> None:
    rows = [("prod", "x" * 100), ("local", "")]
    out, _ = streams(tty=False)
    Terminal().table(("ENV", "TEXT"), rows)
    assert out.text.splitlines() == ["ENV    TEXT", "prod   " + "x" * 100, "local"]
    out, _ = streams()
    Terminal().table(("ENV", "TEXT"), rows)
    assert [len(line) for line in out.text.splitlines()] == [11, 60, 5]
    assert out.text.splitlines()[1].endswith("…")
    out, _ = streams()
    Terminal().table(("ENV", "TEXT"), [])
    assert out.text == "ENV  TEXT\n"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_an_encoding_without_the_characters_loses_no_line(streams: Streams, encoding: str) -> None:
    out, err = streams(encoding, tty=False)
    terminal = Terminal()
    terminal.done("guard", "é →")
    terminal.data("one →")
    terminal.data("two")
    terminal.document({"a": "é →"})
    assert err.text == ("ok guard     ? ?\n" if encoding == "ascii" else "ok guard     é ?\n")
    first, second, document = out.text.split("\n", 2)
    assert (first, second) == ("one ?", "two")
    assert json.loads(document) == {"a": "é →"}, "data is never changed"


def test_a_text_that_utf_8_cannot_hold(streams: Streams) -> None:
    out, _ = streams()
    Terminal().data("a file named \udcff")
    assert out.text == "a file named \\udcff\n"


@pytest.mark.parametrize("output", ["text", "json"])
def test_no_streams_at_all(monkeypatch: pytest.MonkeyPatch, output: str) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    say_everything(Terminal(output=output))


@pytest.mark.parametrize("output", ["text", "json"])
def test_closed_streams_never_stop_an_operation(streams: Streams, output: str) -> None:
    for stream in streams():
        stream.close()
    say_everything(Terminal(output=output))


def test_a_reader_that_has_left_never_stops_an_operation(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as broken:
        monkeypatch.setattr(sys, "stdout", broken)
        monkeypatch.setattr(sys, "stderr", broken)
        for _ in range(2):
            say_everything(Terminal())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_fails_for_data_and_is_ignored_for_news(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stderr", full)
        Terminal().done("guard", "x")
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(OperationFailed, match="No space left"):
            Terminal().data("x")


def test_what_is_no_json_is_a_mistake_of_the_program_not_a_half_document(streams: Streams) -> None:
    out, _ = streams()
    bad: Any = {"a": object()}
    with pytest.raises(TypeError):
        Terminal(output="json").document(bad)
    assert out.text == ""


@pytest.mark.parametrize("control", ["\x00", "\x1b[2J", "\x7f", "\x85", "\x9b2J"])
def test_data_has_nothing_that_a_terminal_obeys(streams: Streams, control: str) -> None:
    out, _ = streams(tty=False)
    Terminal().data(f"a{control}b")
    Terminal(output="json").document({"a": control})
    assert control[0] not in out.text
    assert json.loads(out.text.split("\n", 1)[1]) == {"a": control}


@pytest.mark.parametrize("mark", ["\n", "\r\n", "\t", "\x0b", "\x1b[2J", "\x85", "\u2028", "\u202e", "\n2  HG0105a  deployed  "])
def test_a_cell_never_breaks_a_table(streams: Streams, mark: str) -> None:
    """Whoever writes a note, a tag or an event: each row is one line, and the columns stay where they are."""
    out, _ = streams(tty=False)
    Terminal().table(("REVISION", "NOTE", "TAG"), [("1", f"a{mark}b", f"x{mark}"), ("2", "c", "HG0105a")])
    header, first, second = out.text.split("\n")[:-1]
    assert first.startswith("1         a")
    assert second.startswith("2         c")
    assert second.index("HG0105a") == header.index("TAG") == first.index("x", 11)
    assert first.isprintable()


def test_progress_takes_one_line(streams: Streams) -> None:
    _, err = streams(tty=False)
    Terminal().done("evidence", "verified when me\n✓ record    you released it")
    Terminal().skip("verify", "a\tb\nc")
    assert err.text.splitlines() == ["✓ evidence  verified when me ✓ record    you released it", "- verify    skipped: a b c"]
