"""kwokctl's binary runtime: the control plane as plain processes of this user, listening on the loopback address alone."""

from __future__ import annotations

import contextlib
import json
import os
import random
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar

from helmtool.adapters import process, toolbox
from helmtool.adapters.local.objects import CVMFS_CLAIM, FIELD_MANAGER, NAMESPACE, NODE, prerequisites
from helmtool.adapters.local.processes import end_all, processes_below
from helmtool.adapters.local.state import CLUSTER, State
from helmtool.errors import OperationFailed

ADDRESS = "127.0.0.1"
PROGRAMS = {
    "etcd": "etcdBinary",
    "kube-apiserver": "kubeApiserverBinary",
    "kube-controller-manager": "kubeControllerManagerBinary",
    "kube-scheduler": "kubeSchedulerBinary",
    "kwok": "kwokControllerBinary",
    "kubectl": "kubectlBinary",
    "kwokctl": "",
}
"""Every program, and the option of kwokctl that names it: one that is not named is downloaded."""
COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok-controller")
PORTS = ("etcdPort", "etcdPeerPort", "kubeApiserverPort", "kubeControllerManagerPort", "kubeSchedulerPort", "kwokControllerPort")
PORT_RANGE = range(20000, 32000)
"""Below the range that systems take for outgoing connections, so that none of those can be in the way."""

START_PATIENCE = 60.0
"""Seconds until the API server must be ready; it takes 3 to 5."""
LOG_LINES = 12


class StartFailed(OperationFailed):
    """The embedded cluster did not come up."""

    code: ClassVar[str] = "local-start"

    def __init__(self, what: str, detail: str = "") -> None:
        super().__init__(
            f"the embedded cluster did not start: {what}" + (f"\n{detail}" if detail else ""),
            hint="helmtool local down, then: helmtool local up",
        )


class ComponentDied(StartFailed):
    """One of its processes ended."""

    code: ClassVar[str] = "local-component"

    def __init__(self, component: str, log: Path) -> None:
        self.component = component
        super().__init__(f"{component} ended; the last lines of {log}:", _tail(log))


def link_programs(state: State) -> None:
    """Links every program below the state folder, to start it from there. Raises ToolMissing before anything is changed."""
    found = {name: toolbox.find(name) for name in PROGRAMS}
    state.links.mkdir(parents=True, exist_ok=True)
    for name, path in found.items():
        with contextlib.suppress(FileNotFoundError):
            (state.links / name).unlink()
        (state.links / name).symlink_to(path)


def is_current(state: State) -> bool:
    """Whether the cluster was made from the programs that would be used now."""
    return all((state.links / name).is_symlink() and (state.links / name).readlink() == toolbox.find(name) for name in PROGRAMS)


def create(state: State) -> None:
    """A new control plane, answering. Raises StartFailed and ComponentDied."""
    ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    binaries = {option: str(state.links / name) for name, option in PROGRAMS.items() if option}
    # No fsync: what a crash of the whole machine would cost is a cluster of dummies, and slow disks are common.
    patches = [{"name": "etcd", "extraArgs": [{"key": "unsafe-no-fsync", "value": "true"}]}]
    options = {"runtime": "binary", "bindAddress": ADDRESS, **binaries, **ports}
    config = {
        "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
        "kind": "KwokctlConfiguration",
        "options": options,
        "componentsPatches": patches,
    }
    state.kwok.mkdir(parents=True, exist_ok=True)
    (state.kwok / "kwok.yaml").write_text(json.dumps(config))
    _kwokctl(state, "create", "cluster", "--kubeconfig", "")


def restart(state: State) -> None:
    """The control plane again, from the data that is there. Raises StartFailed and ComponentDied."""
    for file in (state.cluster / "pids").glob("*.pid"):
        file.unlink()  # kwokctl would take any process with that id for its own
    for component in COMPONENTS:
        state.log(component).unlink(missing_ok=True)
    _kwokctl(state, "start", "cluster")


def running(state: State) -> dict[str, bool]:
    """Which components have a process."""
    names = {found.program.name for found in processes_below(state.folder)}
    return {component: component in names for component in COMPONENTS}


def is_ready(state: State) -> bool:
    """Whether this cluster's own API server says that it is: another one on the port would not have its certificate."""
    try:
        return kubectl(state, "get", "--raw", "/readyz", "--request-timeout", "5s").returncode == 0
    except StartFailed:
        return False


def wait_ready(state: State) -> None:
    """Waits until the API server is ready. Raises ComponentDied at once when a process ends, StartFailed when time is up."""
    deadline = time.monotonic() + START_PATIENCE
    while not is_ready(state):
        check_components(state)
        if time.monotonic() > deadline:
            raise StartFailed(
                f"the API server is not ready after {START_PATIENCE:.0f} s; the last lines of {state.log('kube-apiserver')}:",
                _tail(state.log("kube-apiserver")),
            )
        time.sleep(0.1)


