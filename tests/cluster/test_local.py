"""The embedded cluster for real: up, down, and what can go wrong between."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from embedded import Heard, objects

from helmtool.adapters import local, toolbox
from helmtool.adapters.local import LocalCluster, kwok
from helmtool.adapters.local.kwok import COMPONENTS, PROGRAMS, ComponentDied
from helmtool.adapters.local.objects import CVMFS_CLAIM, NAMESPACE, SECRETS
from helmtool.adapters.local.processes import end_all, processes_below
from helmtool.adapters.local.state import State, StateUnusable, locked
from helmtool.adapters.toolbox import NoHome, ToolMissing

UP = """
import sys
from helmtool.adapters import local
class Print:
    def start(self, step, text): print(text, file=sys.stderr, flush=True)
    done = start
    def warn(self, text): print(text, file=sys.stderr, flush=True)
print(local.up(Print()).started)
"""


@pytest.fixture
def foreign() -> Iterator[subprocess.Popen[bytes]]:
    """Somebody else's process."""
    process = subprocess.Popen(["/bin/sleep", "600"])
    yield process
    process.kill()
    process.wait()


def start_up(**env: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", UP], env=os.environ | env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def add_mark(state: State) -> None:
    assert kwok.kubectl(state, "create", "configmap", "mark", "-n", NAMESPACE).returncode == 0


def has_mark(state: State) -> bool:
    return any(item["metadata"]["name"] == "mark" for item in objects(state, "configmaps"))


def listening_addresses(pids: set[int]) -> set[str]:
    """The hexadecimal local addresses (proc(5)) on which the processes listen."""
    inodes = set()
    for pid in pids:
        for descriptor in (Path("/proc") / str(pid) / "fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed since it was listed
                inodes.add(str(descriptor.readlink()).removeprefix("socket:[").removesuffix("]"))
    addresses = set()
    for table in ("tcp", "tcp6"):
        for row in (Path("/proc/net") / table).read_text().splitlines()[1:]:
            fields = row.split()
            if fields[3] == "0A" and fields[9] in inodes:
                addresses.add(fields[1].split(":")[0])
    return addresses


def test_it_is_furnished(cluster: LocalCluster, shared_state: State) -> None:
    assert local.status().state == "up"
    assert {item["metadata"]["name"] for item in objects(shared_state, "secrets")} >= set(SECRETS)
    assert [item["status"]["phase"] for item in objects(shared_state, "pvc") if item["metadata"]["name"] == CVMFS_CLAIM] == ["Bound"]
    assert Path(cluster.kubeconfig).stat().st_mode & 0o777 == 0o600


def test_it_listens_on_the_loopback_address_alone(shared_state: State) -> None:
    processes = processes_below(shared_state.folder)
    assert {found.program.name for found in processes} == set(COMPONENTS)
    assert listening_addresses({found.pid for found in processes}) == {"0100007F"}


def test_up_again_changes_nothing(cluster: LocalCluster, shared_state: State, fresh_release: str) -> None:
    add_mark(shared_state)
    before = processes_below(shared_state.folder)
    again = local.up(Heard())
    assert not again.started
    assert again.server == cluster.server
    assert processes_below(shared_state.folder) == before
    assert has_mark(shared_state)


def test_a_deployment_becomes_available(shared_state: State, fresh_release: str) -> None:
    assert kwok.kubectl(shared_state, "create", "deployment", "web", "--image=example.org/web:1", "-n", NAMESPACE).returncode == 0
    assert kwok.kubectl(shared_state, "rollout", "status", "deployment/web", "-n", NAMESPACE, "--timeout=30s").returncode == 0


def test_the_fixture_leaves_only_the_prerequisites(shared_state: State, fresh_release: str) -> None:
    assert objects(shared_state, "deployments,replicasets,pods,services") == []
    assert {item["metadata"]["name"] for item in objects(shared_state, "configmaps")} == {"kube-root-ca.crt"}


def test_the_home_stays_as_it_is_and_nothing_is_downloaded(own_state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Path(os.environ["HOME"])
    (home / ".kube").mkdir()
    (home / ".kube" / "config").write_text("mine")
    (home / "other").write_text("other")
    monkeypatch.setenv("KUBECONFIG", str(home / "other"))
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        local.up(Heard())
        local.down(Heard())
        proxy.setblocking(False)
        with pytest.raises(BlockingIOError):
            proxy.accept()
    assert {str(path.relative_to(home)) for path in home.rglob("*")} == {".kube", ".kube/config", "other"}
    assert ((home / ".kube" / "config").read_text(), (home / "other").read_text()) == ("mine", "other")
    assert not own_state.folder.exists()
    assert processes_below(own_state.folder) == []
    assert local.status().state == "down"


def test_down_twice(own_state: State) -> None:
    progress = Heard()
    local.down(progress)
    assert progress.texts == ["the embedded cluster is not up"]
    assert list(own_state.folder.parent.parent.parent.iterdir()) == [Path(os.environ["HOME"])]


def test_after_a_reboot_it_comes_back_and_foreign_processes_stay(own_state: State, foreign: subprocess.Popen[bytes]) -> None:
    """A reboot: no process of it is left, and its process ids are somebody else's now."""
    first = local.up(Heard())
    add_mark(own_state)
    end_all(own_state.folder)
    for component in COMPONENTS:
        (own_state.cluster / "pids" / f"{component}.pid").write_text(str(foreign.pid))
    assert local.status().state == "broken"
    second = local.up(Heard())
    assert (second.started, second.server) == (True, first.server)
    assert has_mark(own_state)
    local.down(Heard())
    assert foreign.poll() is None


@pytest.mark.parametrize("component", ["kube-apiserver", "kwok-controller"])
def test_a_dead_component_is_mended(own_state: State, component: str) -> None:
    local.up(Heard())
    add_mark(own_state)
    os.kill(next(found.pid for found in processes_below(own_state.folder) if found.program.name == component), signal.SIGKILL)
    wait_until(lambda: not kwok.running(own_state)[component])
    assert local.status().state == "broken"
    assert local.up(Heard()).started
    assert local.status().state == "up"
    assert has_mark(own_state)


def test_data_that_cannot_be_used_are_made_anew(own_state: State) -> None:
    local.up(Heard())
    end_all(own_state.folder)
    shutil.rmtree(own_state.cluster / "pki")
    progress = Heard()
    assert local.up(progress).started
    assert any("its releases are gone" in text for text in progress.texts)


def test_other_versions_of_the_programs_are_made_anew(own_state: State) -> None:
    local.up(Heard())
    add_mark(own_state)
    (own_state.links / "etcd").unlink()
    (own_state.links / "etcd").symlink_to("/elsewhere/etcd-3.5.0/etcd")
    progress = Heard()
    assert local.up(progress).started
    assert any("made by other versions" in text for text in progress.texts)
    assert not has_mark(own_state)


@pytest.mark.parametrize("program", ["kwokctl", "etcd", "kube-scheduler"])
def test_killed_half_way(own_state: State, program: str) -> None:
    process = start_up()
    wait_until(lambda: any(found.program.name == program for found in processes_below(own_state.folder)))
    process.kill()
    process.communicate()
    assert local.status().state != "up"  # kwokctl itself may live on for a while
    assert local.up(Heard()).started
    assert sorted(found.program.name for found in processes_below(own_state.folder)) == sorted(COMPONENTS)
    local.down(Heard())
    assert processes_below(own_state.folder) == []


@pytest.mark.parametrize("program", ["kwokctl", "kube-apiserver"])
def test_interrupted_half_way_leaves_no_process(own_state: State, program: str) -> None:
    process = start_up()
    wait_until(lambda: any(found.program.name == program for found in processes_below(own_state.folder)))
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode != 0
    assert processes_below(own_state.folder) == []
    assert local.status().state == "down"


def test_two_at_once_are_one_cluster(own_state: State) -> None:
    processes = [start_up(), start_up()]
    outputs = [process.communicate(timeout=90) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert sorted(stdout.strip() for stdout, _ in outputs) == ["False", "True"]
    assert sum("waiting for it" in stderr for _, stderr in outputs) == 1
    assert len(processes_below(own_state.folder)) == len(COMPONENTS)


def test_clusters_of_two_state_folders_at_once(own_state: State, cluster: LocalCluster, tmp_path: Path) -> None:
    other = start_up(XDG_STATE_HOME=str(tmp_path))
    mine = local.up(Heard())
    _, stderr = other.communicate(timeout=90)
    try:
        assert other.returncode == 0, stderr
        local.down(Heard())
        theirs = State(next((tmp_path / "helmtool" / "local").glob("*/kubeconfig")).resolve().parent)
        assert mine.server != cluster.server
        assert kwok.is_ready(theirs)
    finally:
        end_all(tmp_path.resolve())


def test_down_leaves_a_similar_path_alone(own_state: State, foreign: subprocess.Popen[bytes]) -> None:
    similar = own_state.folder.with_name(own_state.folder.name + "-other") / "bin"
    similar.mkdir(parents=True)
    (similar / "etcd").symlink_to("/bin/sleep")
    other = subprocess.Popen([similar / "etcd", "600"])
    own_state.links.mkdir(parents=True)
    (own_state.links / "etcd").symlink_to("/bin/sleep")
    mine = subprocess.Popen([own_state.links / "etcd", "600"])
    try:
        local.down(Heard())
        assert mine.wait(timeout=5) == -signal.SIGKILL
        assert other.poll() is None
        assert foreign.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_component_that_dies_is_named_with_its_last_words(own_state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "etcd"
    broken.write_text("#!/bin/sh\ncase $* in *version) echo 'etcd Version: 3.7.1'; exit;; esac\necho 'last words of etcd'\nexit 3\n")
    broken.chmod(0o755)
    find = toolbox.find
    monkeypatch.setattr(toolbox, "find", lambda program: broken if program == "etcd" else find(program))
    started = time.monotonic()
    with pytest.raises(ComponentDied) as error:
        local.up(Heard())
    assert time.monotonic() - started < 20
    assert error.value.code == "local-component"
    assert "etcd ended" in error.value.message
    assert "last words of etcd" in error.value.message
    assert processes_below(own_state.folder) == []
    assert not own_state.kubeconfig.exists()


def test_a_taken_port_is_tried_again_with_another(own_state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    free_ports, calls = kwok.free_ports, []
    with socket.create_server(("127.0.0.1", 0)) as taken:

        def ports(count: int) -> list[int]:
            calls.append(count)
            found = free_ports(count)
            return [taken.getsockname()[1], *found[1:]] if len(calls) == 1 else found

        monkeypatch.setattr(kwok, "free_ports", ports)
        assert local.up(Heard()).started
    assert len(calls) == 2


def test_without_the_programs_nothing_is_made(own_state: State, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing) as error:
        local.up(Heard())
    assert error.value.hint == "build it with: make tools"
    assert not own_state.folder.exists()


def test_a_state_folder_that_cannot_be_written(own_state: State, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with pytest.raises(StateUnusable) as error:
        local.up(Heard())
    assert error.value.code == "local-state"
    assert "XDG_STATE_HOME" in error.value.hint


def test_without_a_home(own_state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    monkeypatch.delenv("XDG_STATE_HOME")
    for operation in (local.status, local.kubeconfig_path, lambda: local.up(Heard()), lambda: local.down(Heard())):
        with pytest.raises(NoHome):
            operation()


def test_a_lock_that_is_never_given_back(own_state: State) -> None:
    with locked(own_state, lambda: None):
        code = "import helmtool.adapters.local.state as s; s.LOCK_PATIENCE = 0.1\n" + UP
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "Busy: another `helmtool local` command has held" in done.stderr


def test_every_program_is_named_so_that_none_is_downloaded(shared_state: State) -> None:
    options = json.loads((shared_state.kwok / "kwok.yaml").read_text())["options"]
    named = {name: options[option] for name, option in PROGRAMS.items() if option}
    assert named == {name: str(shared_state.links / name) for name in named}
