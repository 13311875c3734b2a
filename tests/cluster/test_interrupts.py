"""Ctrl-C and SIGTERM at each step of a release: what was written, what serves, and that the next release works."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cli import (
    REPOSITORY,
    SHORT,
    UNSCHEDULABLE,
    Helmtool,
    Kube,
    PausedHelm,
    Running,
    add_hanging_hook,
    helm_that_pauses,
    other_helm,
    wait_until,
)

pytestmark = pytest.mark.slow
FIRST = f"{REPOSITORY}:HG0105a"
SIGNALS = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])


@pytest.fixture(autouse=True)
def quick() -> Iterator[None]:
    """A person who ended a command does not wait for it; that of the test's other commands is in it too."""
    started = time.monotonic()
    yield
    assert time.monotonic() - started < 30


@pytest.fixture
def helmtool(project: Path, kube: Kube) -> Helmtool:
    """HG0105a serves."""
    helmtool = Helmtool(project)
    helmtool("release", "local", "HG0105a")
    return helmtool


@pytest.fixture
def no_node(kube: Kube) -> Iterator[Callable[[], object]]:
    """Takes the node away, so that even what ran before cannot start again."""
    yield lambda: kube("cordon", "local")
    kube("uncordon", "local")


@pytest.fixture
def slow_rendering(tmp_path: Path) -> dict[str, str]:
    """A helm that never ends rendering, in a cache of its own."""
    return other_helm(tmp_path, f"case $1 in template) echo $$ > {tmp_path}/rendering; exec sleep 60;; esac")


def works_again(project: Path, kube: Kube) -> None:
    (project / "charts/newdqmgui/templates/hang.yaml").unlink(missing_ok=True)
    Helmtool(project)("release", "local", "HG1205a")
    assert kube.serving == [f"{REPOSITORY}:HG1205a"]


def unschedulable(helmtool: Helmtool) -> Running:
    """A release that is watched, and never becomes ready."""
    return helmtool.start("release", "local", "HG0205a", *UNSCHEDULABLE, "--timeout", "20s").saw("watch ")


@SIGNALS
def test_while_it_only_reads(
    helmtool: Helmtool, kube: Kube, tmp_path: Path, slow_rendering: dict[str, str], number: signal.Signals
) -> None:
    before = kube.versions()
    running = Helmtool(helmtool.project, slow_rendering).start("release", "local", "HG0205a", "-o", "json")
    mark = tmp_path / "rendering"
    wait_until(lambda: mark.exists() and mark.read_text().strip())
    result = running.send(number).wait()
    assert (result.code, result.error["code"]) == (130, "interrupted")
    assert result.error["message"] == "interrupted before anything was written"
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), 0)
    assert kube.versions() == before


@SIGNALS
def test_while_it_asks(helmtool: Helmtool, kube: Kube, number: signal.Signals) -> None:
    before = kube.versions()
    running = helmtool.start("release", "prod", "HG0205a-stable", terminal=True).saw("[y/N]")
    result = running.send(number).wait()
    assert result.code == 130
    assert "interrupted before anything was written" in result.err
    assert kube.versions() == before


@SIGNALS
def test_while_helm_works(helmtool: Helmtool, kube: Kube, number: signal.Signals) -> None:
    add_hanging_hook(helmtool.project)
    running = helmtool.start("release", "local", "HG0205a", "--timeout", "20s")
    wait_until(lambda: kube.get("job", "hang"))
    assert kube.revisions[2] == "pending-upgrade"
    result = running.send(number).wait()
    assert result.code == 130
    assert "revision 3 serves what revision 1 was" in result.err
    assert kube.serving == [FIRST]
    assert not [status for status in kube.revisions.values() if status.startswith("pending")]
    works_again(helmtool.project, kube)


