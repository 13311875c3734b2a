"""The kind of an object of a revision is gone: what runs is still told, and nothing begins what Helm could not end."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cli import REPOSITORY, Helmtool, Kube, wait_until

from helmtool.adapters import toolbox
from helmtool.adapters.local import LocalCluster

GROUP = "gone.example.org"
CRD = f"scrapes.{GROUP}"
UNKNOWN = f"does not know the kind Scrape of {GROUP}/"
TEMPLATE = f"""\
apiVersion: {GROUP}/v1
kind: Scrape
metadata:
  name: {{{{ include "newdqmgui.name" . }}}}
spec: {{port: 18889}}
"""


def definition(**served: bool) -> dict[str, Any]:
    """A CustomResourceDefinition with these versions; the last is the stored one."""
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    versions = [{"name": name, "served": served[name], "storage": name == [*served][-1], "schema": schema} for name in served]
    names = {"plural": "scrapes", "singular": "scrape", "kind": "Scrape"}
    spec = {"group": GROUP, "scope": "Namespaced", "names": names, "versions": versions}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": CRD}, "spec": spec}


@pytest.fixture
def kinds(kube: Kube) -> Iterator[Callable[..., None]]:
    """Makes the kind known in the versions that are given, or unknown without any."""

    def know(**served: bool) -> None:
        if not served:
            kube("delete", "crd", CRD, "--ignore-not-found")
        else:
            kube("apply", "-f", "-", input=definition(**served))
        wait_until(lambda: served_versions(kube) == {name for name, is_served in served.items() if is_served})

    yield know
    know()


def served_versions(kube: Kube) -> set[str]:
    """The versions in which the API server lists the kind now."""
    listed = kube("api-versions").split()
    return {version.partition("/")[2] for version in listed if version.startswith(f"{GROUP}/")}


@pytest.fixture
def helmtool(project: Path, kinds: Callable[..., None]) -> Helmtool:
    """A release whose revision 1 serves without the object, revision 2 with it; then its kind goes."""
    helmtool = Helmtool(project)
    helmtool("release", "local", "HG0105a")
    kinds(v1=True)
    add_object(project)
    helmtool("release", "local", "HG0205a")
    (project / "charts/newdqmgui/templates/scrape.yaml").unlink()
    kinds()
    return helmtool


def add_object(project: Path) -> None:
    (project / "charts/newdqmgui/templates/scrape.yaml").write_text(TEMPLATE)


def test_status_tells_what_runs_and_that_the_kind_is_gone(helmtool: Helmtool) -> None:
    (entry,) = helmtool("status", "local", "-o", "json").json
    assert (entry["state"], entry["revision"], entry["ready"], entry["image"]) == ("running", 2, 1, f"{REPOSITORY}:HG0205a")
    (drift,) = entry["drift"]
    assert drift.startswith("Scrape/newdqmgui is gone: ")
    assert drift.endswith(f"{UNKNOWN}v1")
    both = helmtool("status", "local", "prod", "-o", "json").json
    assert [(entry["state"], entry["drift"]) for entry in both] == [("running", [drift])] * 2
    (entry,) = helmtool("status", "local", "--rollback", "-o", "json").json
    assert entry["rollback"]["possible"] is False
    assert UNKNOWN in entry["rollback"]["obstacles"][0]


def test_diff_tells_what_is_in_the_way(helmtool: Helmtool) -> None:
    result = helmtool("diff", "local", "HG0305a", "-o", "json")
    effects = {f"{c['kind']}/{c['name']}": (c["change"], c["effect"], c["reason"]) for c in result.json["changes"]}
    verb, effect, reason = effects["Scrape/newdqmgui"]
    assert (verb, effect) == ("remove", "impossible")
    assert reason.startswith("revision 2 holds it, and ")
    assert effects["Deployment/newdqmgui"][1] == "downtime"
    assert UNKNOWN in helmtool("diff", "local", "HG0305a").err
    helmtool("diff", "local", "HG0305a", "--against", "release")
    helmtool("diff", "local", "--revision", "1")


@pytest.mark.parametrize(
    "command",
    [
        ["release", "local", "HG0305a"],
        ["release", "local", "HG0305a", "--dry-run"],
        ["release", "local", "HG0205a"],
        ["rollback", "local"],
        ["rollback", "local", "2", "--force"],
    ],
)
def test_what_would_call_helm_is_refused_before_anything_is_written(helmtool: Helmtool, kube: Kube, command: list[str]) -> None:
    before = kube.versions()
    error = helmtool(*command, "-o", "json", code=4).error
    assert error["code"] == "kind-gone"
    assert error["message"].startswith("Scrape/newdqmgui: revision 2 holds it, and ")
    assert error["message"].endswith("nothing was changed")
    assert "CustomResourceDefinition" in error["hint"]
    assert kube.versions() == before


def test_unlock_is_refused_too(helmtool: Helmtool, kube: Kube, cluster: LocalCluster, kinds: Callable[..., None]) -> None:
    kube.store_status(2, "pending-upgrade")
    before = kube.versions()
    assert helmtool("unlock", "local", "--yes", "-o", "json", code=4).error["code"] == "kind-gone"
    assert kube.versions() == before
    kinds(v1=True)
    helmtool("unlock", "local", "--yes")
    assert kube.serving == [f"{REPOSITORY}:HG0105a"]


def upgrade_by_helm(project: Path, cluster: LocalCluster) -> int:
    """The exit code of a plain `helm upgrade` of the checkout's chart."""
    argv = [str(toolbox.find("helm")), "upgrade", "newdqmgui", str(project / "charts/newdqmgui"), "--set", "image.tag=HG0305a"]
    argv += ["--kubeconfig", cluster.kubeconfig, "--namespace", cluster.namespace, "--server-side=true"]
    return subprocess.run(argv, capture_output=True, timeout=60, check=False).returncode


