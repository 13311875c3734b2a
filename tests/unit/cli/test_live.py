"""How a rollout under way is shown: a block on a terminal, lines in a log, objects in JSON."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from test_terminal import Streams, streams  # noqa: F401 - a fixture

from helmtool.cli import live
from helmtool.cli.terminal import ERASE_BELOW, Terminal
from helmtool.model.redaction import protect
from helmtool.model.rollout_view import EventRow, PodRow, RolloutView

STYLE = re.compile("\x1b\\[[0-9;]*m")
LONG = "Readiness probe failed: " + "x" * 200


def before(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()


def view(**changes: Any) -> RolloutView:
    pods = (
        PodRow("web-6c7745-new", "Not ready", ready=False, old=False, restarts=2, said=LONG, created=before(40.5)),
        PodRow("web-5aaaaa-old", "Terminating", ready=False, old=True, restarts=0, said="", created=before(3 * 86400 + 60)),
    )
    events = (
        EventRow(before(125), "Deployment/web", "ScalingReplicaSet", "Scaled up"),
        EventRow(before(1.5), "Pod/web-6c7745-new", "Unhealthy", "a\nb"),
    )
    return replace(RolloutView("Deployment/web", "0 of 1 pods available", 0, 1, 12.34, pods, events, "the cause"), **changes)


def lines(shown: RolloutView, columns: int = 80, rows: int = 24) -> list[str]:
    return [line.written for line in live.block(shown, "…", columns, rows, colours=False)]


def test_all_that_a_person_wants_to_know() -> None:
    first, new, old, scaled, unhealthy, cause = lines(view())
    assert first == "… watch     Deployment/web: 0 of 1 pods available, 0/1 ready, 12 s"
    assert re.fullmatch(r"  pod +6c7745-new +Not ready +4\ds 2 restarts; Readiness probe failed: x+…", new)
    assert len(new) <= 79
    assert re.fullmatch(r"  pod +5aaaaa-old +Terminating +3d", old)
    assert re.fullmatch(r"  event +Deployment +ScalingReplicaSet +2m +Scaled up", scaled)
    assert re.fullmatch(r"  event +6c7745-new +Unhealthy +\ds +a b", unhealthy)
    assert cause == "  cause so far: the cause"


@pytest.mark.parametrize("columns", [1, 2, 5, 20, 40, 79, 80, 81, 200])
@pytest.mark.parametrize("rows", [1, 3, 24])
def test_no_line_is_wider_than_the_terminal_and_none_leaves_it(columns: int, rows: int) -> None:
    wide = PodRow("web-" + "日本語" * 20, "Ready", ready=True, old=False, restarts=0, said="日本語" * 50, created="")
    shown = live.block(view(pods=(wide,) * 9), "…", columns, rows, colours=True)
    assert max(line.width for line in shown) <= max(columns - 1, 1)
    assert len(shown) <= max(rows - 1, 1)


def test_many_pods_are_counted() -> None:
    shown = lines(view(pods=view().pods * 4, events=(), cause=""))
    assert len(shown) == 1 + live.PODS + 1
    assert shown[-1].split() == ["…", "3", "more", "pods"]


def test_nothing_that_others_wrote_is_obeyed_or_leaks() -> None:
    protect(b"hunter2-hunter2-hunter2")
    bad = "[red]\x1b[2J\x07hunter2-hunter2-hunter2[/nope]"
    pod = PodRow(bad, bad, ready=False, old=False, restarts=0, said=bad, created=bad)
    shown = view(name=bad, text=bad, pods=(pod,), events=(EventRow(bad, bad, bad, bad),), cause=bad)
    for text in lines(shown, columns=2000):
        assert "hunter2" not in text
        assert "[red]" in text
        assert text.isprintable()
    for line in live.block(shown, "…", 2000, 24, colours=True):
        assert STYLE.sub("", line.written).isprintable()


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the clock of the pace."""

    class Clock:
        moment = 1000.0

        def monotonic(self) -> float:
            return self.moment

    clock = Clock()
    monkeypatch.setattr(live, "time", clock)
    return lambda seconds: setattr(clock, "moment", 1000.0 + seconds)


def test_a_log_has_a_line_at_each_change_and_one_while_nothing_happens(streams: Streams, at: Callable[[float], None]) -> None:  # noqa: F811
    _, err = streams(tty=False)
    terminal = Terminal()
    steps = [(0, 0, "a"), (1, 1, "a"), (29, 29, "a"), (31, 31, "a"), (60, 60, "a"), (62, 62, "a"), (63, 63, "b")]
    for moment, seconds, text in steps:
        at(moment)
        terminal.watching(view(text=text, seconds=float(seconds)))
    waited = "(pod web-6c7745-new: Not ready)"
    assert err.text.splitlines() == [
        f"… watch     Deployment/web: a {waited}",
        f"… watch     still waiting after 31 s: a {waited}",
        f"… watch     still waiting after 62 s: a {waited}",
        f"… watch     Deployment/web: b {waited}",
    ]


