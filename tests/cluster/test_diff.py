"""What a release would change, asked of the API server; nothing here writes but the fixture."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli import REPOSITORY, SHORT, UNSCHEDULABLE, Helmtool, Kube, Result, add_values, copy_project
from embedded import clean

from helmtool.adapters.local import LocalCluster
from helmtool.adapters.local.state import State

MARKER = "the-Keytab-Nobody-May-See"
ENCODED = base64.b64encode(MARKER.encode()).decode()
VOLUME: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "PersistentVolume",
    "metadata": {"name": "work-dir-test"},
    "spec": {"capacity": {"storage": "20Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/srv/work"}},
}
VALUES = {
    "serviceAccount": {"name": "dqm-web", "create": True},
    "workDir": {"claimName": "work-dir", "createClaim": True},
    "secrets": {"mode": "inline", "name": "dqm-inline", "data": {"keytab": ENCODED, "other": "bm90aGluZw=="}},
}


@pytest.fixture(scope="module")
def kube(cluster: LocalCluster) -> Iterator[Kube]:
    """One namespace for the whole module."""
    state = State(Path(cluster.kubeconfig).parent)
    clean(state)
    kube = Kube(state)
    kube("apply", "-f", "-", input=VOLUME)
    yield kube
    clean(state)
    kube("delete", "pv", "work-dir-test")


@pytest.fixture(scope="module")
def checkout(cluster: LocalCluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = copy_project(tmp_path_factory.mktemp("checkout"), cluster.kubeconfig)
    add_values(project, "local", VALUES)
    return project


@pytest.fixture(scope="module")
def outputs(kube: Kube, checkout: Path) -> list[Result]:
    """Two releases, and one between them that failed; everything that was said."""
    helmtool = Helmtool(checkout)
    return [
        helmtool("release", "local", "HG0105a", "-vv"),
        helmtool("release", "local", "HG0105c", *UNSCHEDULABLE, *SHORT, "-vv", code=1),
        helmtool("release", "local", "HG0205a", "-vv", "-o", "json"),
    ]


@pytest.fixture(scope="module")
def helmtool(outputs: list[Result], checkout: Path) -> Helmtool:
    """A release that serves HG0205a as revision 4, after HG0105a."""
    return Helmtool(checkout)


def changes(result: Result) -> dict[str, tuple[str, str]]:
    """What happens to each object, and what that does."""
    return {f"{c['kind']}/{c['name']}": (c["change"], c["effect"]) for c in result.json["changes"]}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], {}),
        (["--set", "serviceAccount.annotations.team=dqm"], {"ServiceAccount/dqm-web": ("change", "no effect")}),
        (
            ["--set", "networkPolicy.from[0].namespace=auth,networkPolicy.from[0].podLabels.app=frontend"],
            {"NetworkPolicy/newdqmgui-network-policy": ("change", "in place")},
        ),
        (
            ["HG0305a", "--set", "strategy=RollingUpdate,workDir.claimName=,workDir.createClaim=false"],
            {"Deployment/newdqmgui": ("change", "restarts the pod")},
        ),
        (["HG0305a"], {"Deployment/newdqmgui": ("change", "downtime")}),
        (["--set", "workDir.size=10Gi"], {"PersistentVolumeClaim/work-dir": ("change", "impossible")}),
        (["--set", "networkPolicy.enabled=false"], {"NetworkPolicy/newdqmgui-network-policy": ("remove", "in place")}),
        (
            ["--set", "ingress.enabled=true,ingress.host=cmsweb.cern.ch,ingress.allowedSources[0]=10.0.0.0/8"],
            {"Ingress/ing-dqm-offline": ("add", "in place")},
        ),
    ],
    ids=["none", "no effect", "in place", "restart", "downtime", "impossible", "remove", "add"],
)
def test_each_effect(helmtool: Helmtool, kube: Kube, arguments: list[str], expected: dict[str, tuple[str, str]]) -> None:
    before = kube.versions()
    result = helmtool("diff", "local", *arguments, "--detailed-exitcode", "-o", "json", code=2 if expected else 0)
    assert changes(result) == expected
    assert all(change["diff"] for change in result.json["changes"])
    assert kube.versions() == before


def test_the_reason_of_what_is_impossible(helmtool: Helmtool) -> None:
    result = helmtool("diff", "local", "--set", "workDir.size=10Gi")
    assert "impossible" in result.err
    assert "spec.resources.requests.storage: Forbidden: field can not be less than status.capacity" in result.err


def test_text(helmtool: Helmtool) -> None:
    result = helmtool("diff", "local", "HG0305a", "--context", "0")
    lines = result.out.splitlines()
    assert lines[:2] == ["--- live Deployment/newdqmgui", "+++ new Deployment/newdqmgui"]
    assert f"-        image: {REPOSITORY}:HG0205a" in lines
    assert f"+        image: {REPOSITORY}:HG0305a" in lines
    assert not [line for line in lines if line.startswith(" ")]
    assert "change Deployment/newdqmgui  downtime" in result.err
    assert "the pod is stopped before the new one starts (Recreate)" in result.err


def test_nothing_changes(helmtool: Helmtool) -> None:
    for against, base in (("live", "live"), ("release", "revision 4")):
        result = helmtool("diff", "local", "--against", against, "--detailed-exitcode")
        assert result.out == ""
        assert f"no changes from {base}" in result.err


def test_against_the_stored_revision(helmtool: Helmtool) -> None:
    result = helmtool("diff", "local", "HG0305a", "--against", "release", "-o", "json")
    assert (result.json["base"], result.json["target"]) == ("revision 4", "new")
    assert changes(result) == {"Deployment/newdqmgui": ("change", "downtime")}
    removed = helmtool("diff", "local", "--against", "release", "--set", "networkPolicy.enabled=false", "-o", "json")
    assert changes(removed) == {"NetworkPolicy/newdqmgui-network-policy": ("remove", "in place")}


def test_drift_shows_against_live_alone(helmtool: Helmtool, kube: Kube) -> None:
    kube("label", "service", "newdqmgui", "app.kubernetes.io/name=mine", "--overwrite")
    try:
        live = helmtool("diff", "local", "-o", "json")
        assert changes(live) == {"Service/newdqmgui": ("change", "no effect")}
        assert 'conflict with \\"kubectl-label\\"' in live.err
        assert changes(helmtool("diff", "local", "--against", "release", "-o", "json")) == {}
    finally:
        kube("label", "service", "newdqmgui", "app.kubernetes.io/name=newdqmgui", "--overwrite")


def test_to_a_stored_revision(helmtool: Helmtool) -> None:
    for against, base in (("live", "live"), ("release", "revision 4")):
        result = helmtool("diff", "local", "--revision", "1", "--against", against, "-o", "json")
        assert (result.json["base"], result.json["target"]) == (base, "revision 1")
        assert changes(result) == {"Deployment/newdqmgui": ("change", "downtime")}
        assert any(line.startswith("+") and line.endswith(":HG0105a") for line in result.json["changes"][0]["diff"])
    missing = helmtool("diff", "local", "--revision", "99", "-o", "json", code=3)
    assert missing.error["message"] == "revision 99 is not kept; kept are 1, 2, 3, 4"
    assert helmtool("diff", "local", "--revision", "1", "--against", "prod", "-o", "json", code=2).error["code"] == "usage"


def test_between_environments_without_a_cluster(helmtool: Helmtool, tmp_path: Path) -> None:
    alone = Helmtool(helmtool.project, {"KUBECONFIG": str(tmp_path / "none"), "XDG_STATE_HOME": str(tmp_path)})
    result = alone("diff", "preprod", "--against", "test4", "-o", "json", "--detailed-exitcode", code=2)
    assert (result.json["base"], result.json["target"]) == ("test4", "preprod")
    assert changes(result)["NetworkPolicy/newdqmgui-network-policy"] == ("change", "in place")
    assert changes(result)["Deployment/newdqmgui"] == ("change", "downtime")
    assert alone("diff", "test4", "--against", "test4", "--detailed-exitcode").out == ""
    assert alone("diff", "local", "-o", "json", code=5).error["code"] == "local-not-up"
    unknown = alone("diff", "prod", "--against", "preprd", "-o", "json", code=3).error
    assert (unknown["code"], unknown["hint"].split("?")[0]) == ("unknown-environment", "did you mean preprod")


def test_without_a_release(helmtool: Helmtool, checkout: Path) -> None:
    """Another release in the same place: its objects are this one's, so it is refused before anything is compared."""
    file = checkout / "values/environments.yaml"
    original = file.read_text()
    file.write_text(original.replace("release: newdqmgui", "release: another"))
    try:
        assert helmtool("diff", "local", "HG0105a", "--against", "release", "-o", "json", code=3).error["code"] == "no-revision"
        assert helmtool("diff", "local", "HG0105a", "-o", "json", code=4).error["code"] == "not-ours"
    finally:
        file.write_text(original)


