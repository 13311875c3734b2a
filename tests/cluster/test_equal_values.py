"""Values that the API server takes for one are no change, and a whole number is one however helm has written it."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from cli import Helmtool, Kube, add_values
from test_plain_helm import VALUES, Helm

from helmtool.adapters.local import LocalCluster
from helmtool.model.spelling import quantity

SPELLED = {"requests": {"cpu": "0.2", "memory": "1Gi"}, "limits": {"cpu": "1", "memory": "3072Mi"}}
RESPELLED = {"requests": {"cpu": "200m", "memory": "1024Mi"}, "limits": {"cpu": "1000m", "memory": "3Gi"}}


def random_quantities() -> list[str]:
    chance = random.Random(21)
    numbers = [chance.choice(["0", "1", "1.5", "0.2", "1024", "3072", "1000", "1500", ".5", "7.", "123456789"]) for _ in range(300)]
    return sorted({n + chance.choice(["", "n", "u", "m", "k", "M", "G", "Ki", "Mi", "Gi", "e3", "E3", "e-3", "e6"]) for n in numbers})


def test_a_quantity_has_the_value_that_the_server_stores(kube: Kube) -> None:
    given = random_quantities()
    volumes = [{"name": f"v{number}", "emptyDir": {"sizeLimit": text}} for number, text in enumerate(given)]
    spec = {"containers": [{"name": "c", "image": "i"}], "volumes": volumes}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "quantities"}, "spec": spec}
    answer = json.loads(kube("create", "--dry-run=server", "-o", "json", "-f", "-", input=pod))
    stored = [volume["emptyDir"]["sizeLimit"] for volume in answer["spec"]["volumes"] if "emptyDir" in volume]
    assert [(g, s) for g, s in zip(given, stored, strict=True) if quantity(g) != quantity(s)] == []


@pytest.mark.parametrize("against", ["live", "release", "prod"])
def test_another_spelling_of_quantities_is_no_change(project: Path, kube: Kube, against: str) -> None:
    helmtool = Helmtool(project)
    add_values(project, "local", {"resources": SPELLED})
    add_values(project, "prod", {"resources": SPELLED})
    if against != "prod":
        helmtool("release", "local", "HG0105a-stable")
    add_values(project, "local", {"resources": RESPELLED})
    result = helmtool("diff", "local", "HG0105a-stable", "--against", against, "--detailed-exitcode", "-o", "json")
    assert result.json["changes"] == []


def test_a_stored_revision_in_another_spelling_is_no_change(project: Path, kube: Kube) -> None:
    helmtool = Helmtool(project)
    for resources in (SPELLED, RESPELLED):
        add_values(project, "local", {"resources": resources})
        helmtool("release", "local", "HG0105a")
    assert sorted(kube.revisions) == [1, 2]
    helmtool("diff", "local", "--revision", "1", "--against", "release", "--detailed-exitcode")
    helmtool("diff", "local", "--revision", "1", "--detailed-exitcode")


def test_the_pod_goes_on_where_the_server_stores_another_spelling(project: Path, kube: Kube, cluster: LocalCluster) -> None:
    """4096000k and 4000000Ki are one number, and stay two texts."""
    helmtool = Helmtool(project)
    resources: dict[str, Any] = {"requests": SPELLED["requests"], "limits": {"memory": "4096000k"}}
    add_values(project, "local", {"resources": resources})
    helmtool("release", "local", "HG0105a")
    before = kube.deployment["status"]["observedGeneration"], kube("get", "pods", "-o", "name")
    add_values(project, "local", {"resources": resources | {"limits": {"memory": "4000000Ki"}}})
    helmtool("diff", "local", "--detailed-exitcode")
    helmtool("release", "local", "HG0105a")
    stored = kube.deployment["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"]
    assert stored == "4000000Ki"
    assert (kube.deployment["status"]["observedGeneration"], kube("get", "pods", "-o", "name")) == before


def test_a_large_number_is_released_and_rolled_back_to(project: Path, kube: Kube, cluster: LocalCluster) -> None:
    helm, helmtool = Helm(cluster.kubeconfig, cluster.namespace), Helmtool(project)
    chart = project / "charts/newdqmgui"
    template = chart / "templates/deployment.yaml"
    now = template.read_text()
    template.write_text(now.replace(" | toJson", ""))  # as charts of plain helm are
    large = ["--set-json", '{"podSecurity":{"runAsUser":1000000,"fsGroup":123456789}}', "--set", "image.tag=HG0105a"]
    helm("upgrade", "newdqmgui", str(chart), *VALUES, "--install", *large)
    assert "1e+06" in helm("get", "manifest", "newdqmgui")
    template.write_text(now)
    user = "podSecurity.runAsUser=1000000,podSecurity.fsGroup=123456789"
    helmtool("diff", "local", "HG0105a", "--set", user, "--against", "release", "--detailed-exitcode")
    helmtool("diff", "local", "HG0105a", "--set", user, "--detailed-exitcode")
    add_values(project, "local", {"podSecurity": {"runAsUser": 2000000, "fsGroup": 2147483647}})
    helmtool("release", "local", "HG0205a")
    assert kube.deployment["spec"]["template"]["spec"]["securityContext"]["fsGroup"] == 2147483647
    helmtool("rollback", "local", "1")
    assert kube.deployment["spec"]["template"]["spec"]["securityContext"]["runAsUser"] == 1000000
    helm("uninstall", "newdqmgui", "--wait", "--timeout", "20s")
