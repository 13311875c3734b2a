"""One input: the command line, the files and answers that it meets, and what it may lead to."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

SMALL = 1500 << 20
"""Bytes of address space for a command that starts no program of Go, which reserves more than it uses."""
LARGE = 6 << 30


@dataclass(frozen=True)
class Special:
    """What stands where a file should: `fifo`, `folder`, `loop`, `dangling`, `zero`, `socket`, `memory`, `sparse` or `missing`."""

    kind: str


Content = bytes | Special


@dataclass(frozen=True)
class Case:
    """One input of a kind. Names of files begin with `root/` (the checkout), `home/` or `secrets/` (the services_config checkout).

    In arguments, files and variables `{root}`, `{home}`, `{secrets}` and `{server}` (the hostile server's host and port) are filled in.
    """

    arguments: tuple[str, ...]
    allowed: frozenset[int]
    files: Mapping[str, Content] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    answers: Any = None
    """What the hostile server does; nothing where none is asked."""
    canary: str = ""
    names: tuple[str, ...] = ()
    """Of what an error with exit code 3 must name at least one."""
    documents: bool = False
    """Whether an exit code that is not 0 may come with a document instead of an error: `status` and `secrets check`."""
    memory: int = SMALL
    check: Callable[[int, str, str], str] | None = None
    """A look at exit code, stdout and stderr by other means; gives what is wrong."""

    @property
    def as_json(self) -> bool:
        """Whether one JSON document is expected on stdout."""
        return any(pair == ("-o", "json") for pair in zip(self.arguments, self.arguments[1:], strict=False))


def in_a_mode(rng: random.Random, *arguments: str) -> tuple[str, ...]:
    """The arguments for people or for scripts."""
    return ("-o", "json", *arguments) if rng.random() < 0.5 else arguments


def codes(*allowed: int) -> frozenset[int]:
    """Exit codes."""
    return frozenset(allowed)
