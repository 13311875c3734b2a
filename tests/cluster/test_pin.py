"""`env pin`: the identity of a real API server goes into the file, and from then on no other is taken for it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from cli import Helmtool, Kube

from helmtool.adapters.kubeconfig import read_access


@pytest.fixture
def helmtool(project: Path) -> Helmtool:
    """In the checkout, `prod` is the embedded cluster under its own name."""
    return Helmtool(project)


def pins(project: Path) -> dict[str, str]:
    cluster = yaml.safe_load((project / "values/environments.yaml").read_text())["environments"]["prod"]["cluster"]
    return {key: value for key, value in cluster.items() if key != "nameEndsWith"}


def test_what_is_shown_is_written_and_holds(helmtool: Helmtool, project: Path, kube: Kube) -> None:
    access = read_access(str(kube.state.kubeconfig))
    uid = kube("get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}")
    wanted = {"server": access.server, "caFingerprint": access.ca_fingerprint, "kubeSystemUid": uid}
    result = helmtool("env", "pin", "prod", "--yes")
    for value in wanted.values():
        assert value in result.err
    assert pins(project) == wanted
    assert "is known by its cluster's name alone" not in helmtool("status", "prod").err
    again = helmtool("env", "pin", "prod", "-o", "json")  # nothing to ask, for nothing changes
    assert (again.json["written"], again.json["pins"]) == (False, wanted)


@pytest.mark.parametrize(
    ("key", "other"),
    [
        ("server", "https://127.0.0.1:1"),
        ("caFingerprint", "sha256:" + "0" * 64),
        ("kubeSystemUid", "00000000-0000-4000-8000-000000000000"),
    ],
)
def test_another_cluster_is_refused_until_it_is_pinned_anew(helmtool: Helmtool, project: Path, kube: Kube, key: str, other: str) -> None:
    helmtool("env", "pin", "prod", "--yes")
    file = project / "values/environments.yaml"
    file.write_text(file.read_text().replace(pins(project)[key], other))
    before = kube.versions()
    error = helmtool("release", "prod", "HG0105a-stable", "--yes", "-o", "json", code=4).error
    assert error["code"] == "wrong-cluster"
    assert other in error["message"]
    assert kube.versions() == before
    result = helmtool("env", "pin", "prod", "--yes")
    assert f"(pinned now: {other})" in result.err
    helmtool("release", "prod", "HG0105a-stable", "--yes")


def test_nobody_who_could_say_yes(helmtool: Helmtool, project: Path) -> None:
    before = (project / "values/environments.yaml").read_text()
    assert helmtool("env", "pin", "prod", "-o", "json", code=4).error["code"] == "not-confirmed"
    asked = helmtool.start("env", "pin", "prod", terminal=True).saw("[y/N]").type("n\n").wait()
    assert asked.code == 4
    assert (project / "values/environments.yaml").read_text() == before


def test_the_embedded_cluster_needs_no_pin(helmtool: Helmtool) -> None:
    assert helmtool("env", "pin", "local", "-o", "json", code=3).error["code"] == "nothing-to-pin"


def test_a_kubeconfig_that_changes_while_a_person_is_asked(helmtool: Helmtool, project: Path, kube: Kube, tmp_path: Path) -> None:
    own = tmp_path / "kubeconfig"
    own.write_text(kube.state.kubeconfig.read_text())
    helmtool("release", "prod", "HG0105a-stable", "--yes")
    before = kube.versions()
    asking = helmtool.start("release", "prod", "HG0105b-stable", "--kubeconfig", str(own), "-o", "json", terminal=True).saw("[y/N]")
    own.write_text(own.read_text().replace(read_access(str(own)).server, "https://127.0.0.1:1"))
    result = asking.type("y\n").wait()
    assert (result.code, result.error["code"]) == (4, "wrong-cluster"), result
    assert "https://127.0.0.1:1" in result.error["message"]
    assert kube.versions() == before
