"""Which processes belong to a folder, and that only those are ended."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from helmtool.adapters.local import processes
from helmtool.adapters.local.processes import Found, end, end_all, processes_below

Starter = Callable[[str], "subprocess.Popen[bytes]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starter]:
    """Starts a sleep through a link, as the embedded cluster starts its programs."""
    started: list[subprocess.Popen[bytes]] = []

    def starter(name: str) -> subprocess.Popen[bytes]:
        link = tmp_path / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to("/bin/sleep")
        started.append(subprocess.Popen([link, "600"]))
        return started[-1]

    yield starter
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture(params=["proc", "ps"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Both ways to look: with /proc and process descriptors, and without either."""
    if request.param == "ps":
        monkeypatch.setattr(processes, "PROC", tmp_path / "no-proc")
        monkeypatch.delattr(os, "pidfd_open")
    return str(request.param)


def only(found: list[Found]) -> Found:
    assert len(found) == 1
    return found[0]


def test_only_what_was_started_below_the_folder_is_found(system: str, start: Starter, tmp_path: Path) -> None:
    mine = start("mine/bin/etcd")
    start("mine-too/bin/etcd")
    found = only(processes_below(tmp_path / "mine"))
    assert found.pid == mine.pid
    assert found.started


def test_only_that_is_ended(system: str, start: Starter, tmp_path: Path) -> None:
    mine, other = start("mine/bin/etcd"), start("mine-too/bin/etcd")
    assert [found.pid for found in end_all(tmp_path / "mine")] == [mine.pid]
    assert mine.wait(timeout=5) == -signal.SIGKILL
    assert other.poll() is None
    assert end_all(tmp_path / "mine") == []


def test_an_id_that_is_somebody_elses_now_is_left_alone(system: str, start: Starter, tmp_path: Path) -> None:
    process = start("mine/etcd")
    end(only(processes_below(tmp_path))._replace(started="earlier"))
    assert process.poll() is None


def test_a_process_that_is_gone_is_no_error(system: str, start: Starter, tmp_path: Path) -> None:
    process = start("mine/etcd")
    found = only(processes_below(tmp_path))
    process.kill()
    process.wait()
    end(found)
    assert processes_below(tmp_path) == []


def test_a_dead_process_that_nobody_has_collected_is_not_found(system: str, start: Starter, tmp_path: Path) -> None:
    process = start("mine/etcd")
    os.kill(process.pid, signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert processes_below(tmp_path) == []


def test_starters_are_ended_first(start: Starter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else they would start anew what has just been ended."""
    start("etcd")
    start("kwokctl")
    order: list[str] = []
    really_end = end

    def noted(found: Found) -> None:
        order.append(found.program.name)
        really_end(found)

    monkeypatch.setattr(processes, "end", noted)
    end_all(tmp_path)
    assert order == ["kwokctl", "etcd"]


def test_one_that_is_just_being_started_is_known_by_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proc, folder = tmp_path / "proc", tmp_path / "mine" / "cluster"
    for name, state, command in (("self", "R", "python"), ("7", "S", ""), ("8", "Z", ""), ("9", "S", "/bin/sleep")):
        (proc / name).mkdir(parents=True)
        (proc / name / "cmdline").write_text(command)
        (proc / name / "stat").write_text(f"{name} (a name) with) {state} {' '.join(map(str, range(4, 53)))}")
        (proc / name / "cwd").symlink_to(folder)
    monkeypatch.setattr(processes, "PROC", proc)
    assert processes_below(tmp_path / "mine") == [Found(7, "22", folder)]
