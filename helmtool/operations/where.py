"""Which environments run an image: every cluster that can be asked is asked at the same time, and none is waited for long."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from helmtool.adapters.project import find_project
from helmtool.operations.ask import ask_each
from helmtool.operations.settings import Settings
from helmtool.operations.status import Status, state_among

PATIENCE = 10.0
"""Seconds after which a cluster that has not answered is not waited for."""


class Place(NamedTuple):
    """One environment: `runs` is yes, no, other (the tag, but another digest) or unknown; `reason` says why it is unknown."""

    environment: str
    runs: str
    image: str = ""
    digest: str = ""
    revision: int | None = None
    reason: str = ""

    def as_dict(self) -> dict[str, object]:
        """The place as `-o json` prints it."""
        return {
            "environment": self.environment,
            "runs": self.runs,
            "image": self.image or None,
            "digest": self.digest or None,
            "revision": self.revision,
            "reason": self.reason or None,
        }


def where_it_runs(repository: str, tags: Sequence[str], digest: str, settings: Settings) -> list[Place]:
    """Whether each environment runs the image of that digest, which has these tags in the repository. Only reads; raises InvalidInput."""
    names = list(find_project(settings.config_dir).environments())
    found = asyncio.run(ask_each(names, partial(state_among, settings=settings), patience=PATIENCE))
    states = [found[name] or Status(name, "unknown", problem=f"no answer within {PATIENCE:.0f} s") for name in names]
    return [_judge(state, repository, tags, digest) for state in states]


def _judge(status: Status, repository: str, tags: Sequence[str], digest: str) -> Place:
    if status.state == "unknown":
        return Place(status.environment, "unknown", reason=status.problem)
    name = status.image.partition("@")[0]
    same_name = name in {f"{repository}:{tag}" for tag in tags}
    same_repository = name.rpartition(":")[0] == repository
    if status.digest:
        runs = "yes" if same_repository and status.digest == digest else "other" if same_name else "no"
    else:
        runs = "yes" if same_name else "no"
    return Place(status.environment, runs, status.image, status.digest, status.revision)
