"""Prepull against a real API server: what admission says of the pod, and that it goes; kwok plays the node, so nothing is pulled."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from cli import REPOSITORY, Helmtool, Kube

QUOTA = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few"}, "spec": {"hard": {"pods": "1"}}}


@pytest.fixture
def released(project: Path) -> Callable[[str], Helmtool]:
    """The command line where HG0105a serves, with a policy of prepull from then on."""

    def release(policy: str) -> Helmtool:
        helmtool = Helmtool(project)
        helmtool("release", "prod", "HG0105a-stable", "--yes")
        file = project / "values/environments.yaml"
        document = yaml.safe_load(file.read_text())
        document["environments"]["prod"]["policies"]["prepull"] = policy
        file.write_text(yaml.safe_dump(document))
        return helmtool

    return release


def pods(kube: Kube) -> list[str]:
    found = json.loads(kube("get", "pods", "-l", "helmtool-release=newdqmgui", "-o", "json"))["items"]
    return [pod["metadata"]["name"] for pod in found]


def test_the_pod_is_admitted_and_goes(released: Callable[[str], Helmtool], kube: Kube) -> None:
    result = released("required")("release", "prod", "HG0205a-stable", "--yes")
    assert "✓ prepull   local has the image after" in result.err
    assert result.err.index("prepull") < result.err.index("apply")
    assert pods(kube) == []


def test_the_same_image_is_not_fetched(released: Callable[[str], Helmtool]) -> None:
    result = released("required")("release", "prod", "HG0105a-stable", "--yes", "--set", "podAnnotations.a=b")
    assert "- prepull   skipped: the image does not change" in result.err


@pytest.mark.parametrize(("policy", "code", "tag"), [("warn", 0, "HG0205a-stable"), ("required", 1, "HG0105a-stable")])
def test_a_quota_refuses_the_pod(released: Callable[[str], Helmtool], kube: Kube, policy: str, code: int, tag: str) -> None:
    helmtool = released(policy)
    kube("apply", "-f", "-", input=QUOTA)
    try:
        result = helmtool("release", "prod", "HG0205a-stable", "--yes", code=code)
    finally:
        kube("delete", "resourcequota", "few")
    assert "exceeded quota: few" in result.err
    assert kube.image == f"{REPOSITORY}:{tag}"


def test_leftovers_are_removed_even_where_nothing_is_fetched(released: Callable[[str], Helmtool], kube: Kube) -> None:
    helmtool = released("warn")
    labels = {"app.kubernetes.io/managed-by": "helmtool", "app.kubernetes.io/component": "prepull", "helmtool-release": "newdqmgui"}
    for name, own in (("left", labels), ("other", {**labels, "helmtool-release": "another"})):
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": own},
            "spec": {"containers": [{"name": "a", "image": "a"}]},
        }
        kube("apply", "-f", "-", input=pod)
    helmtool("release", "prod", "HG0105a-stable", "--yes", "--set", "podAnnotations.a=b")
    assert kube.get("pod", "left") is None
    assert kube.get("pod", "other")
    kube("delete", "pod", "other", "--grace-period=0")
