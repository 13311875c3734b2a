"""Times programs side by side: only ratios of one run mean anything, since machines and their load differ."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).parent.parent.parent
LONGEST = 60.0
"""Seconds after which one program that is timed is ended, and its benchmark fails."""


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to time: `argv(round)` is the command line of a round, which may differ so that each one changes something."""

    name: str
    argv: Callable[[int], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: the median in milliseconds, the fastest and slowest round, and the ratio to the first row."""

    name: str
    median: float
    fastest: float
    slowest: float
    ratio: float


def always(*argv: str) -> Callable[[int], Sequence[str]]:
    """The same command line in every round."""
    return lambda _: argv


def side_by_side(cases: Sequence[Case], *, rounds: int, environment: Mapping[str, str], good: Iterable[int] = (0,)) -> list[Row]:
    """Runs the cases one after the other, round after round (A B A B …), after one round that is not counted.

    The first case is what the others are compared with. The ratio is the median of the ratios within the rounds,
    so that a load that comes and goes weighs on both sides. `good` are the exit codes that are no failure.
    """
    seen = [[_milliseconds(case.argv(number), environment, tuple(good)) for case in cases] for number in range(rounds + 1)][1:]
    columns = list(zip(*seen, strict=True))
    ratios = [statistics.median(row[i] / row[0] for row in seen) for i in range(len(cases))]
    return [Row(c.name, statistics.median(t), min(t), max(t), r) for c, t, r in zip(cases, columns, ratios, strict=True)]


def table(title: str, rows: Sequence[Row], limits: Mapping[str, float] | None = None) -> str:
    """The rows for people; `limits` are the ratios that a name should stay below."""
    width = max(len(row.name) for row in rows)
    lines = ["", title, f"  {'':{width}}  {'median ms':>9}  {'fastest':>8}  {'slowest':>8}  {'ratio':>6}  limit"]
    for row in rows:
        limit = f"{limits[row.name]:.1f}" if limits and row.name in limits else ""
        lines.append(f"  {row.name:{width}}  {row.median:9.0f}  {row.fastest:8.0f}  {row.slowest:8.0f}  {row.ratio:6.2f}  {limit}".rstrip())
    return "\n".join(lines)


def run(argv: Sequence[str], environment: Mapping[str, str] | None = None) -> bytes:
    """What a program that prepares a benchmark prints; where it fails, so does the benchmark, with what it said."""
    done = subprocess.run(argv, env=environment, stdin=subprocess.DEVNULL, capture_output=True)
    return _good(argv, done, (0,)).stdout


def own_environment(**more: str) -> dict[str, str]:
    """The environment of a person at a shell: compiled modules are kept, no kubeconfig is set, nothing is coloured."""
    left_out = ("PYTHONDONTWRITEBYTECODE", "KUBECONFIG")
    return {k: v for k, v in os.environ.items() if k not in left_out and not k.startswith(("HELM_", "COV_"))} | {"NO_COLOR": "1"} | more


def _milliseconds(argv: Sequence[str], environment: Mapping[str, str], good: tuple[int, ...]) -> float:
    begun = time.perf_counter()
    done = subprocess.run(argv, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=LONGEST)
    took = (time.perf_counter() - begun) * 1000
    _good(argv, done, good)
    return took


def _good(argv: Sequence[str], done: subprocess.CompletedProcess[bytes], good: tuple[int, ...]) -> subprocess.CompletedProcess[bytes]:
    said = (done.stdout + done.stderr).decode(errors="replace")
    assert done.returncode in good, f"{' '.join(map(str, argv))} ended with {done.returncode}:\n{said}"
    return done
