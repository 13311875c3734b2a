"""What is hit, at which write, and how; and which of all that is run."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count

HITS = {
    "kill": "SIGKILL to helmtool",
    "kill-all": "SIGKILL to helmtool and its helm, and no answer any more: the machine is lost",
    "kill-helm": "SIGKILL to helm alone",
    "terminate": "SIGTERM to helmtool",
    "interrupt": "SIGINT to helmtool",
    "interrupt-twice": "SIGINT twice, half a second apart",
    "cut": "no network for longer than the lock lasts",
    "drop": "the connection ends without an answer",
    "refuse": "the server answers 503",
    "restart": "the API server (for `tag stable` the registry) is killed and started again",
    "disk-full": "the disk is full from there on: home, caches, temporary files, stderr, and every other time stdout",
    "two-at-once": "a `release` of another tag begins; with `adopt` and `tag stable` the same command",
}
COMMANDS = {
    "release": "`release`",
    "release-new-secret": "`release` with a new secret",
    "release-that-fails": "`release` that never gets ready",
    "rollback": "`rollback`",
    "secrets-apply": "`secrets apply`",
    "adopt": "`adopt`",
    "tag-stable": "`tag stable`",
}
WITHOUT_HELM = ("secrets-apply", "adopt", "tag-stable")
"""Commands that start no helm while they write."""
MOMENTS = ("before", "after")


@dataclass(frozen=True)
class Crash:
    """What is hit, at which write (from 1), before the server has seen it or after it was done, and how."""

    command: str
    write: int
    moment: str
    hit: str

    def __str__(self) -> str:
        return f"{self.command} {self.write} {self.moment} {self.hit}"

    @staticmethod
    def parse(text: str) -> Crash:
        """What `str` has written."""
        command, write, moment, hit = text.split()
        return Crash(command, int(write), moment, hit)


@dataclass
class Outcome:
    """What was seen of one crash: where it was, how the command ended (and the one beside it), what it took to go on.

    `problems` is empty where all held.
    """

    crash: Crash
    at: str = ""
    code: int = 0
    beside: int | None = None
    said: str = ""
    way_on: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def every_crash(writes: Mapping[str, int]) -> list[Crash]:
    """All that can be hit, from how many writes each command has."""
    return [
        Crash(command, write, moment, hit)
        for command, last in writes.items()
        for write in range(1, last + 1)
        for moment in MOMENTS
        for hit in HITS
        if hit != "kill-helm" or command not in WITHOUT_HELM
    ]


def in_order(writes: Mapping[str, int], seed: str) -> Iterator[Crash]:
    """Without end: first so few that each command had each hit and each of its writes was hit, then the others, then any."""
    chance = random.Random(seed)
    left = every_crash(writes)
    chance.shuffle(left)
    covered: set[tuple[str, str | int]] = set()
    first, rest = [], []
    for crash in left:
        parts: set[tuple[str, str | int]] = {(crash.command, crash.hit), (crash.command, crash.write)}
        (rest if parts <= covered else first).append(crash)
        covered |= parts
    yield from first
    yield from rest
    for _ in count():
        yield chance.choice(left)
