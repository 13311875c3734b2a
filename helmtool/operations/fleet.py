"""The same work on several environments: a few at a time, each with a kubeconfig and a fate of its own."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from helmtool.adapters.process import begin_work
from helmtool.adapters.project import find_project
from helmtool.errors import HelmtoolError, Interrupted, UsageError
from helmtool.model.environment import find_environment
from helmtool.model.rollout_view import RolloutView
from helmtool.operations.progress import Progress
from helmtool.operations.settings import Settings
from helmtool.operations.together import uncancel

Result = TypeVar("Result")
THREADS = 8
"""Threads for each environment at work: one that hangs must not keep another's from being started."""


@dataclass(frozen=True, slots=True)
class Ended(Generic[Result]):
    """How the work on one environment ended, and after how many seconds; without result and error it was ended before its end."""

    result: Result | None = None
    error: HelmtoolError | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Round(Generic[Result]):
    """How the work ended on those where it was begun, and whether a person or a signal ended it."""

    ended: Mapping[str, Ended[Result]]
    interrupted: bool = False

    @property
    def errors(self) -> dict[str, HelmtoolError]:
        """The errors by environment."""
        return {name: ended.error for name, ended in self.ended.items() if ended.error}

    def require_not_interrupted(self) -> None:
        """For work that only reads. Raises Interrupted."""
        if self.interrupted:
            raise Interrupted("interrupted before anything was written")


def give_room(at_once: int) -> None:
    """Gives the running loop as many threads as so many environments need."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS * at_once))


async def on_each(
    names: Sequence[str], at_once: int, work: Callable[[str], Awaitable[Result]], *, stop_on_error: bool = False
) -> Round[Result]:
    """Does the work on each environment, at most `at_once` at the same time; returns once nothing is under way any more.

    With `stop_on_error` the first error keeps further ones from being begun; a Ctrl-C always does. It also cancels those that are under
    way, which then end as they do alone: each Ctrl-C reaches all of them.
    """
    waiting, running = deque(names), dict[asyncio.Task[Ended[Result]], str]()
    ended: dict[str, Ended[Result]] = {}
    interrupted = stopped = False
    mistakes: list[BaseException] = []
    while running or (waiting and not stopped):
        while waiting and not stopped and len(running) < at_once:
            name = waiting.popleft()
            running[asyncio.create_task(_timed(name, work))] = name
        try:
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            uncancel()
            interrupted = stopped = True
            for task in running:
                task.cancel()
            continue
        for task in done:
            name = running.pop(task)
            mistake = None if task.cancelled() else task.exception()
            mistakes += [mistake] if mistake else []
            ended[name] = Ended() if task.cancelled() or mistake else task.result()
            stopped = stopped or bool(mistake) or (stop_on_error and ended[name].error is not None)
    if mistakes:
        raise mistakes[0]
    return Round({name: ended[name] for name in names if name in ended}, interrupted)


async def _timed(name: str, work: Callable[[str], Awaitable[Result]]) -> Ended[Result]:
    begin_work()
    begun = time.monotonic()
    try:
        result = await work(name)
    except HelmtoolError as error:
        error.name_environment(name)
        if "--kubeconfig" in error.hint:  # which is not for several
            error.hint = f"helmtool doctor {name}"
        return Ended(error=error, seconds=time.monotonic() - begun)
    return Ended(result, seconds=time.monotonic() - begun)


async def look_at_each(
    names: Sequence[str], at_once: int, settings: Settings, look: Callable[[str, Settings], Awaitable[Result]]
) -> Mapping[str, Ended[Result]]:
    """What `look` gives for each environment with its own settings, for work that only reads. Raises UsageError and Interrupted."""
    own = own_settings(names, settings)
    give_room(at_once)
    found = await on_each(names, at_once, lambda name: look(name, own[name]))
    found.require_not_interrupted()
    return found.ended


def own_settings(names: Sequence[str], settings: Settings) -> dict[str, Settings]:
    """For each environment the kubeconfig that environments.yaml names, since KUBECONFIG can only be right for one of them.

    Raises UsageError where the command line names one for all.
    """
    if settings.kubeconfig or settings.kube_context:
        option = "--kubeconfig" if settings.kubeconfig else "--kube-context"
        raise UsageError(f"{option} is of one cluster, and there are {len(names)} environments", hint="leave it away, or name one of them")
    environments = find_project(settings.config_dir).environments()
    return {name: settings.through(find_environment(name, environments).kubeconfig) for name in names}


class Gathered:
    """The warnings of several environments, to be told each once with the names of those that have it."""

    def __init__(self) -> None:
        self._found: dict[str, set[str]] = {}

    def add(self, name: str, text: str) -> None:
        """Keeps a warning of one environment."""
        self._found.setdefault(text.removeprefix(f"{name} is "), set()).add(name)

    def tell(self, names: Sequence[str], progress: Progress) -> None:
        """Tells them, the environments in this order."""
        for text, found in self._found.items():
            progress.warn(f"{', '.join(name for name in names if name in found)}: {text}")


_telling = threading.Lock()


class Named:
    """The progress of one environment among several; where its warnings are gathered, all else is left out."""

    def __init__(self, name: str, progress: Progress, gathered: Gathered | None = None) -> None:
        self._name, self._progress, self._gathered = name, progress, gathered
        self._headline = ""

    def start(self, step: str, text: str) -> None:
        """A step that may take more than a second begins."""
        self._tell(lambda: self._progress.start(step, self._about(text)))

    def done(self, step: str, text: str) -> None:
        """A step is complete."""
        self._tell(lambda: self._progress.done(step, self._about(text)))

    def skip(self, step: str, reason: str) -> None:
        """A step is left out, and why."""
        self._tell(lambda: self._progress.skip(step, self._about(reason)))

    def warn(self, text: str) -> None:
        """Something that a person should know."""
        if self._gathered:
            self._gathered.add(self._name, text)
        self._tell(lambda: self._progress.warn(self._about(text)))

    def watching(self, view: RolloutView) -> None:
        """How a rollout is: a line, since the picture of one would hide the others."""
        if view.headline != self._headline:
            self._headline = view.headline
            self.start("watch", view.headline)

    def _about(self, text: str) -> str:
        return text if self._name in text.split() else f"{self._name}: {text}"

    def _tell(self, tell: Callable[[], None]) -> None:
        if self._gathered is None:
            with _telling:
                tell()
