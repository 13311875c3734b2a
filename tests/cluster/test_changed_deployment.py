"""A Deployment that others have changed with kubectl: paused, scaled to 0, or scaled by a HorizontalPodAutoscaler."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cli import Helmtool, Kube, helm_that_pauses, wait_until

RESUME = "kubectl -n dqm rollout resume deployment/newdqmgui"


@pytest.fixture
def released(helmtool: Helmtool, kube: Kube) -> Helmtool:
    helmtool("release", "local", "HG0105a", "--timeout", "20s")
    return helmtool


def status(helmtool: Helmtool) -> dict[str, Any]:
    (entry,) = helmtool("status", "local", "-o", "json").json
    found: dict[str, Any] = entry
    return found


def states(helmtool: Helmtool) -> list[str]:
    """The states that the metrics set to 1."""
    lines = helmtool("status", "local", "-o", "openmetrics").out.splitlines()
    return [line.split('state="')[1].split('"')[0] for line in lines if line.startswith("helmtool_release_state") and line.endswith(" 1")]


@pytest.fixture
def autoscaled(released: Helmtool, kube: Kube) -> Iterator[Helmtool]:
    """Two pods, because an autoscaler wants at least two; the controller looks every 15 s."""
    kube("autoscale", "deployment", "newdqmgui", "--min=2", "--max=3")
    try:
        wait_until(lambda: kube.deployment["spec"]["replicas"] == 2)
        yield released
    finally:
        kube("delete", "hpa", "newdqmgui", "--ignore-not-found")


def test_a_paused_deployment_is_refused_before_anything_is_written(released: Helmtool, kube: Kube) -> None:
    released("release", "local", "HG0205a", "--timeout", "20s")
    kube("rollout", "pause", "deployment/newdqmgui")
    before = kube.versions()
    for command in (["release", "local", "HG0305a"], ["release", "local", "HG0305a", "--dry-run"], ["rollback", "local"]):
        error = released(*command, "-o", "json", code=4).error
        assert (error["code"], error["hint"], error["causes"]) == ("deployment-paused", RESUME, ["paused"])
        assert "paused by kubectl-rollout at 20" in error["message"]
    assert kube.versions() == before
    assert not (ready := released("status", "local", "--rollback", "-o", "json").json[0]["rollback"])["possible"]
    assert "is paused" in ready["text"]
    assert "is paused by kubectl-rollout" in released("diff", "local", "HG0305a").err
    assert any(RESUME in note for note in released("diff", "local", "HG0305a", "-o", "json").json["notes"])
    assert "is paused by kubectl-rollout" in released("status", "local").err
    assert released("rollback", "local", "--dry-run").err.count("would be refused: the Deployment newdqmgui is paused") == 1
    kube(*RESUME.split()[3:])
    released("release", "local", "HG0305a", "--timeout", "20s")
    assert status(released)["notes"] == []


def test_what_runs_already_needs_no_rollout(released: Helmtool, kube: Kube) -> None:
    kube("rollout", "pause", "deployment/newdqmgui")
    assert "is paused by kubectl-rollout" in released("release", "local", "HG0105a").err
    assert status(released)["state"] == "running"


def test_a_pause_after_the_preflight_ends_the_wait_at_once(released: Helmtool, kube: Kube, tmp_path: Path) -> None:
    paused = helm_that_pauses(tmp_path, "upgrade")
    running = Helmtool(variables=paused.variables).start("release", "local", "HG0205a", "--timeout", "60s", "-o", "json")
    paused.wait()
    kube("rollout", "pause", "deployment/newdqmgui")
    began = time.monotonic()
    paused.go_on()
    result = running.wait()
    assert time.monotonic() - began < 15
    assert (result.code, result.error["causes"]) == (1, ["paused"])
    assert RESUME in result.error["hint"]
    assert "rolled back: revision 3" in result.error["message"], "the pod of revision 1 has never stopped"
    assert kube.serving == [kube.image]


def test_a_deployment_at_zero_never_runs(released: Helmtool, kube: Kube) -> None:
    kube("scale", "deployment", "newdqmgui", "--replicas=0")
    wait_until(lambda: not kube.serving)
    entry = status(released)
    assert (entry["state"], entry["ready"], entry["desired"]) == ("not-ready", 0, 0)
    assert entry["problem"] == "scaled to 0 replicas: no pod runs"
    assert states(released) == ["not-ready"]
    assert released("status", "local").out.splitlines()[1].split()[:3] == ["local", "not-ready", "0/0"]
    (cause,) = released("describe", "local", "-o", "json").json["causes"]
    assert (cause["code"], cause["next"]) == ("scaled-to-zero", "kubectl -n dqm scale deployment/newdqmgui --replicas=1")
    assert any("from 1 to 0" in line for line in cause["evidence"])
    released("release", "local", "HG0105a", "--timeout", "20s")
    assert (kube.deployment["spec"]["replicas"], len(kube.serving)) == (1, 1)
    assert states(released) == ["running"]


def test_a_deployment_that_is_scaled_to_zero_meanwhile_was_not_released(released: Helmtool, kube: Kube) -> None:
    running = released.start("release", "local", "HG0205a", "--set", "nodeSelector.nowhere=here", "--timeout", "60s", "--no-rollback")
    running.saw("watch")
    kube("scale", "deployment", "newdqmgui", "--replicas=0")
    result = running.wait()
    assert result.code == 1
    assert "scaled to 0 replicas, so no pod runs" in result.err
    assert status(released)["state"] != "running"


def test_an_autoscaler_is_named(autoscaled: Helmtool, kube: Kube) -> None:
    wait_until(lambda: len(kube.serving) == 2)
    entry = status(autoscaled)
    named, many = entry["notes"]
    assert named.startswith("HorizontalPodAutoscaler/newdqmgui (2 to 3 pods) scales Deployment/newdqmgui")
    assert named.endswith("next: kubectl -n dqm delete hpa newdqmgui")
    assert "2 replicas, set by HorizontalPodAutoscaler/newdqmgui" in many
    assert entry["drift"] == ["Deployment/newdqmgui is not as it was released, written by a HorizontalPodAutoscaler"]
    told = autoscaled("diff", "local", "HG0105a").err
    assert "(a HorizontalPodAutoscaler)" in told
    assert named in told


def test_the_right_to_list_autoscalers_is_not_needed(autoscaled: Helmtool, kube: Kube, tmp_path: Path) -> None:
    kube("create", "serviceaccount", "reader")
    kube("create", "role", "reader", "--verb=get,list,patch", "--resource=deployments.apps,secrets,configmaps,services,namespaces,pods")
    kube("create", "rolebinding", "reader", "--role=reader", "--serviceaccount=dqm:reader")
    document = yaml.safe_load(kube.state.kubeconfig.read_text())
    for user in document["users"]:
        user["user"] = {"token": kube("create", "token", "reader").strip()}
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(document))
    try:
        quiet, verbose = (autoscaled("status", "local", "--kubeconfig", str(tmp_path / "kubeconfig"), *more).err for more in ([], ["-v"]))
    finally:
        kube("delete", "rolebinding,role,serviceaccount", "reader")
    assert "set by a HorizontalPodAutoscaler: two pods" in quiet, "managedFields tell of it without that right"
    assert "scales Deployment" not in quiet
    assert "whether a HorizontalPodAutoscaler" not in quiet
    assert verbose.count("whether a HorizontalPodAutoscaler scales the service is not known") == 1


def test_more_replicas_by_kubectl(released: Helmtool, kube: Kube) -> None:
    kube("patch", "deployment", "newdqmgui", "-p", json.dumps({"spec": {"replicas": 2}}))
    (note,) = status(released)["notes"]
    assert "has 2 replicas, set by kubectl-patch at 20" in note
    assert note.endswith("next: kubectl -n dqm scale deployment/newdqmgui --replicas=1")