def test_helm_is_stuck_too_and_the_way_out_works(helmtool: Helmtool, kube: Kube, cluster: LocalCluster, kinds: Callable[..., None]) -> None:
    assert upgrade_by_helm(helmtool.project, cluster) == 1
    kinds(v1=True)
    helmtool("release", "local", "HG0305a")  # without the object
    kinds()
    assert helmtool("status", "local", "-o", "json").json[0]["drift"] == []
    helmtool("release", "local", "HG0405a")
    error = helmtool("rollback", "local", "2", "-o", "json", code=4).error
    assert (error["code"], UNKNOWN in error["message"]) == ("kind-gone", True)
    helmtool("rollback", "local", "3")
    assert kube.serving == [f"{REPOSITORY}:HG0305a"]


def test_a_version_that_is_served_no_more(project: Path, kube: Kube, cluster: LocalCluster, kinds: Callable[..., None]) -> None:
    helmtool = Helmtool(project)
    kinds(v1beta1=True, v1=True)
    template = project / "charts/newdqmgui/templates/scrape.yaml"
    template.write_text(TEMPLATE.replace("/v1", "/v1beta1"))
    helmtool("release", "local", "HG0105a")
    template.write_text(TEMPLATE)
    kinds(v1beta1=False, v1=True)
    error = helmtool("release", "local", "HG0205a", "-o", "json", code=4).error
    assert (error["code"], f"{UNKNOWN}v1beta1" in error["message"]) == ("kind-gone", True)
    assert upgrade_by_helm(project, cluster) == 1
    kinds(v1beta1=True, v1=True)
    uid = kube("get", CRD, "newdqmgui", "-o", "jsonpath={.metadata.uid}")
    for against in ("live", "release"):
        changes = helmtool("diff", "local", "HG0205a", "--against", against, "-o", "json").json["changes"]
        assert ("Scrape", "remove") not in [(change["kind"], change["change"]) for change in changes]
    helmtool("release", "local", "HG0205a")
    assert kube("get", CRD, "newdqmgui", "-o", "jsonpath={.metadata.uid}") == uid
    kinds(v1beta1=False, v1=True)
    helmtool("release", "local", "HG0305a")


def test_a_new_object_of_an_unknown_kind(helmtool: Helmtool, kube: Kube, kinds: Callable[..., None]) -> None:
    kinds(v1=True)
    helmtool("release", "local", "HG0305a")
    kinds()
    add_object(helmtool.project)
    before = kube.versions()
    error = helmtool("release", "local", "HG0405a", "-o", "json", code=4).error
    assert (error["code"], UNKNOWN in error["message"]) == ("kind-gone", True)
    assert kube.versions() == before