@pytest.mark.parametrize("terminal", [Terminal(verbose=1), Terminal()])
def test_where_no_block_can_be_drawn_there_are_lines(streams: Streams, monkeypatch: pytest.MonkeyPatch, terminal: Terminal) -> None:  # noqa: F811
    _, err = streams()
    if not terminal.verbose:
        monkeypatch.setenv("TERM", "dumb")
    terminal.watching(view())
    assert STYLE.sub("", err.text) == "… watch     Deployment/web: 0 of 1 pods available (pod web-6c7745-new: Not ready)\n"


def test_quiet_shows_nothing(streams: Streams) -> None:  # noqa: F811
    out, err = streams()
    Terminal(quiet=True).watching(view())
    Terminal(quiet=True, output="json").watching(view())
    assert out.text + err.text == ""


@pytest.mark.parametrize(
    "after",
    [
        lambda t: t.done("watch", "complete"),
        lambda t: t.warn("x"),
        lambda t: t.start("rollback", "x"),
        lambda t: t.data("x"),
        lambda t: t.diff(["+x"]),
        lambda t: t.watching(view()),
    ],
)
def test_a_block_is_wiped_before_anything_else_is_shown(streams: Streams, at: Callable[[float], None], after: Callable[..., None]) -> None:  # noqa: F811
    _, err = streams()
    terminal = Terminal(no_color=True)
    terminal.watching(view())
    drawn = err.text
    assert drawn.count("\n") == 5
    assert drawn.endswith("cause so far: the cause\r")
    at(1)
    after(terminal)
    assert err.text.removeprefix(drawn).startswith("\x1b[5A\r" + ERASE_BELOW)
    assert "\x1b[?25" not in err.text, "a cursor that is never hidden is never lost"


def test_a_terminal_made_narrower_shows_a_line_in_several_rows(streams: Streams, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    _, err = streams()
    monkeypatch.setenv("COLUMNS", "80")
    terminal = Terminal(no_color=True)
    terminal.watching(view(events=(), cause=""))
    monkeypatch.setenv("COLUMNS", "30")
    terminal.done("watch", "complete")
    rows = 3 + 3  # 66 and 79 columns; the cursor is in the first row of the last line
    assert f"\x1b[{rows}A\r{ERASE_BELOW}" in err.text


def test_no_more_than_four_drawings_in_a_second(streams: Streams, at: Callable[[float], None]) -> None:  # noqa: F811
    _, err = streams()
    terminal = Terminal()
    for tick in range(101):
        at(tick / 100)
        terminal.watching(view())
    assert err.text.count("watch ") in (4, 5)


def test_without_rows_it_is_one_line(streams: Streams) -> None:  # noqa: F811
    _, err = streams()
    Terminal(no_color=True).watching(view(pods=(), events=()))
    assert err.text.endswith("… watch     Deployment/web: 0 of 1 pods available")


def news(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_json_has_one_object_on_each_line_of_stderr(streams: Streams) -> None:  # noqa: F811
    protect(b"hunter2-hunter2-hunter2")
    for tty in (False, True):
        out, err = streams(tty=tty)
        terminal = Terminal(output="json")
        terminal.start("apply", "going\non \x9b")
        terminal.done("apply", "hunter2-hunter2-hunter2")
        terminal.skip("verify", "policy is off")
        terminal.warn("mind this")
        told = news(err.text)
        assert err.text.isascii()
        assert [(t["step"], t["state"], t["text"]) for t in told[:1] + told[2:]] == [
            ("apply", "start", "going\non \x9b"),
            ("verify", "skip", "policy is off"),
            ("", "warn", "mind this"),
        ]
        assert "hunter2" not in err.text
        assert all(abs((datetime.now(UTC) - datetime.fromisoformat(t["time"])).total_seconds()) < 60 for t in told)
        assert out.text == ""


def test_json_of_a_rollout_tells_what_has_changed(streams: Streams, at: Callable[[float], None]) -> None:  # noqa: F811
    _, err = streams(tty=False)
    terminal, shown = Terminal(output="json"), view()
    for moment, changes in ((0, {}), (1, {"seconds": 13.0}), (2, {"events": ()}), (40, {"events": (), "seconds": 50.0})):
        at(moment)
        terminal.watching(replace(shown, **changes))
    first, second, third = news(err.text)
    assert list(first) == ["time", "step", "state", "text", "name", "ready", "desired", "seconds", "pods", "events", "cause"]
    assert (first["state"], first["seconds"], first["cause"]) == ("watch", 12.3, "the cause")
    assert first["text"] == shown.headline
    assert list(first["pods"][0]) == ["name", "phase", "ready", "old", "restarts", "said", "created"]
    assert list(first["events"][0]) == ["at", "about", "reason", "message", "warning", "count"]
    assert (second["events"], third["seconds"]) == ([], 50.0)


def test_streams_that_are_gone_stop_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as broken:
        for stream in (broken, None):
            monkeypatch.setattr(sys, "stderr", stream)
            for terminal in (Terminal(), Terminal(output="json")):
                terminal.watching(view())
                terminal.done("watch", "x")