@SIGNALS
def test_while_it_watches(helmtool: Helmtool, kube: Kube, number: signal.Signals) -> None:
    result = unschedulable(helmtool).send(number).wait()
    assert result.code == 130
    assert result.out == ""
    assert "interrupted; rolled back: revision 3 serves what revision 1 was" in result.err
    assert kube.serving == [FIRST]
    outcomes = [line["record"]["outcome"] for line in helmtool("history", "local", "-o", "json").json]
    assert outcomes == ["deployed", "interrupted", "deployed"]
    works_again(helmtool.project, kube)


@SIGNALS
def test_twice(helmtool: Helmtool, kube: Kube, no_node: Callable[[], object], number: signal.Signals) -> None:
    running = unschedulable(helmtool)
    no_node()
    running.send(number).saw("rollback  to revision 1")
    wait_until(lambda: kube.revisions.get(3) == "deployed")  # helm has ended, its pods are waited for
    result = running.send(number).wait()
    assert result.code == 130
    assert "left as it is" in result.err
    assert "helmtool status" in result.err
    assert kube.serving == []
    kube("uncordon", "local")
    works_again(helmtool.project, kube)


def going_back(helmtool: Helmtool, folder: Path) -> tuple[Running, PausedHelm]:
    """A release that has failed by itself, and whose helm is about to go back."""
    helm = helm_that_pauses(folder, "rollback")
    running = Helmtool(helmtool.project, helm.variables).start("release", "local", "HG0205a", *UNSCHEDULABLE, *SHORT)
    helm.wait()
    return running, helm


@SIGNALS
def test_once_while_a_failed_release_goes_back(helmtool: Helmtool, kube: Kube, tmp_path: Path, number: signal.Signals) -> None:
    running, helm = going_back(helmtool, tmp_path)
    running.send(number).saw("it goes back to what served before; Ctrl-C once more leaves it as it is")
    helm.go_on()
    result = running.wait()
    assert result.code == 1
    assert "rolled back: revision 3 serves what revision 1 was" in result.err
    assert kube.serving == [FIRST]
    works_again(helmtool.project, kube)


@SIGNALS
def test_twice_while_a_failed_release_goes_back(helmtool: Helmtool, tmp_path: Path, number: signal.Signals) -> None:
    running, _ = going_back(helmtool, tmp_path)
    running.send(number).saw("Ctrl-C once more leaves it as it is")
    result = running.send(number).wait()
    assert result.code == 130
    assert "left as it is" in result.err
    assert "helmtool status" in result.err


@SIGNALS
def test_a_rollback(helmtool: Helmtool, kube: Kube, no_node: Callable[[], object], number: signal.Signals) -> None:
    helmtool("release", "local", "HG0205a")
    no_node()
    running = helmtool.start("rollback", "local", "--timeout", "20s").saw("watch ")
    result = running.send(number).wait()
    assert result.code == 130
    assert "the rollback to 1 was interrupted" in result.err
    assert helmtool("history", "local", "-o", "json").json[0]["record"]["outcome"] == "interrupted"
    kube("uncordon", "local")
    works_again(helmtool.project, kube)


def test_a_rollback_while_helm_works(project: Path, kube: Kube) -> None:
    helmtool = Helmtool(project)
    add_hanging_hook(project, "pre-rollback")
    helmtool("release", "local", "HG0105a")
    (project / "charts/newdqmgui/templates/hang.yaml").unlink()
    helmtool("release", "local", "HG0205a")
    running = helmtool.start("rollback", "local", "--timeout", "20s")
    wait_until(lambda: kube.get("job", "hang"))
    assert running.send(signal.SIGINT).wait().code == 130
    assert kube.serving == [f"{REPOSITORY}:HG0205a"]
    helmtool("rollback", "local", "2")
    works_again(project, kube)


def test_a_first_install(project: Path, kube: Kube) -> None:
    add_hanging_hook(project, "pre-install")
    running = Helmtool(project).start("release", "local", "HG0205a", "--timeout", "20s")
    wait_until(lambda: kube.get("job", "hang"))
    result = running.send(signal.SIGINT).wait()
    assert result.code == 130
    assert "nothing served before" in result.err
    works_again(project, kube)
