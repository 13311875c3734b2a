"""The chart without helmtool: what people who call helm themselves rely on."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cli import REPOSITORY, ROOT, Helmtool, Kube, wait_until

from helmtool.adapters import toolbox
from helmtool.adapters.local import LocalCluster, kwok
from helmtool.adapters.local.state import State

CHART = str(ROOT / "charts/newdqmgui")
VALUES = ["--values", str(ROOT / "values/local.yaml"), "--server-side=true"]
NAMESPACE = "plain-helm"


@dataclass(frozen=True)
class Helm:
    """helm itself, on the embedded cluster."""

    kubeconfig: str
    namespace: str = NAMESPACE

    def __call__(self, command: str, *arguments: str, code: int = 0) -> str:
        argv = [str(toolbox.find("helm")), command, *arguments, "--kubeconfig", self.kubeconfig, "--namespace", self.namespace]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    def objects(self, kinds: str) -> list[str]:
        done = kwok.kubectl(State(Path(self.kubeconfig).parent), "get", kinds, "-n", self.namespace, "-o", "name")
        return sorted(done.stdout.decode().split())


@pytest.fixture(scope="module")
def helm(cluster: LocalCluster) -> Iterator[Helm]:
    """A namespace of its own, in which nothing is prepared."""
    state = State(Path(cluster.kubeconfig).parent)
    assert kwok.kubectl(state, "create", "namespace", NAMESPACE).returncode == 0
    yield Helm(cluster.kubeconfig)
    kwok.kubectl(state, "delete", "namespace", NAMESPACE, "--wait=false")


def test_install_upgrade_rollback_uninstall(helm: Helm) -> None:
    sets = ["--set", "cvmfs.claimName=", "--wait", "--timeout", "20s"]
    notes = helm("install", "newdqmgui", CHART, *VALUES, *sets, "--set", "image.tag=HG0105a")
    assert "STATUS: deployed" in notes
    assert "NOTES:" in notes
    assert "deployment.apps/newdqmgui" in helm.objects("deployments")
    helm("upgrade", "newdqmgui", CHART, *VALUES, *sets, "--set", "image.tag=HG0205a", "--reset-values")
    helm("rollback", "newdqmgui", "1", "--wait", "--timeout", "20s")
    history = json.loads(helm("history", "newdqmgui", "-o", "json"))
    assert [(entry["revision"], entry["status"]) for entry in history] == [(1, "superseded"), (2, "superseded"), (3, "deployed")]
    assert f"image: {REPOSITORY}:HG0105a" in helm("get", "manifest", "newdqmgui").replace('"', "")
    helm("uninstall", "newdqmgui", "--wait", "--timeout", "20s")
    assert helm.objects("deployments,services,networkpolicies,ingresses") == []


def test_claims_outlive_the_release(helm: Helm) -> None:
    claims = ["logs.claimName=logs-claim", "logs.createClaim=true", "workDir.claimName=work-claim", "workDir.createClaim=true"]
    sets = [argument for claim in [*claims, "image.tag=HG0105a"] for argument in ("--set", claim)]
    helm("install", "newdqmgui", CHART, *VALUES, *sets)
    kept = ["persistentvolumeclaim/logs-claim", "persistentvolumeclaim/work-claim"]
    assert helm.objects("persistentvolumeclaims") == kept
    said = helm("uninstall", "newdqmgui", "--wait", "--timeout", "20s")
    assert "These resources were kept due to the resource policy" in said
    assert helm.objects("persistentvolumeclaims,deployments") == kept
    helm("install", "newdqmgui", CHART, *VALUES, *sets)  # and the next release finds its own claims again
    helm("uninstall", "newdqmgui", "--wait", "--timeout", "20s")


def test_template_and_lint(helm: Helm) -> None:
    text = helm("template", "newdqmgui", CHART, *VALUES[:2], "--set", "image.tag=HG0105a")
    assert f"image: {REPOSITORY}:HG0105a" in text.replace('"', "")
    linted = helm("lint", CHART, *VALUES[:2], "--set", "image.tag=HG0105a", "--strict")
    assert "0 chart(s) failed" in linted
    refused = helm("lint", CHART, *VALUES[:2], "--set", "image.tga=HG0105a", code=1)
    assert "tga" in refused


def test_without_a_tag_nothing_is_installed(helm: Helm) -> None:
    said = helm("install", "newdqmgui", CHART, *VALUES, code=1)
    assert "image.tag" in said
    assert helm.objects("deployments") == []


def test_a_second_one_in_the_namespace_is_refused(helm: Helm) -> None:
    sets = ["--set", "image.tag=HG0105a"]
    helm("install", "newdqmgui", CHART, *VALUES, *sets)
    assert "invalid ownership metadata" in helm("install", "another", CHART, *VALUES, *sets, code=1)
    helm("uninstall", "newdqmgui", "--wait", "--timeout", "20s")


def test_the_diff_plugin(helm: Helm, helmtool: Helmtool, kube: Kube, cluster: LocalCluster) -> None:
    if "diff" not in helm("plugin", "list").split():
        pytest.skip("the helm-diff plugin is not installed")
    helmtool("release", "local", "HG0105a")
    plugin = Helmtool(variables={name: os.environ[name] for name in ("HELM_PLUGINS", "XDG_DATA_HOME") if name in os.environ})
    assert plugin("diff", "local", "--engine", "helm-diff").out == ""
    assert "HG0205a" in plugin("diff", "local", "HG0205a", "--engine", "helm-diff").out


def test_helm_and_helmtool_take_turns(helmtool: Helmtool, kube: Kube, cluster: LocalCluster) -> None:
    here = Helm(cluster.kubeconfig, cluster.namespace)
    here("upgrade", "newdqmgui", CHART, *VALUES, "--install", "--set", "image.tag=HG0105a", "--wait", "--timeout", "20s")
    helmtool("diff", "local", "--detailed-exitcode")
    newest = helmtool("history", "local", "-o", "json").json[0]
    assert (newest["tag"], newest["status"], newest["record"]) == ("HG0105a", "deployed", None)
    helmtool("release", "local", "HG0205a")
    here("upgrade", "newdqmgui", CHART, *VALUES, "--reset-values", "--set", "image.tag=HG0305a")
    wait_until(lambda: kube.serving == [f"{REPOSITORY}:HG0305a"])
    assert helmtool("rollback", "local", "-o", "json").json["to"] == 2
    assert kube.serving == [f"{REPOSITORY}:HG0205a"]
