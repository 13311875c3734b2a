"""The cause of each changed field on a real cluster: values, TAG, --set, the chart, other hands, a stored revision, and no secret."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli import ROOT, Helmtool, Kube, add_values, copy_project
from embedded import clean
from jsonschema import Draft202012Validator

from helmtool.adapters.local import LocalCluster
from helmtool.adapters.local.state import State

CANARY = "the-Keytab-Nobody-May-See"
ENCODED = base64.b64encode(CANARY.encode()).decode()
OTHER = base64.b64encode(b"another-Keytab-Nobody-May-See").decode()
VALUES: dict[str, Any] = {
    "serviceAccount": {"name": "dqm-web", "create": True},
    "secrets": {"mode": "inline", "name": "dqm-inline", "data": {"keytab": ENCODED}},
}
VALIDATOR = Draft202012Validator(json.loads((ROOT / "schemas/diff.schema.json").read_text(encoding="utf-8")))
IMAGE = "Deployment spec.template.spec.containers[newdqmgui].image"
Causes = dict[str, list[tuple[str, str]]]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def kube(cluster: LocalCluster) -> Iterator[Kube]:
    """One namespace for the whole module."""
    state = State(Path(cluster.kubeconfig).parent)
    clean(state)
    yield Kube(state)
    clean(state)


@pytest.fixture(scope="module")
def checkout(kube: Kube, cluster: LocalCluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout of which HG0105a and then HG0205a was released."""
    project = copy_project(tmp_path_factory.mktemp("checkout"), cluster.kubeconfig)
    add_values(project, "local", VALUES)
    helmtool = Helmtool(project)
    helmtool("release", "local", "HG0105a")
    helmtool("release", "local", "HG0205a")
    return project


@pytest.fixture
def helmtool(checkout: Path) -> Helmtool:
    return Helmtool(checkout)


def reviewed(helmtool: Helmtool, *arguments: str) -> Any:
    document = helmtool("diff", "local", *arguments, "-o", "json").json
    assert [error.message for error in VALIDATOR.iter_errors(document)] == []
    return document


def causes(helmtool: Helmtool, *arguments: str) -> Causes:
    """What made each field differ, by its kind and path."""
    return {
        f"{change['kind']} {field['path']}": [(p["source"], p["text"]) for p in field["provenance"]]
        for change in reviewed(helmtool, *arguments)["changes"]
        for field in change["fields"]
    }


@pytest.mark.parametrize("against", ["live", "release"])
def test_a_tag_and_a_set(helmtool: Helmtool, against: str) -> None:
    found = causes(helmtool, "HG0305a", "--set", "revisionHistoryLimit=4", "--against", against)
    assert found[IMAGE] == [("tag", "image.tag: the TAG that was given")]
    assert found["Deployment spec.revisionHistoryLimit"] == [("set", "revisionHistoryLimit: given with --set")]


def test_a_line_of_a_values_file(helmtool: Helmtool, checkout: Path) -> None:
    file = checkout / "values/local.yaml"
    original = file.read_text()
    file.write_text(f"{original}terminationGracePeriodSeconds: 77\n")
    try:
        found = causes(helmtool)
        line = len(original.splitlines()) + 1
        expected = [("value", f"terminationGracePeriodSeconds: values/local.yaml:{line}")]
        assert found == {"Deployment spec.template.spec.terminationGracePeriodSeconds": expected}
        assert reviewed(helmtool)["valuesFrom"] == "revision 2"
    finally:
        file.write_text(original)


def test_a_default_and_a_template_of_the_chart(helmtool: Helmtool, checkout: Path) -> None:
    values, template = checkout / "charts/newdqmgui/values.yaml", checkout / "charts/newdqmgui/templates/service.yaml"
    kept = {file: file.read_text() for file in (values, template)}
    values.write_text(kept[values].replace("terminationGracePeriodSeconds: 60", "terminationGracePeriodSeconds: 61"))
    template.write_text(kept[template].replace("\nspec:\n", "\nspec:\n  publishNotReadyAddresses: true\n", 1))
    try:
        found = causes(helmtool)
        (default,) = found["Deployment spec.template.spec.terminationGracePeriodSeconds"]
        assert re.fullmatch(r"terminationGracePeriodSeconds: charts/newdqmgui/values.yaml:\d+", default[1])
        (chart,) = found["Service spec.publishNotReadyAddresses"]
        assert chart[0] == "chart"
        assert chart[1].startswith("the chart itself, though it still is newdqmgui-")
    finally:
        for file, text in kept.items():
            file.write_text(text)


def test_a_version_of_the_chart(helmtool: Helmtool, checkout: Path) -> None:
    file = checkout / "charts/newdqmgui/Chart.yaml"
    original = file.read_text()
    file.write_text(re.sub(r"(?m)^version: .*$", "version: 9.9.9", original))
    try:
        found = causes(helmtool, "HG0305a")
        assert found[IMAGE] == [("tag", "image.tag: the TAG that was given")]
        (label,) = found["Deployment metadata.labels[helm.sh/chart]"]
        assert (label[0], label[1].rsplit(" before, ", 1)[1]) == ("chart", "newdqmgui-9.9.9 now")
    finally:
        file.write_text(original)


def test_other_hands(helmtool: Helmtool, kube: Kube) -> None:
    kube("label", "service", "newdqmgui", "app.kubernetes.io/name=mine", "--overwrite")
    try:
        found = causes(helmtool, "HG0305a")
        ((source, text),) = found["Service metadata.labels[app.kubernetes.io/name]"]
        assert source == "hands"
        assert re.match(r"changed since the release by other hands: kubectl-label at \d{4}-", text)
        assert found[IMAGE] == [("tag", "image.tag: the TAG that was given")]
        assert "Service metadata.labels[app.kubernetes.io/name]" not in causes(helmtool, "HG0305a", "--against", "release")
    finally:
        kube("label", "service", "newdqmgui", "app.kubernetes.io/name=newdqmgui", "--overwrite")


@pytest.mark.parametrize("against", ["live", "release"])
def test_to_a_stored_revision(helmtool: Helmtool, against: str) -> None:
    found = causes(helmtool, "--revision", "1", "--against", against)
    assert found[IMAGE] == [("value", "image.tag: a value of the revision")]


def test_no_secret_in_any_format(helmtool: Helmtool, checkout: Path) -> None:
    add_values(checkout, "local", VALUES | {"secrets": VALUES["secrets"] | {"data": {"keytab": OTHER}}})
    try:
        for name in ("json", "markdown", "html"):
            result = helmtool("diff", "local", "HG0305a", "--context", "99", "--format", name, "-vv")
            for text in (CANARY, ENCODED, OTHER, "another-Keytab"):
                assert text not in result.out + result.err
            assert "secrets.data.keytab: values/local.yaml:" in result.out
    finally:
        add_values(checkout, "local", VALUES)


def test_without_a_release_there_is_nothing_to_compare_values_with(helmtool: Helmtool, kube: Kube, cluster: LocalCluster) -> None:
    """The last test of the module: it leaves an empty namespace."""
    clean(State(Path(cluster.kubeconfig).parent))
    document = reviewed(helmtool, "HG0105a")
    assert document["valuesFrom"] is None
    assert document["values"] == []
    assert {field["path"] for change in document["changes"] for field in change["fields"]} == {""}
    assert {len(field["provenance"]) for change in document["changes"] for field in change["fields"]} == {0}