def test_the_plugin_is_not_there(helmtool: Helmtool, tmp_path: Path) -> None:
    without = Helmtool(helmtool.project, {"HELM_PLUGINS": str(tmp_path)})
    result = without("diff", "local", "--engine", "helm-diff", "-o", "json", code=3)
    assert result.error["code"] == "helm-diff-missing"
    assert "helm plugin install" in result.error["hint"]


class TestSecretsAreNeverShown:
    """The content of the inline Secret, as it is and in base64, in nothing that any command says."""

    def check(self, result: Result) -> None:
        for secret in (MARKER, ENCODED, base64.b64encode(ENCODED.encode()).decode()):
            assert secret not in result.out
            assert secret not in result.err

    def test_it_was_released(self, helmtool: Helmtool, kube: Kube) -> None:
        secret = kube.get("secret", "dqm-inline")
        assert secret
        assert secret["data"]["keytab"] == ENCODED

    def test_by_releases(self, outputs: list[Result]) -> None:
        for result in outputs:
            self.check(result)

    @pytest.mark.parametrize("options", [["-vv"], ["-o", "json"]])
    @pytest.mark.parametrize(
        "command",
        [
            "diff local",
            "diff local --context 99 --revision 1",
            "diff local --context 99 --against prod",
            "diff prod --context 99 --against local",
            "diff local --context 99 --against release",
            "render local",
            "values local",
            "values local --explain",
            "validate local",
            "history local",
            "status local",
            "rollback local --dry-run",
            "release local HG0305a --dry-run",
        ],
    )
    def test_by(self, helmtool: Helmtool, command: str, options: list[str]) -> None:
        self.check(helmtool(*command.split(), *options))

    def test_a_change_of_it_shows_without_it(self, helmtool: Helmtool, checkout: Path) -> None:
        other = base64.b64encode(b"another-Keytab").decode()
        add_values(checkout, "local", VALUES | {"secrets": VALUES["secrets"] | {"data": {"keytab": other, "other": "bm90aGluZw=="}}})
        try:
            result = helmtool("diff", "local", "-vv")
            assert "+  keytab: <redacted, changed>" in result.out
            assert "change Secret/dqm-inline" in result.err
            assert other not in result.out + result.err
            self.check(result)
        finally:
            add_values(checkout, "local", VALUES)

    @pytest.mark.parametrize(
        "data", [{"keytab": MARKER}, {"key tab": ENCODED}, [ENCODED], ENCODED], ids=["not base64", "key", "list", "text"]
    )
    def test_by_what_is_wrong_with_it(self, helmtool: Helmtool, checkout: Path, data: Any) -> None:
        add_values(checkout, "local", {"secrets": VALUES["secrets"] | {"data": data}})
        try:
            for command in (
                "release local HG0305a -vv",
                "validate local -o json",
                "render local",
                "values local",
                "values local --explain",
            ):
                self.check(helmtool(*command.split(), code=0 if command.startswith("values") else 3))
        finally:
            add_values(checkout, "local", VALUES)
