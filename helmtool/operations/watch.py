"""Waits for a rollout, and ends the wait early where it is certain that it cannot succeed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable

from helmtool.adapters.cluster import Cluster, ClusterUnreachable
from helmtool.errors import OperationFailed, Problem
from helmtool.model.causes import Cause, Certainty, rank
from helmtool.model.manifest import Manifest, ObjectKey, key_of
from helmtool.model.observation import Observation
from helmtool.model.path import Path, dotted
from helmtool.model.rollout import Rollout, judge
from helmtool.model.values import Origin
from helmtool.operations.evidence import with_logs
from helmtool.operations.observe import observe
from helmtool.operations.progress import Progress

FIRST_LOOK, GROWTH, LONGEST_PAUSE = 0.05, 1.2, 1.0
"""Seconds to the first look, what each pause grows by, the longest one: a rollout is seen within a sixth of the time it took."""
CONTROLLER_GRACE = 5.0
"""Seconds that the controller may be late with `ProgressDeadlineExceeded`; it was seen not to set it at all."""

SHOWN = 3
"""Causes that an error tells."""

Origins = Callable[[Path], "Origin | None"]
"""Gives where a value is set, or nothing."""


def no_origin(_: Path) -> Origin | None:
    """For rollouts that come from no values file."""
    return None


class RolloutFailed(OperationFailed):
    """The new pods did not become available; `causes` says why, the best one first, and `problems` what shows it."""

    code = "rollout-failed"
    causes: tuple[Cause, ...] = ()


async def watch_rollout(
    cluster: Cluster, manifests: Iterable[Manifest], *, seconds: float, progress: Progress, origin: Origins = no_origin
) -> None:
    """Waits until every Deployment among the objects serves its newest pods.

    Complete is what `kubectl rollout status` calls so: the controller has seen the newest generation, every replica is
    updated and available, and no old one is left. Raises RolloutFailed when a cause is certain, when the Deployment says that
    its deadline is over, or after `seconds`. `origin` tells where the values file sets what a cause blames.
    """
    deadline = time.monotonic() + seconds
    for key in [key_of(m) for m in manifests if m.get("kind") == "Deployment"]:
        await _watch_one(cluster, key, deadline, progress, origin)


async def _watch_one(cluster: Cluster, key: ObjectKey, deadline: float, progress: Progress, origin: Origins) -> None:
    started, pause, shown = time.monotonic(), FIRST_LOOK, ""
    moved = started
    while True:
        seen, state = await asyncio.to_thread(_look, cluster, key, started)
        if state.complete:
            progress.done("watch", f"{key}: {state.text} after {time.monotonic() - started:.1f} s")
            return
        if state.text != shown:
            progress.start("watch", f"{key}: {state.text}")
            shown, moved = state.text, time.monotonic()
        causes = rank(seen)
        over = time.monotonic() >= deadline
        stuck = time.monotonic() >= moved + state.progress_deadline + CONTROLLER_GRACE
        if state.failed or stuck or over or (causes and causes[0].certainty is Certainty.CERTAIN):
            raise await asyncio.to_thread(_failure, cluster, key, seen, state, over and not stuck, origin)
        await asyncio.sleep(pause)
        pause = min(pause * GROWTH, LONGEST_PAUSE)


def _look(cluster: Cluster, key: ObjectKey, started: float) -> tuple[Observation, Rollout]:
    """What is seen and its state; an API server that does not answer for a while does not end a rollout."""
    try:
        seen = observe(cluster, key, time.monotonic() - started)
    except ClusterUnreachable as error:
        return Observation(None), Rollout(False, False, f"{error.message}; trying again")
    return seen, judge(seen.deployment)


def _failure(cluster: Cluster, key: ObjectKey, seen: Observation, state: Rollout, over: bool, origin: Origins) -> RolloutFailed:
    """The error with the causes; the logs are read only now, for they cost a request each."""
    causes = rank(with_logs(cluster, seen))
    why = "took longer than the timeout" if over and not state.failed else "did not make progress before its deadline"
    if causes:
        why = f"fails: {causes[0].text}" if causes[0].certainty is Certainty.CERTAIN else f"{why}, probably because {causes[0].text}"
    error = RolloutFailed(
        f"the rollout of {key} {why}: {state.text}",
        problems=[problem for cause in causes[:SHOWN] for problem in problems_of(cause, origin)],
        hint=causes[0].next if causes else "",
    )
    error.causes = tuple(causes)
    return error


def problems_of(cause: Cause, origin: Origins = no_origin) -> list[Problem]:
    """A cause as the command line shows it: the place that sets the wrong thing, then a line for each piece of evidence."""
    place = origin(cause.setting) if cause.setting else None
    setting = dotted(cause.setting)
    first = Problem(cause.text, place.file, place.line, place.column, setting) if place else Problem(cause.text, path=setting)
    return [first, *(Problem(text, path=cause.code) for text in cause.evidence)]
