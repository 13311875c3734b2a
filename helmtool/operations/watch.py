"""Waits for a rollout, and ends the wait early where it is certain that it cannot succeed."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Sequence

from helmtool.adapters.answer import ClusterUnreachable, VersionExpired
from helmtool.adapters.cluster import Cluster
from helmtool.errors import OperationFailed, Problem
from helmtool.model.causes import Cause, Certainty, rank
from helmtool.model.manifest import Manifest, ObjectKey, key_of
from helmtool.model.observation import Observation
from helmtool.model.path import Path, dotted
from helmtool.model.rollout import Rollout, judge, late_mark
from helmtool.model.rollout_view import view_of
from helmtool.model.values import Origin
from helmtool.operations.evidence import with_logs
from helmtool.operations.observe import Observer, observe
from helmtool.operations.progress import Progress

EXPLAINED_AFTER = 1.0
"""Seconds after which ReplicaSets, pods and events are followed too: what is complete by then needs no explanation."""
SETTLING = 1.0
"""Seconds that a cause must stay certain, since an event may tell of what has passed."""
TICK = 1.0
"""Seconds between two looks at most, for those who see the time go by; a look asks nobody."""
REST = 4.0
"""How many times as long as a look has worked nobody looks, so that the news of many pods come together."""
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
    known = await asyncio.to_thread(_first_look, cluster, key)
    wait = _Wait(cluster, key, deadline, progress, origin)
    if not judge(known).complete:
        await wait.until_complete(known)
    progress.done("watch", f"{key}: {wait.text or judge(known).text} after {time.monotonic() - wait.began:.1f} s")


def _first_look(cluster: Cluster, key: ObjectKey) -> Manifest | None:
    """The Deployment, which may be complete already; an API server that does not answer now is asked again by the stream."""
    with contextlib.suppress(ClusterUnreachable):
        return cluster.get(key)
    return None


class _Wait:
    """The wait for one Deployment: what was seen so far, and since when."""

    def __init__(self, cluster: Cluster, key: ObjectKey, deadline: float, progress: Progress, origin: Origins) -> None:
        self.cluster, self.key, self.deadline, self.progress, self.origin = cluster, key, deadline, progress, origin
        self.began = self.moved = time.monotonic()
        self.text = ""
        self.suspect, self.suspected = "", 0.0
        self.stale = ("", "")
        """The deadline that the rollout before had missed."""

    async def until_complete(self, known: Manifest | None) -> None:
        """Returns when the rollout is complete. Raises RolloutFailed, and ClusterForbidden where it cannot be seen."""
        self.stale = late_mark(known)
        loop, changed = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            with contextlib.suppress(RuntimeError):  # a stream that outlives the loop has nobody to wake
                loop.call_soon_threadsafe(changed.set)

        with Observer(self.cluster, self.key, known, wake) as observer:
            while True:
                began = time.thread_time()
                if await self._is_complete(observer):
                    return
                await asyncio.sleep(REST * (time.thread_time() - began))
                # Not wait_for: up to Python 3.11 it swallows a cancellation that comes together with a change.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._pause()):
                        await changed.wait()
                changed.clear()

    async def _is_complete(self, observer: Observer) -> bool:
        if time.monotonic() >= self.began + EXPLAINED_AFTER:
            observer.explain()
        seen = observer.look()
        state = self._judge(seen, observer.trouble)
        causes = rank(seen) if observer.explains else []
        self._note(state, causes)
        for text in observer.missing_rights():
            self.progress.warn(text)
        if state.complete:
            return True
        self.progress.watching(view_of(str(self.key), seen, state, causes))
        return await self._fails(seen, state) if self._is_over(state) else False

    def _note(self, state: Rollout, causes: Sequence[Cause]) -> None:
        """Keeps since when the state is this one, and since when the best cause is certain."""
        now = time.monotonic()
        if state.text != self.text:
            self.text, self.moved = state.text, now
        code = _certain(causes)
        if code != self.suspect:
            self.suspect, self.suspected = code, now

    def _is_over(self, state: Rollout) -> bool:
        """Whether there is a reason to end the wait; a fresh look must agree."""
        now = time.monotonic()
        return state.failed or self._is_stuck(state) or now >= self.deadline or bool(self.suspect and now >= self.suspected + SETTLING)

    def _is_stuck(self, state: Rollout) -> bool:
        return time.monotonic() >= self.moved + state.progress_deadline + CONTROLLER_GRACE

    async def _fails(self, seen: Observation, state: Rollout) -> bool:
        """Looks again without the streams, which may be behind: true where the rollout is complete after all, false where it goes on.

        Raises RolloutFailed with what this look shows; where it fails, only the timeout ends the wait.
        """
        timed_out = time.monotonic() >= self.deadline
        try:
            seen = await asyncio.to_thread(observe, self.cluster, self.key, seen.seconds)
            state = self._judge(seen)
        except (ClusterUnreachable, VersionExpired):
            if not timed_out:
                return False
        if state.complete:
            self.text = state.text
            return True
        if self.suspect:  # what a container says may name the cause, or show that it heals
            seen = await asyncio.to_thread(with_logs, self.cluster, seen)
        stuck, certain = self._is_stuck(state), _certain(rank(seen))
        if state.failed or stuck or timed_out or (certain and self.suspect):
            raise await asyncio.to_thread(_failure, self.cluster, self.key, seen, state, timed_out and not stuck, self.origin)
        self.suspect = ""
        return False

    def _judge(self, seen: Observation, trouble: str = "") -> Rollout:
        """The state; neither an API server that does not answer for a while nor the deadline of the rollout before ends this one."""
        if trouble:
            return Rollout(False, False, f"{trouble}; trying again", recorded="the API server does not answer")
        state = judge(seen.deployment)
        return state._replace(failed=False) if state.failed and late_mark(seen.deployment) == self.stale else state

    def _pause(self) -> float:
        """Seconds until something is due without any change: a deadline, or the view's next second."""
        now = time.monotonic()
        due = [now + TICK, self.deadline] + ([self.suspected + SETTLING] if self.suspect else [])
        if now < self.began + EXPLAINED_AFTER:
            due.append(self.began + EXPLAINED_AFTER)
        return max(min(due) - now, 0.01)


