"""Starts, ends and looks at the embedded cluster."""

from __future__ import annotations

import shutil
from typing import NamedTuple, Protocol

from helmtool.adapters import toolbox
from helmtool.adapters.local import kwok
from helmtool.adapters.local.objects import NAMESPACE, NODE
from helmtool.adapters.local.processes import end_all, processes_below
from helmtool.adapters.local.state import State, StateUnusable, current_state, locked

STEP = "local"
ATTEMPTS = 3
"""A port may be taken between the look and its use; other reasons show on every attempt."""


class Progress(Protocol):
    """The part of an operation's progress that is used here."""

    def start(self, step: str, text: str) -> None:
        """A step begins."""

    def done(self, step: str, text: str) -> None:
        """A step is complete."""

    def warn(self, text: str) -> None:
        """Something that a person should know."""


class LocalCluster(NamedTuple):
    """A running embedded cluster; `started` tells whether this command started it."""

    state: str
    started: bool
    kubernetes: str
    server: str
    kubeconfig: str
    namespace: str
    node: str


class LocalStatus(NamedTuple):
    """`up`, `down`, or `broken`: half started, or some of it has died; `local up` mends it. `components` tells which have a process."""

    state: str
    kubernetes: str
    server: str
    kubeconfig: str
    components: dict[str, bool]


def up(progress: Progress) -> LocalCluster:
    """Makes sure that the embedded cluster runs and is furnished; a complete one is left as it is, with the releases in it.

    Raises ToolMissing, NoHome, StateUnusable, Busy, StartFailed and ComponentDied; after an error no process is left.
    """
    state = current_state()
    for program in kwok.PROGRAMS:
        toolbox.find(program)
    with locked(state, lambda: progress.start(STEP, "another command starts or ends the embedded cluster: waiting for it")):
        try:
            started = _ensure(state, progress)
        except OSError as error:
            raise StateUnusable(state.folder, error) from None
    progress.done(STEP, f"Kubernetes {toolbox.KUBERNETES} " + ("is up" if started else "is up already") + f" at {_server(state)}")
    return LocalCluster("up", started, toolbox.KUBERNETES, _server(state), str(state.kubeconfig), NAMESPACE, NODE)


def down(progress: Progress) -> None:
    """Ends every process of the embedded cluster and removes its data. Raises NoHome, StateUnusable and Busy."""
    state = current_state()
    if not state.folder.exists():
        progress.done(STEP, "the embedded cluster is not up")
        return
    with locked(state, lambda: progress.start(STEP, "another command starts or ends the embedded cluster: waiting for it")):
        ended = end_all(state.folder)
        state.remove()
    progress.done(STEP, f"the embedded cluster is down, {len(ended)} processes ended")


def status() -> LocalStatus:
    """How the embedded cluster is, without changing anything. Raises NoHome."""
    state = current_state()
    components = kwok.running(state)
    complete = state.kubeconfig.is_file()
    if not complete and not processes_below(state.folder):
        return LocalStatus("down", toolbox.KUBERNETES, "", str(state.kubeconfig), components)
    healthy = complete and all(components.values()) and kwok.is_ready(state)
    return LocalStatus("up" if healthy else "broken", toolbox.KUBERNETES, _server(state), str(state.kubeconfig), components)


def _ensure(state: State, progress: Progress) -> bool:
    """Whether anything had to be started. What was complete is started again with its data, everything else made anew."""
    complete = state.kubeconfig.is_file()
    if complete and not kwok.is_current(state):
        progress.warn("the embedded cluster was made by other versions of the programs: it is made anew, its releases are gone")
        complete = False
    if complete and all(kwok.running(state).values()) and kwok.is_ready(state):
        kwok.furnish(state)
        return False
    if complete and _restarted(state, progress):
        return True
    _made(state, progress)
    return True


def _restarted(state: State, progress: Progress) -> bool:
    progress.start(STEP, "starting the embedded cluster again, with the releases in it")
    end_all(state.folder)
    try:
        kwok.restart(state)
        _finish(state)
    except kwok.StartFailed as error:
        progress.warn(error.message)
        progress.warn("it is made anew, its releases are gone")
        return False
    return True


def _made(state: State, progress: Progress) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        progress.start(STEP, f"starting etcd and Kubernetes {toolbox.KUBERNETES}")
        end_all(state.folder)
        state.remove()
        kwok.link_programs(state)
        try:
            kwok.create(state)
            _finish(state)
        except kwok.StartFailed as error:
            if attempt == ATTEMPTS or "address already in use" not in error.message:
                raise
        else:
            return


def _finish(state: State) -> None:
    """Ready, furnished, and only then named to others by the kubeconfig."""
    try:
        kwok.wait_ready(state)
        kwok.furnish(state)
        kwok.check_components(state)
        new = state.kubeconfig.with_suffix(".new")
        shutil.copyfile(state.cluster / "kubeconfig.yaml", new)
        new.chmod(0o600)
        new.replace(state.kubeconfig)
    except BaseException:
        end_all(state.folder)
        raise


def _server(state: State) -> str:
    from helmtool.adapters.kubeconfig import read_access

    file = state.kubeconfig if state.kubeconfig.is_file() else state.cluster / "kubeconfig.yaml"
    return read_access(str(file)).server if file.is_file() else ""
