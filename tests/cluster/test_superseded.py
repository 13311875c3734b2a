"""Two revisions that Helm calls deployed, as a connection that is lost at the end of an upgrade leaves them."""

from __future__ import annotations

import json

import pytest
from cli import Helmtool, Kube

from helmtool.adapters import process, toolbox
from helmtool.adapters.local import LocalCluster

RELEASE = "newdqmgui"
SOON = ("--timeout", "20s")


def statuses(cluster: LocalCluster) -> dict[int, str]:
    """What Helm itself says."""
    argv = [str(toolbox.helm()[0]), "history", RELEASE, "-n", cluster.namespace, "--kubeconfig", cluster.kubeconfig, "-o", "json"]
    return {entry["revision"]: entry["status"] for entry in json.loads(process.run(argv, timeout=60).stdout)}


@pytest.fixture
def stale(helmtool: Helmtool, kube: Kube, cluster: LocalCluster) -> Kube:
    """Where revision 1 is called deployed beside revision 2."""
    helmtool("release", "local", "HG0105a", *SOON)
    helmtool("release", "local", "HG0105b", *SOON)
    kube.store_status(1, "deployed")
    assert statuses(cluster) == {1: "deployed", 2: "deployed"}
    return kube


def test_the_next_release_puts_it_right_and_says_so(stale: Kube, helmtool: Helmtool, cluster: LocalCluster) -> None:
    helmtool("release", "local", "HG0105b", *SOON)  # where nothing changes, nothing is written
    assert statuses(cluster)[1] == "deployed"
    said = helmtool("release", "local", "HG0105c", *SOON).err
    assert "Helm called revision 1 deployed, beside 2: it is marked as superseded now" in said
    assert statuses(cluster) == {1: "superseded", 2: "superseded", 3: "deployed"}


def test_a_rollback_too_and_helm_goes_back_to_it_as_ever(stale: Kube, helmtool: Helmtool, cluster: LocalCluster) -> None:
    assert "Helm called revision 1 deployed" in helmtool("rollback", "local", *SOON, "--yes").err
    assert statuses(cluster) == {1: "superseded", 2: "superseded", 3: "deployed"}
    argv = [str(toolbox.helm()[0]), "rollback", RELEASE, "1", "-n", cluster.namespace, "--kubeconfig", cluster.kubeconfig]
    assert process.run(argv, timeout=60).returncode == 0
