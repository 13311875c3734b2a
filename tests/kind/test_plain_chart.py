"""The chart with Helm alone, as it is used without helmtool, seen with the client of pytest-helm-charts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pykube
import pytest
from cli import Helmtool
from node import DATA_CLAIM, NAMESPACE, RELEASE, Node
from pytest_helm_charts.clusters import Cluster
from pytest_helm_charts.fixtures import kube_cluster  # noqa: F401 - a fixture
from pytest_helm_charts.k8s.deployment import wait_for_deployments_to_run


@pytest.fixture(scope="module")
def kube_config(node: Node) -> str:
    """Which cluster the plugin's own fixture talks to, instead of its option of the command line."""
    return str(node.kubeconfig)


@pytest.fixture(scope="module")
def installed(helmtool: Helmtool, node: Node) -> Iterator[Helmtool]:
    node.clear()
    values = ("--values", str(helmtool.project / "values/kind.yaml"), "--set", "image.tag=HG0105a")
    done = node.helm("install", RELEASE, str(helmtool.project / "charts/newdqmgui"), *values, "--server-side=true")
    assert done.returncode == 0, done.stderr
    yield helmtool
    node.clear()


@pytest.fixture
def api(kube_cluster: Cluster, installed: Helmtool) -> pykube.HTTPClient:  # noqa: F811 - the fixture above
    """The API of the cluster, once the Deployment has its pod."""
    assert kube_cluster.kube_client
    wait_for_deployments_to_run(kube_cluster.kube_client, [RELEASE], NAMESPACE, 120)
    return kube_cluster.kube_client


def test_one_pod_is_ready(api: pykube.HTTPClient) -> None:
    (pod,) = pykube.Pod.objects(api).filter(namespace=NAMESPACE, selector={"app": RELEASE})
    assert pod.ready
    assert pod.labels["env"] == "k8s-kind"
    assert pod.annotations["prometheus.io/port"] == "18889"


def test_the_service_has_the_pod_behind_it(api: pykube.HTTPClient) -> None:
    service = pykube.Service.objects(api).filter(namespace=NAMESPACE).get_by_name(RELEASE)
    assert {port["port"] for port in service.obj["spec"]["ports"]} == {8889, 18889}
    assert service.proxy_http_get("/api/v1/latest_runs", 8889).json() == {"runs": [316142]}


def test_the_start_script_is_the_charts(api: pykube.HTTPClient, installed: Helmtool) -> None:
    script = Path(installed.project / "charts/newdqmgui/files/setup-certs-and-run.sh").read_text()
    config = pykube.ConfigMap.objects(api).filter(namespace=NAMESPACE).get_by_name(RELEASE)
    assert config.obj["data"] == {"setup-certs-and-run.sh": script}


def test_helms_own_test_passes_and_an_uninstallation_keeps_the_claims(api: pykube.HTTPClient, node: Node) -> None:
    tested = node.helm("test", RELEASE)
    assert tested.returncode == 0, tested.stdout + tested.stderr
    removed = node.helm("uninstall", RELEASE, "--wait")
    assert removed.returncode == 0, removed.stderr
    for kind in (pykube.Deployment, pykube.Service, pykube.ConfigMap):
        assert kind.objects(api).filter(namespace=NAMESPACE).get_or_none(name=RELEASE) is None
    assert pykube.PersistentVolumeClaim.objects(api).filter(namespace=NAMESPACE).get_by_name(DATA_CLAIM)
