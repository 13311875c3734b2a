"""doctor: what is there, what is not, and the fix."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from cli import Helmtool, Kube


def test_all_is_well(helmtool: Helmtool) -> None:
    found = helmtool("doctor", "local", "-o", "json").json
    assert {f["verdict"] for f in found} == {"ok"}
    assert {f["check"] for f in found} >= {"helm", "sops", "checkout", "kubeconfig", "identity", "cluster", "rights", "Secret", "registry"}
    shown = helmtool("doctor", "local").out
    assert "✓ rights" in shown
    assert "fix:" not in shown


def test_a_prerequisite_that_is_missing_fails(helmtool: Helmtool, kube: Kube) -> None:
    kube("delete", "secret", "proxy-secrets")
    found = [f for f in helmtool("doctor", "local", "-o", "json", code=1).json if f["verdict"] != "ok"]
    assert [(f["check"], f["verdict"]) for f in found] == [("Secret", "failed")]
    assert "there is no proxy-secrets, which the volume proxy-secrets needs" in found[0]["text"]
    assert "kubectl -n dqm get secret proxy-secrets" in found[0]["fix"]


def test_rights_that_are_missing_are_named(helmtool: Helmtool, kube: Kube, tmp_path: Path) -> None:
    kube("create", "serviceaccount", "reader")
    kube("create", "rolebinding", "reader", "--clusterrole=view", "--serviceaccount=dqm:reader")
    document = yaml.safe_load(kube.state.kubeconfig.read_text())
    document["users"][0]["user"] = {"token": kube("create", "token", "reader").strip()}
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(document))
    try:
        found = helmtool("doctor", "local", "--kubeconfig", str(tmp_path / "kubeconfig"), "-o", "json").json
    finally:
        kube("delete", "serviceaccount,rolebinding", "reader")
    (rights,) = [f for f in found if f["check"] == "rights"]
    assert rights["verdict"] == "doubt"
    assert "create configmaps" in rights["text"]
    assert "are missing" in rights["text"]
    assert [f["verdict"] for f in found if f["check"] == "Secret"] == ["doubt"] * len([f for f in found if f["check"] == "Secret"])


def test_a_cluster_that_does_not_answer_ends_what_follows(helmtool: Helmtool, tmp_path: Path, kube: Kube) -> None:
    document = yaml.safe_load(kube.state.kubeconfig.read_text())
    document["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:9"
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(document))
    found = helmtool("doctor", "local", "--kubeconfig", str(tmp_path / "kubeconfig"), "-o", "json", code=1).json
    assert [f["check"] for f in found if f["verdict"] == "failed"] == ["kubeconfig"]
    assert "rights" not in {f["check"] for f in found}


@pytest.mark.parametrize("arguments", [(), ("nowhere",)])
def test_without_an_environment_or_with_a_wrong_one(helmtool: Helmtool, arguments: tuple[str, ...]) -> None:
    found = helmtool("doctor", *arguments, "-o", "json", code=1 if arguments else 0).json
    assert found[0]["check"] == "helm"
    if arguments:
        assert any("nowhere" in f["text"] and f["verdict"] == "failed" for f in found)
    else:
        assert {"test4", "preprod", "prod", "local"} <= {f["check"] for f in found}
