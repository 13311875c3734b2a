"""Where the embedded cluster keeps its state."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from helmtool.adapters.local.state import Busy, State, StateUnusable, current_state, kubeconfig_path, locked
from helmtool.adapters.toolbox import NoHome


@pytest.fixture(autouse=True)
def host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "lxplus801.cern.ch")


def test_one_folder_per_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert kubeconfig_path() == tmp_path.resolve() / "helmtool" / "local" / "lxplus801.cern.ch" / "kubeconfig"
    assert list(tmp_path.iterdir()) == []


def test_below_the_home_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert current_state().folder == tmp_path.resolve() / ".local/state/helmtool/local/lxplus801.cern.ch"


@pytest.mark.parametrize("name", ["", "a/../b", "a b"])
def test_a_strange_host_name_makes_one_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(socket, "gethostname", lambda: name)
    assert current_state().folder.parent == tmp_path.resolve() / "helmtool" / "local"


def test_the_same_folder_whatever_link_leads_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "link"))
    assert current_state().folder.is_relative_to((tmp_path / "real").resolve())


def test_without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.delenv("HOME", raising=False)
    with pytest.raises(NoHome) as error:
        current_state()
    assert (error.value.exit_code, error.value.code) == (3, "no-home")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StateUnusable) as error, locked(State(tmp_path / "file" / "state"), lambda: None):
        pass
    assert (error.value.exit_code, error.value.code) == (3, "local-state")
    assert str(tmp_path / "file" / "state") in error.value.message


def test_the_second_waits_and_gives_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("helmtool.adapters.local.state.LOCK_PATIENCE", 0.1)
    state, waited = State(tmp_path / "state"), []
    with locked(state, lambda: None), pytest.raises(Busy) as error, locked(state, lambda: waited.append(True)):
        pass
    assert waited == [True]
    assert (error.value.exit_code, error.value.code) == (4, "local-busy")


def test_the_lock_is_given_back_after_an_error(tmp_path: Path) -> None:
    state = State(tmp_path / "state")
    with pytest.raises(ZeroDivisionError), locked(state, lambda: None):
        raise ZeroDivisionError
    with locked(state, lambda: pytest.fail("nobody holds it")):
        state.remove()
    assert not state.folder.exists()
    state.remove()
