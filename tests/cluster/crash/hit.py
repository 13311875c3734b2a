"""A command under way that is hit at one of its writes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from crashes import Crash, Outcome
from launcher import Running

if TYPE_CHECKING:
    from place import Site

PATIENCE = 180.0
"""Seconds for a command to end: what takes longer hangs."""
CUT_SECONDS = 7.5
"""Longer than the lock lasts."""
WORDS = {0, 1, 3, 4, 5, 130}
"""Exit codes of a command that ended by itself."""


class Attempt:
    """One command line, and what happens at the write that is to be hit."""

    def __init__(self, site: Site, crash: Crash, arguments: list[str], others: list[str]) -> None:
        self._site, self._crash, self._arguments, self._others = site, crash, arguments, others
        self._proxy = site.proxy(crash.command)
        self._known, self._struck = threading.Event(), threading.Event()
        self._running: Running
        self._second: Running | None = None

    def run(self, outcome: Outcome) -> None:
        """Starts it, hits it, waits for all that it has started, and writes down how it ended."""
        self._proxy.watch(**{self._crash.moment: self._at_write})
        disk = self._site.disk.folder
        self._running = self._site.start(*self._arguments, outputs=(disk if self._loses_stdout else self._site.output, disk))
        self._known.set()
        try:
            outcome.code = self._note(outcome, self._running)
            if self._second:
                outcome.beside = self._note(outcome, self._second)
            self._wait_for_programs(outcome)
        finally:
            writes = self._proxy.writes
            outcome.at = writes[self._crash.write - 1] if self._struck.is_set() else "nothing: the command had ended"
            self._proxy.watch()
            self._site.disk.empty()
            if not self._site.within(PATIENCE, lambda: not self._proxy.is_cut):
                outcome.problems.append("the network is still cut")

    @property
    def _loses_stdout(self) -> bool:
        """Whether the answer is written to the disk that becomes full too, and not the news on stderr alone."""
        return self._crash.hit == "disk-full" and self._crash.moment == "after"

    def _at_write(self, number: int) -> str:
        """What the proxy does with the request; one write alone is hit, of whichever command."""
        if number != self._crash.write or self._struck.is_set():
            return ""
        self._struck.set()
        self._known.wait(PATIENCE)
        return self._strike()

    def _strike(self) -> str:
        hit = self._crash.hit
        actions: dict[str, Callable[[], object]] = {
            "kill": lambda: self._running.send(signal.SIGKILL),
            "kill-all": self._kill_all,
            "kill-helm": self._kill_programs,
            "terminate": lambda: self._running.send(signal.SIGTERM),
            "interrupt": lambda: self._running.send(signal.SIGINT),
            "interrupt-twice": self._interrupt_twice,
            "cut": self._cut,
            "restart": self._restart,
            "disk-full": self._site.disk.fill,
            "two-at-once": self._begin_another,
        }
        if hit in actions:
            actions[hit]()
            return "drop" if hit == "kill-all" or (hit == "restart" and self._crash.moment == "after") else ""
        return hit

    def _kill_all(self) -> None:
        self._running.send(signal.SIGKILL)
        self._kill_programs()

    def _kill_programs(self) -> None:
        for pid in self._programs():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _interrupt_twice(self) -> None:
        self._running.send(signal.SIGINT)
        threading.Timer(0.5, lambda: self._running.send(signal.SIGINT)).start()

    def _cut(self) -> None:
        self._proxy.is_cut = True

        def mend() -> None:
            self._proxy.is_cut = False

        threading.Timer(CUT_SECONDS, mend).start()

    def _restart(self) -> None:
        self._site.restart(self._crash.command)
        self._proxy.forget()

    def _begin_another(self) -> None:
        """Before a write one that ends where the lock is held, after it one that waits for the lock."""
        waits = self._crash.moment == "after" and self._crash.command != "tag-stable"
        self._second = self._site.start(*self._others, *(("--wait-lock", "1m") if waits else ()))

    def _programs(self) -> list[int]:
        """What the commands of this site have started and still runs: its environment says whose it is (proc(5))."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    if self._site.mark in (entry / "environ").read_bytes().split(b"\0"):
                        found.append(int(entry.name))
        return found

    def _wait_for_programs(self, outcome: Outcome) -> None:
        """What outlives its helmtool may still write."""
        if not self._site.within(PATIENCE, lambda: not self._programs()):
            outcome.problems.append(f"programs run on: {self._programs()}")
            self._kill_programs()

    def _note(self, outcome: Outcome, running: Running) -> int:
        """Writes down how a command ended, and gives its exit code; whoever was not killed says what is."""
        code = running.wait(PATIENCE)
        if code is None:
            outcome.problems.append("it hangs")
            running.send(signal.SIGKILL)
            code = running.wait(PATIENCE)
            assert code is not None, "it cannot be killed"
        out, err = running.printed()
        outcome.said = err.strip().splitlines()[-1][:300] if err.strip() else ""
        if "Traceback" in err:
            outcome.problems.append(f"a traceback: {err[-1000:]}")
        if not self._is_clear(code, out):
            outcome.problems.append(f"it ended with {code} and said {out[-300:]!r} {err[-300:]!r}")
        return code

    def _is_clear(self, code: int, out: str) -> bool:
        if self._crash.hit in ("kill", "kill-all") and code == -signal.SIGKILL:
            return True
        if self._loses_stdout:
            return code in WORDS
        late = self._crash.hit == "interrupt-twice" and code == -signal.SIGINT  # the second one came after the last word
        return (code in WORDS or late) and _is_answer(out, failed=code != 0)


def _is_answer(out: str, *, failed: bool) -> bool:
    try:
        answer = json.loads(out)
    except ValueError:
        return False
    return isinstance(answer, dict) and ("error" in answer) is failed
