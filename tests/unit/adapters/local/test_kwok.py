"""What is asked of kwokctl, without a cluster."""

from __future__ import annotations

import json
import socket
import subprocess
from pathlib import Path

import pytest

from helmtool.adapters import toolbox
from helmtool.adapters.local import kwok
from helmtool.adapters.local.kwok import COMPONENTS, PORT_RANGE, PROGRAMS, ComponentDied, StartFailed
from helmtool.adapters.local.objects import NAMESPACE, SECRETS, prerequisites
from helmtool.adapters.local.state import State


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> State:
    """A state folder whose programs are `true`."""
    monkeypatch.setattr(toolbox, "find", lambda program: Path("/bin/true"))
    state = State(tmp_path / "state")
    kwok.link_programs(state)
    return state


def fake(state: State, program: str, script: str) -> None:
    path = state.folder.parent / f"fake-{program}"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    (state.links / program).unlink()
    (state.links / program).symlink_to(path)


def test_free_ports_are_free_and_different() -> None:
    ports = kwok.free_ports(6)
    assert len(set(ports)) == 6
    assert all(port in PORT_RANGE for port in ports)


def test_a_port_in_use_is_not_free(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        monkeypatch.setattr(kwok, "PORT_RANGE", range(taken, taken + 1))
        with pytest.raises(StartFailed, match="fewer than 1 free ports"):
            kwok.free_ports(1)


def test_the_control_plane_is_asked_for_on_the_loopback_address_with_its_own_programs(state: State) -> None:
    kwok.create(state)
    config = json.loads((state.kwok / "kwok.yaml").read_text())
    assert config["options"]["bindAddress"] == "127.0.0.1"
    assert config["options"]["runtime"] == "binary"
    assert config["options"]["etcdBinary"] == str(state.links / "etcd")
    assert all(option in config["options"] for option in PROGRAMS.values() if option)


def test_the_shells_settings_do_not_reach_it(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/somewhere/config")
    monkeypatch.setenv("KWOK_KUBE_VERSION", "v1.0.0")
    monkeypatch.setenv("KWOK_WORKDIR", "/somewhere")
    fake(state, "kubectl", "env")
    lines = kwok.kubectl(state, "version").stdout.decode().splitlines()
    assert f"HOME={state.folder}" in lines
    assert f"KWOK_WORKDIR={state.kwok}" in lines
    assert not [line for line in lines if line.startswith(("KUBECONFIG=", "KWOK_KUBE_VERSION="))]


def test_kwokctls_own_words_are_shown(state: State) -> None:
    fake(state, "kwokctl", """echo '{"level":"ERROR","msg":"Failed to save config","err":"disk full"}' >&2; echo plain >&2; exit 1""")
    with pytest.raises(StartFailed) as error:
        kwok.create(state)
    assert error.value.code == "local-start"
    assert error.value.message.endswith("kwokctl create ended with 1:\n  Failed to save config: disk full\n  plain")
    assert "helmtool local up" in error.value.hint


def test_a_kwokctl_that_hangs(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kwok, "START_PATIENCE", 0.3)
    fake(state, "kwokctl", "exec sleep 60")
    with pytest.raises(StartFailed, match="kwokctl took more than 0 s"):
        kwok.create(state)


def test_a_kwokctl_that_cannot_be_started(state: State) -> None:
    fake(state, "kwokctl", "")
    (state.links / "kwokctl").readlink().chmod(0o644)
    with pytest.raises(StartFailed, match="kwokctl cannot be started"):
        kwok.create(state)


def test_a_component_with_a_pid_file_and_without_a_process_has_died(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kwok, "START_PATIENCE", 1.0)
    (state.cluster / "pids").mkdir(parents=True)
    (state.cluster / "pids" / "etcd.pid").write_text("1")
    state.log("etcd").parent.mkdir()
    state.log("etcd").write_text("".join(f"line {number}\n" for number in range(99)))
    fake(state, "kwokctl", "exec sleep 60")
    with pytest.raises(ComponentDied) as error:
        kwok.create(state)
    assert error.value.component == "etcd"
    assert error.value.message.count("line ") == kwok.LOG_LINES
    assert error.value.message.endswith("line 98")


def test_a_dead_component_without_a_log(state: State) -> None:
    assert "there is no log" in ComponentDied("etcd", state.log("etcd")).message


def test_an_api_server_that_never_becomes_ready(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kwok, "START_PATIENCE", 0.2)
    monkeypatch.setattr(kwok, "is_ready", lambda state: False)
    with pytest.raises(StartFailed, match="the API server is not ready after 0 s"):
        kwok.wait_ready(state)


def test_what_kubectl_says_when_it_cannot_furnish(state: State) -> None:
    fake(state, "kubectl", "echo 'the server is tired' >&2; exit 1")
    with pytest.raises(StartFailed, match="kubectl apply ended with 1:\n  the server is tired"):
        kwok.furnish(state)


def test_a_kubectl_that_hangs_is_a_failed_start(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kwok, "START_PATIENCE", 0.2)
    fake(state, "kubectl", "exec sleep 60")
    assert not kwok.is_ready(state)
    with pytest.raises(StartFailed, match="kubectl took more than"):
        kwok.furnish(state)


def test_a_cluster_of_other_programs_is_not_current(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    assert kwok.is_current(state)
    monkeypatch.setattr(toolbox, "find", lambda program: Path("/bin/false"))
    assert not kwok.is_current(state)


def test_without_processes_nothing_runs(state: State) -> None:
    assert kwok.running(state) == dict.fromkeys(COMPONENTS, False)


def test_the_prerequisites_can_be_applied_in_their_order() -> None:
    items = prerequisites()["items"]
    kinds = [item["kind"] for item in items]
    assert kinds.index("Namespace") < kinds.index("Secret")
    assert {item["metadata"]["name"] for item in items if item["kind"] == "Secret"} == set(SECRETS)
    assert {item["metadata"]["namespace"] for item in items if "namespace" in item["metadata"]} == {NAMESPACE}


def test_kubectl_is_really_called_with_this_clusters_kubeconfig(state: State) -> None:
    fake(state, "kubectl", 'echo "$@"')
    assert kwok.kubectl(state, "get", "pods").stdout.decode() == f"--kubeconfig {state.cluster}/kubeconfig.yaml get pods\n"
    assert subprocess.run([state.links / "kubectl"], capture_output=True, check=True).stdout == b"\n"
