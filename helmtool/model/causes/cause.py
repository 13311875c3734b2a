"""One reason for which a rollout does not end, with its evidence."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from helmtool.model.path import Path


class Certainty(IntEnum):
    """How much a cause is to be believed; only a certain one ends the wait."""

    POSSIBLE = 1
    """It explains what is seen, and may heal by itself."""
    LIKELY = 2
    """It explains what is seen, and seldom heals."""
    CERTAIN = 3
    """It cannot heal without a person, or without another release."""


class Cause(NamedTuple):
    """Why new pods do not become available.

    `code` is its name in the catalogue (kebab-case), `text` one sentence for people. `evidence` are the lines that show it: the
    event, the exit code, the container's last words. `setting` is the path of the value that sets the wrong thing, empty where
    no value does; `next` the command to type.
    """

    code: str
    text: str
    certainty: Certainty
    evidence: tuple[str, ...] = ()
    setting: Path = ()
    next: str = ""
