"""A rollout under way: a block of lines on a terminal, which the next state replaces; elsewhere a line at each change."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from helmtool.cli.harmless import harmless, one_line
from helmtool.operations.clock import age

if TYPE_CHECKING:
    from rich.text import Text

    from helmtool.model.rollout_view import PodRow, RolloutView

REDRAWN = 0.25
"""Seconds between two drawings at least."""
REMINDED = 30.0
"""Seconds without a change after which a log is told that the wait goes on."""
PODS = 5
NAME = 30
COLOURS = {True: "green", False: "yellow"}


class Line(NamedTuple):
    """A line of the block as it is written, and how many columns it takes."""

    written: str
    width: int


@dataclass
class Pace:
    """What was told last of the rollout, and when, in seconds of a clock that only goes forward."""

    told: object = None
    at: float = 0.0
    drawn: float = field(default=0.0)

    def news(self, view: RolloutView) -> str:
        """The line that a log is to have now; empty where there is nothing to tell."""
        line, now = f"{view.name}: {view.headline}", time.monotonic()
        if line != self.told:
            self.told, self.at = line, now
            return line
        if now >= self.at + REMINDED:
            self.at = now
            return f"still waiting after {view.seconds:.0f} s: {view.headline}"
        return ""

    def changed(self, view: RolloutView) -> bool:
        """Whether anything but the time is another than when it was asked last, or the wait is to be told again."""
        now, seen = time.monotonic(), {**asdict(view), "seconds": 0.0}
        if seen == self.told and now < self.at + REMINDED:
            return False
        self.told, self.at = seen, now
        return True

    def draws(self) -> bool:
        """Whether it is time to draw again."""
        if time.monotonic() < self.drawn + REDRAWN:
            return False
        self.drawn = time.monotonic()
        return True


def document(view: RolloutView) -> dict[str, Any]:
    """The fields of a line in JSON besides its text; the time is in tenths of seconds."""
    fields = asdict(view) | {"seconds": round(view.seconds, 1)}
    return {name: value for name, value in fields.items() if name != "text"}


def block(view: RolloutView, mark: str, columns: int, rows: int, *, colours: bool) -> list[Line]:
    """The lines of a rollout, none wider than the terminal and no more than it has."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(
        file=io.StringIO(), width=max(columns - 1, 1), force_terminal=colours, no_color=not colours, legacy_windows=False, _environ={}
    )
    table = Table.grid(padding=(0, 1), expand=True)  # only so is the last column the one that gives way
    for ratio in (None, None, None, None, 1):
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=ratio)
    for cells in _rows(view):
        table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in cells))
    cause = [Text(f"  cause so far: {one_line(view.cause)}", style="yellow")] if view.cause else []
    with console.capture() as caught:
        for part in (Text(f"{mark} watch     {_first(view)}"), table, *cause):
            console.print(part, no_wrap=True, overflow="ellipsis")
    lines = [line.rstrip() for line in caught.get().splitlines()]
    return [Line(line, Text.from_ansi(line).cell_len) for line in lines[: max(rows - 1, 1)]]


def _first(view: RolloutView) -> str:
    return one_line(f"{view.name}: {view.text}, {view.ready}/{view.desired} ready, {view.seconds:.0f} s")


def _rows(view: RolloutView) -> Iterator[Sequence[str | Text]]:
    from rich.text import Text

    for pod in view.pods[:PODS]:
        phase = Text(one_line(pod.phase), style="bright_black" if pod.old else COLOURS[pod.ready])
        yield "  pod", _short(pod.name, view.name), phase, age(pod.created), _state(pod)
    if len(view.pods) > PODS:
        yield "  …", f"{len(view.pods) - PODS} more pods", "", "", ""
    for event in view.events:
        kind, _, name = harmless(event.about).partition("/")
        about = kind if event.about == view.name else _short(name, view.name)
        yield "  event", about, one_line(event.reason), age(event.at), one_line(event.message)


def _state(pod: PodRow) -> str:
    restarts = f"{pod.restarts} restart{'s' if pod.restarts > 1 else ''}" if pod.restarts else ""
    return "; ".join(part for part in (restarts, one_line(pod.said)) if part)


def _short(name: str, view: str) -> str:
    """A name without that of the Deployment, which stands in the first line."""
    short = harmless(name).removeprefix(view.partition("/")[2] + "-")  # redacted before it is cut: a part is not recognised
    return short if len(short) <= NAME else "…" + short[1 - NAME :]
