"""Which runs are done: kept in a file, so that a suite that takes hours can be made in several sittings."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from crashes import COMMANDS, HITS, Crash, Outcome, every_crash, in_order


class Ledger:
    """Hands out runs, each once, those first that failed in an earlier sitting; writes down what came of them.

    A run that failed stays in the file until it was made again and holds. Without a file nothing is remembered.
    """

    def __init__(self, file: Path | None, runs: int, seed: str, writes: Mapping[str, int], commit: str) -> None:
        self._file, self._lock = file, threading.Lock()
        known: dict[str, Any] = json.loads(file.read_text()) if file and file.is_file() else {}
        self._portions: list[dict[str, Any]] = known.get("portions", [])
        self.failures: list[dict[str, Any]] = known.get("failures", [])
        self._head = {
            "commands": COMMANDS,
            "hits": HITS,
            "runs": runs,
            "writes": dict(writes),
            "points": len(every_crash(writes)),
        }
        self._portion: dict[str, Any] = {"seed": seed, "commit": commit, "runs": "", "ways on": {}}
        self._done: list[int] = []
        self._todo = [(failure["run"], Crash.parse(failure["crash"])) for failure in self.failures]
        settled = {number for portion in self._portions for number in numbers(portion["runs"])} | {number for number, _ in self._todo}
        self._todo += [(n, crash) for n, crash in enumerate(islice(in_order(writes, seed), runs), 1) if n not in settled]
        self.total = len(self._todo)
        self._todo.reverse()

    def take(self) -> tuple[int, Crash] | None:
        """The next run, or nothing where all are taken."""
        with self._lock:
            return self._todo.pop() if self._todo else None

    def stop(self) -> None:
        """Hands out no more."""
        with self._lock:
            self._todo.clear()

    @property
    def done(self) -> int:
        """How many of this sitting's runs hold."""
        return len(self._done)

    def enter(self, number: int, outcome: Outcome) -> None:
        """Writes down what came of a run."""
        with self._lock:
            self.failures = [failure for failure in self.failures if failure["run"] != number]
            if outcome.problems:
                self.failures.append(_failure(number, outcome, self._portion["commit"]))
            else:
                self._count(number, outcome)
            if self._file:
                self._write(self._file)

    def _count(self, number: int, outcome: Outcome) -> None:
        self._done.append(number)
        ways = self._portion["ways on"].setdefault(outcome.crash.command, {}).setdefault(outcome.crash.hit, {})
        way = ", ".join(outcome.way_on)
        ways[way] = ways.get(way, 0) + 1

    def _write(self, file: Path) -> None:
        portion = self._portion | {"runs": ranges(self._done), "ways on": _sorted(self._portion["ways on"])}
        document = self._head | {"portions": [*self._portions, *([portion] if self._done else [])], "failures": self.failures}
        new = file.with_suffix(".new")
        new.write_text(json.dumps(document, indent=1) + "\n")
        new.replace(file)


def is_complete(file: Path, runs: int) -> bool:
    """Whether every run holds already, so that there is nothing to go on with."""
    known: dict[str, Any] = json.loads(file.read_text()) if file.is_file() else {"portions": [], "failures": []}
    held = {number for portion in known["portions"] for number in numbers(portion["runs"])}
    return not known["failures"] and held >= set(range(1, runs + 1))


def _failure(number: int, outcome: Outcome, commit: str) -> dict[str, Any]:
    seen = {"run": number, "crash": str(outcome.crash), "commit": commit, "at": outcome.at, "code": outcome.code, "said": outcome.said}
    return seen | {"ways on": outcome.way_on, "problems": outcome.problems}


def _sorted(tree: dict[str, Any]) -> dict[str, Any]:
    return {key: _sorted(value) if isinstance(value, dict) else value for key, value in sorted(tree.items())}


def ranges(found: Iterable[int]) -> str:
    """Numbers as `1-5,7`."""
    parts: list[list[int]] = []
    for number in sorted(found):
        if parts and number == parts[-1][-1] + 1:
            parts[-1] = [parts[-1][0], number]
        else:
            parts.append([number])
    return ",".join("-".join(map(str, part)) for part in parts)


def numbers(text: str) -> set[int]:
    """What `ranges` has written."""
    parts = [[int(number) for number in part.split("-")] for part in text.split(",") if part]
    return {number for part in parts for number in range(part[0], part[-1] + 1)}
