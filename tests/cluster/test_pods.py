"""The commands for the night, where a node is simulated: which pods, what was said of them, and what is not there."""

from __future__ import annotations

import pytest
from cli import UNSCHEDULABLE, Helmtool, Kube


@pytest.fixture
def serving(helmtool: Helmtool) -> Helmtool:
    helmtool("release", "local", "HG0105a", "--timeout", "20s")
    return helmtool


def test_nothing_is_released_yet(helmtool: Helmtool) -> None:
    for command in ("pods", "describe", "events", "logs", "exec"):
        failed = helmtool(command, "local", code=1)
        assert "there is no Deployment newdqmgui in namespace dqm" in failed.err
        assert "helmtool status local" in failed.err


def test_pods_and_description_of_a_healthy_service(serving: Helmtool) -> None:
    (pod,) = serving("pods", "local", "-o", "json").json
    assert (pod["phase"], pod["ready"], pod["old"], pod["restarts"]) == ("Ready", True, False, 0)
    assert pod["image"].endswith(":HG0105a")
    found = serving("describe", "local", "-o", "json").json
    assert (found["ready"], found["desired"], found["causes"]) == (1, 1, [])
    assert [p["name"] for p in found["pods"]] == [pod["name"]]
    assert {"ScalingReplicaSet", "SuccessfulCreate", "Scheduled"} <= {event["reason"] for event in found["events"]}
    assert serving("events", "local", "-o", "json").json == found["events"]
    assert len(max(serving("pods", "local").out.splitlines(), key=len)) <= 80


def test_a_description_says_why_it_is_not_ready(serving: Helmtool) -> None:
    serving("release", "local", "HG0205a", *UNSCHEDULABLE, "--timeout", "3s", "--no-rollback", code=1)
    found = serving("describe", "local")
    assert "cause node-selector" in found.out
    assert "HG0205a" in found.out
    assert "0/1 nodes are available" in found.out


def test_events_of_others_are_not_shown(serving: Helmtool, kube: Kube) -> None:
    kube("create", "deployment", "dqmgui-of-others", "--image=nothing")
    try:
        assert "of-others" not in serving("events", "local").out
    finally:
        kube("delete", "deployment", "dqmgui-of-others")


def test_a_node_without_containers_has_no_log_and_runs_no_command(serving: Helmtool) -> None:
    for arguments in (("logs", "local"), ("exec", "local", "--", "true")):
        failed = serving(*arguments, code=None)
        assert failed.code in (1, 5)
        assert "Traceback" not in failed.err
        assert "next:" in failed.err


def test_options_that_do_not_go_together(serving: Helmtool) -> None:
    assert serving("logs", "local", "-f", "-o", "json", code=2).error["code"] == "usage"
    assert serving("exec", "local", "-o", "json", code=2).error["code"] == "usage"