def _certain(causes: Sequence[Cause]) -> str:
    """The code of the best cause where it is certain, else nothing."""
    return causes[0].code if causes and causes[0].certainty is Certainty.CERTAIN else ""


def _failure(cluster: Cluster, key: ObjectKey, seen: Observation, state: Rollout, over: bool, origin: Origins) -> RolloutFailed:
    """The error with the causes; the logs are read only now, for they cost a request each."""
    causes = rank(seen if seen.logs else with_logs(cluster, seen))
    why = "took longer than the timeout" if over and not state.failed else "did not make progress before its deadline"
    if causes:
        why = f"fails: {causes[0].text}" if causes[0].certainty is Certainty.CERTAIN else f"{why}, probably because {causes[0].text}"
    error = RolloutFailed(
        f"the rollout of {key} {why}: {state.text}",
        recorded=f"the rollout of {key} {why}: {state.recorded or state.text}",
        problems=[problem for cause in causes[:SHOWN] for problem in problems_of(cause, origin)],
        hint=causes[0].next if causes else "",
        cause_codes=[cause.code for cause in causes],
    )
    error.causes = tuple(causes)
    return error


def problems_of(cause: Cause, origin: Origins = no_origin) -> list[Problem]:
    """A cause as the command line shows it: the place that sets the wrong thing, then a line for each piece of evidence."""
    place = origin(cause.setting) if cause.setting else None
    setting = dotted(cause.setting)
    first = Problem(cause.text, place.file, place.line, place.column, setting) if place else Problem(cause.text, path=setting)
    return [first, *(Problem(text, path=cause.code) for text in cause.evidence)]
