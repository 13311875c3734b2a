"""How cost grows with size: processor time, wall time and memory of a command for ever more of the same.

Processor time is what a busy machine changes least. Nothing is subtracted from it, also not the start of Python, so that an
exponent is of what people pay: it rises from 0, where the start is most of the cost, to that of the work itself.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from timing import Case

KEPT = os.environ.get("HELMTOOL_BENCH_KEEP") == "1"
"""Whether the figures are kept. Else the largest size is left out, which takes minutes, and one round is enough."""
ROUNDS = 3 if KEPT else 1
LONGEST = 300.0
"""Seconds after which a command is ended, and its benchmark fails."""

# Between a fork and its exec the child's peak memory is that of its parent, so a small process starts the command, not pytest.
METER = """
import json, os, signal, sys, time
begun = time.perf_counter()
child = os.fork()
if not child:
    os.execvp(sys.argv[2], sys.argv[2:])
signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGKILL))
_, status, used = os.wait4(child, 0)
with open(sys.argv[1], "w") as file:
    json.dump([used.ru_utime + used.ru_stime, time.perf_counter() - begun, used.ru_maxrss / 1024], file)
sys.exit(os.waitstatus_to_exitcode(status))
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one command took: seconds of processor (user and system, with its children), of the clock, and MB of the largest process."""

    processor: float
    wall: float
    memory: float


@dataclass(frozen=True, slots=True)
class Growth:
    """A command's medians by size, the smallest size first."""

    name: str
    costs: Mapping[int, Cost]

    @property
    def exponent(self) -> float:
        """Of the processor time between the two largest sizes: 1 is linear, 0 does not grow."""
        (small, before), (large, after) = list(self.costs.items())[-2:]
        return math.log(after.processor / before.processor) / math.log(large / small)


def cost_of(argv: Sequence[str], environment: Mapping[str, str]) -> Cost:
    """Runs a command to its end; one that fails, or lasts too long, fails the benchmark."""
    with tempfile.TemporaryDirectory() as folder:
        figures, errors = Path(folder) / "figures", Path(folder) / "errors"
        metered = [sys.executable, "-I", "-S", "-c", METER, str(figures), *argv]
        with errors.open("wb") as stderr:
            running = subprocess.Popen(metered, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr)
            try:
                code = running.wait(LONGEST)
            except BaseException:
                running.terminate()
                running.wait()
                raise
        assert code == 0, f"{' '.join(map(str, argv))} ended with {code}:\n{errors.read_text(errors='replace')}"
        return Cost(*json.loads(figures.read_text()))


def growing(
    cases: Callable[[int], Sequence[Case]],
    sizes: Sequence[int],
    environment: Mapping[str, str],
    before: Callable[[], object] = lambda: None,
) -> list[Growth]:
    """Runs what `cases` makes for each size ROUNDS times, one after the other; `before` each run, which is not measured.

    A size may leave out cases; what they have in common is their name.
    """
    found: dict[str, dict[int, Cost]] = {}
    for size in sizes if KEPT else sizes[:-1]:
        made = cases(size)
        for case in made:
            seen = []
            for number in range(ROUNDS):
                before()
                seen.append(cost_of(case.argv(number), environment))
            found.setdefault(case.name, {})[size] = median(seen)
    return [Growth(name, costs) for name, costs in found.items()]


def median(seen: Sequence[Cost]) -> Cost:
    """The median of each figure by itself."""
    return Cost(*(statistics.median(getattr(cost, name) for cost in seen) for name in ("processor", "wall", "memory")))


def table(title: str, unit: str, growths: Sequence[Growth]) -> str:
    """The figures for people, within 80 columns."""
    lines = ["", f"{title}, {ROUNDS} rounds"]
    for growth in growths:
        lines.append(f"  {growth.name:38}  {'processor s':>11}  {'wall s':>8}  {'memory MB':>9}")
        for size, cost in growth.costs.items():
            lines.append(f"  {f'{size:,} {unit}':>38}  {cost.processor:11.2f}  {cost.wall:8.2f}  {cost.memory:9.0f}")
        lines.append(f"  {'exponent between the two largest':>38}  {growth.exponent:11.2f}")
    return "\n".join(lines)