def furnish(state: State) -> None:
    """The node, the namespace and what it holds before a release, usable: node ready, claim bound, account made. Raises StartFailed."""
    apply = ("apply", "--server-side", "--force-conflicts", "--field-manager", FIELD_MANAGER, "-f", "-")
    steps: list[tuple[bytes | None, tuple[str, ...]]] = [
        (json.dumps(prerequisites()).encode(), apply),
        (None, ("wait", "--for=create", "serviceaccount/default", "-n", NAMESPACE, "--timeout=30s")),
        (None, ("wait", "--for=jsonpath={.status.phase}=Bound", f"persistentvolumeclaim/{CVMFS_CLAIM}", "-n", NAMESPACE, "--timeout=30s")),
        (None, ("wait", "--for=condition=Ready", f"node/{NODE}", "--timeout=30s")),
    ]
    for content, arguments in steps:
        done = kubectl(state, *arguments, input=content)
        if done.returncode != 0:
            check_components(state)
            raise StartFailed(f"kubectl {arguments[0]} ended with {done.returncode}:", _indent(done.stderr.decode(errors="replace")))


def kubectl(state: State, *arguments: str, input: bytes | None = None) -> process.Completed:
    """The pinned kubectl on this cluster, whatever kubeconfig the shell has. Raises StartFailed where it does not start or end."""
    argv = [str(state.links / "kubectl"), "--kubeconfig", str(state.cluster / "kubeconfig.yaml"), *arguments]
    with _explained("kubectl"):
        return process.run(argv, input=input, env=_environment(state), timeout=START_PATIENCE)


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on, by chance: two clusters that look at the same time should not find the same ones."""
    candidates = random.sample(PORT_RANGE, len(PORT_RANGE))
    ports: list[int] = []
    for port in candidates:
        if _is_free(port):
            ports.append(port)
        if len(ports) == count:
            return ports
    raise StartFailed(f"fewer than {count} free ports between {PORT_RANGE.start} and {PORT_RANGE.stop}")


def _is_free(port: int) -> bool:
    with contextlib.closing(socket.socket()) as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return False
        return True


def _kwokctl(state: State, *arguments: str) -> None:
    """Runs kwokctl until the API server answers, and looks at the components meanwhile: it would wait minutes for a dead one."""
    argv = [str(state.links / "kwokctl"), *arguments, "--name", CLUSTER]
    with ThreadPoolExecutor(max_workers=1) as pool, _ended_on_error(state):
        running_kwokctl = pool.submit(process.run, argv, env=_environment(state), timeout=START_PATIENCE)
        _watch(state, running_kwokctl)
        with _explained("kwokctl"):
            done = running_kwokctl.result()
        if done.returncode != 0:
            check_components(state)
            raise StartFailed(f"kwokctl {arguments[0]} ended with {done.returncode}:", _indent(_messages(done.stderr)))


def _watch(state: State, running_kwokctl: Future[process.Completed]) -> None:
    while not running_kwokctl.done():
        check_components(state)
        time.sleep(0.1)


@contextlib.contextmanager
def _explained(program: str) -> Iterator[None]:
    try:
        yield
    except subprocess.TimeoutExpired:
        raise StartFailed(f"{program} took more than {START_PATIENCE:.0f} s") from None
    except OSError as error:
        raise StartFailed(f"{program} cannot be started: {error}") from None


@contextlib.contextmanager
def _ended_on_error(state: State) -> Iterator[None]:
    """Whatever goes wrong, Ctrl-C included, no process stays; this also ends the wait for kwokctl."""
    try:
        yield
    except BaseException:
        end_all(state.folder)
        raise


def check_components(state: State) -> None:
    """Raises ComponentDied for one that was started, for it has a pid file, and has no process."""
    dead = _dead(state)
    if dead:
        time.sleep(0.2)  # a process has no name for a moment while it is started
        dead &= _dead(state)
    for component in COMPONENTS:
        if component in dead:
            raise ComponentDied(component, state.log(component))


def _dead(state: State) -> set[str]:
    started = {file.stem for file in (state.cluster / "pids").glob("*.pid")}
    return {component for component, alive in running(state).items() if component in started and not alive}


def _environment(state: State) -> dict[str, str]:
    """Without the shell's KUBECONFIG and KWOK_ settings, and with a home of its own, so that ~/.kube and ~/.kwok stay as they are."""
    kept = {name: value for name, value in os.environ.items() if name != "KUBECONFIG" and not name.startswith("KWOK_")}
    path = os.pathsep.join([str(state.links), os.environ.get("PATH", os.defpath)])
    return kept | {"HOME": str(state.folder), "KWOK_WORKDIR": str(state.kwok), "KUBECACHEDIR": str(state.folder / "cache"), "PATH": path}


def _messages(stderr: bytes) -> str:
    """kwokctl prints one JSON document per line where there is no terminal; `msg` and `err` are for people."""
    lines = []
    for line in stderr.decode(errors="replace").splitlines():
        try:
            entry = json.loads(line)
            lines.append(": ".join(str(entry[key]) for key in ("msg", "err") if entry.get(key)))
        except (ValueError, TypeError, AttributeError):
            lines.append(line)
    return "\n".join(lines)


def _tail(log: Path) -> str:
    try:
        return _indent(log.read_text(errors="replace")) or "  (it is empty)"
    except OSError:
        return "  (there is no log)"


def _indent(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines()[-LOG_LINES:])
