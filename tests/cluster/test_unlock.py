"""`unlock`: what a killed command left is freed, and a command that lives is never pushed aside."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from cli import REPOSITORY, Helmtool, Kube, Running, add_hanging_hook, kill_with_children, wait_until

pytestmark = pytest.mark.slow

LOCK = "newdqmgui-lock"


@pytest.fixture
def helmtool(quick_lock: Path) -> Helmtool:
    return Helmtool(quick_lock)


def hang(helmtool: Helmtool, kube: Kube, tag: str, moment: str = "pre-upgrade") -> Running:
    """A release in the middle of helm's work."""
    add_hanging_hook(helmtool.project, moment)
    running = helmtool.start("release", "local", tag, "-o", "json", "--timeout", "60s")
    wait_until(lambda: kube.get("job", "hang"))
    (helmtool.project / "charts/newdqmgui/templates/hang.yaml").unlink()
    return running


def kill(running: Running) -> None:
    kill_with_children(running.process)
    running.wait()


def test_nothing_to_free(helmtool: Helmtool, kube: Kube) -> None:
    helmtool("release", "local", "HG0105a")
    before = kube.versions()
    assert helmtool("unlock", "local").out == "local is free\n"
    assert helmtool("unlock", "local", "-o", "json").json == {"environment": "local", "lock": None, "pending": None, "revision": None}
    assert kube.versions() == before


def test_a_killed_release(helmtool: Helmtool, kube: Kube) -> None:
    helmtool("release", "local", "HG0105a")
    kill(hang(helmtool, kube, "HG0105b"))
    assert kube.revisions[2] == "pending-upgrade"
    refused = helmtool("release", "local", "HG0105b", "-o", "json", code=4)
    assert (refused.error["code"], refused.error["hint"]) == ("release-pending", "helmtool unlock local")
    before = kube.versions()
    assert helmtool("unlock", "local", "-o", "json", code=4).error["code"] == "not-confirmed"
    assert kube.versions() == before
    result = helmtool("unlock", "local", "--yes")
    assert "(release local HG0105b) since " in result.err
    assert "not renewed, so that command is gone" in result.err
    assert "pending  revision 2 is pending-upgrade since " in result.err
    assert result.out == "local is free; revision 3 serves what revision 1 was\n"
    assert kube.get("lease", LOCK) is None
    assert kube.serving == [f"{REPOSITORY}:HG0105a"]
    assert helmtool("history", "local", "-o", "json").json[0]["record"]["note"] == "unlock: revision 2 was left pending"
    helmtool("release", "local", "HG0105b")
    assert kube.serving == [f"{REPOSITORY}:HG0105b"]


def test_a_killed_first_release(helmtool: Helmtool, kube: Kube) -> None:
    kill(hang(helmtool, kube, "HG0105a", "pre-install"))
    assert kube.revisions == {1: "pending-install"}
    result = helmtool("unlock", "local", "--yes")
    assert "nothing served before: revision 1 itself is applied once more" in result.err
    assert kube.serving == [f"{REPOSITORY}:HG0105a"]
    helmtool("release", "local", "HG0105b")
    assert kube.serving == [f"{REPOSITORY}:HG0105b"]


def test_a_lock_alone(helmtool: Helmtool, kube: Kube) -> None:
    """As a command leaves it that is killed between the lock and helm, or after helm."""
    helmtool("release", "local", "HG0105a")
    running = hang(helmtool, kube, "HG0105b")
    kill(running)
    kube.store_status(2, "failed")
    result = helmtool("unlock", "local", "--yes", "-o", "json")
    assert result.json["lock"]["command"] == "release local HG0105b"
    assert (result.json["pending"], result.json["revision"]) == (None, None)
    assert kube.get("lease", LOCK) is None


def test_pending_without_a_lock_is_said_to_be_unknown(helmtool: Helmtool, kube: Kube) -> None:
    helmtool("release", "local", "HG0105a")
    helmtool("release", "local", "HG0105b")
    kube.store_status(2, "pending-upgrade")
    kube.store_status(1, "deployed")
    asked = helmtool.start("unlock", "local", terminal=True).saw("[y/N]")
    result = asked.type("y\n").wait()
    assert result.code == 0, result
    assert "whether a plain helm is at it, nothing in the cluster can tell" in result.err
    assert kube.serving == [f"{REPOSITORY}:HG0105a"]


def test_a_holder_that_lives_is_left_alone(helmtool: Helmtool, kube: Kube) -> None:
    helmtool("release", "local", "HG0105a")
    running = hang(helmtool, kube, "HG0105b")
    before = kube.get("lease", LOCK)
    assert before
    error = helmtool("unlock", "local", "--yes", "-o", "json", code=4).error
    assert error["code"] == "locked"
    assert "(release local HG0105b) since " in error["message"]
    assert "that command lives" in error["message"]
    after = kube.get("lease", LOCK)
    assert after
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert running.send(signal.SIGINT).wait().code == 130
