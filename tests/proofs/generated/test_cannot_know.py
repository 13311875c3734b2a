"""The class of refusals that no validation without a cluster can know: each is made here, and is refused by the API server alone.

They hang on what lives in the cluster or on its admission, not on the values. A preflight asks for them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from documents import Document
from judges import Bench, Objects
from namespaces import make_namespace, wait_for
from rendering_many import HelmMany

from helmtool.adapters.cluster import HELM_MANAGER, Cluster
from helmtool.errors import HelmtoolError
from helmtool.model.manifest import Manifest, is_hook, owned_by_helm, parse_manifests
from helmtool.model.openapi import check_objects
from helmtool.model.values import to_helm_json

TAG = {"image": {"tag": "HG0105a"}}


@dataclass(frozen=True)
class Unknowable:
    """Something of the cluster, the values that are fine without it, and what the API server says then."""

    name: str
    objects: tuple[Manifest, ...]
    values: Document
    said: str
    labels: tuple[tuple[str, str], ...] = ()
    pods: bool = False
    """Whether only a bare pod of the Deployment's template shows it."""


def limits(**item: Any) -> Manifest:
    return {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "limits"}, "spec": {"limits": [item]}}


def quota(**hard: str) -> Manifest:
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "quota"}, "spec": {"hard": hard}}


def deployment(app: str) -> Manifest:
    labels = {"app": app}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "a", "image": "registry.example.org/a:1"}]}}
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": pod}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "newdqmgui"}, "spec": spec}


def claim(size: str) -> Manifest:
    spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": "other", "resources": {"requests": {"storage": size}}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "work"}, "spec": spec}


INLINE = {"secrets": {"mode": "inline", "name": "files", "data": {"a": "YQ=="}}}
WORK = {"workDir": {"claimName": "work", "createClaim": True}}
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "files"}, "immutable": True, "data": {"a": "Yg=="}}
CASES = [
    Unknowable("quota", (quota(**{"count/deployments.apps": "0"}),), {}, "exceeded quota"),
    Unknowable("limit range of pods", (limits(type="Container", max={"memory": "64Mi"}),), {}, "maximum memory usage per Container"),
    Unknowable("limit range of claims", (limits(type="PersistentVolumeClaim", max={"storage": "1Gi"}),), WORK, "maximum storage usage"),
    Unknowable("immutable selector", (deployment("other"),), {}, "field is immutable"),
    Unknowable("immutable claim", (claim("1Gi"),), WORK, "spec is immutable after creation"),
    Unknowable("immutable Secret", (SECRET,), INLINE, "field is immutable when `immutable` is set"),
    Unknowable(
        "pod security", (), {}, 'violates PodSecurity "restricted', (("pod-security.kubernetes.io/enforce", "restricted"),), pods=True
    ),
    Unknowable("account that is not there", (), {"serviceAccount": {"name": "absent"}}, 'serviceaccount "absent" not found', pods=True),
]


@pytest.fixture(scope="module")
def bench(server: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Any:
    made = Bench(tmp_path_factory.mktemp("checkout") / "project", Objects(server))
    yield made
    made.close()


@pytest.fixture(scope="module")
def helm() -> Any:
    made = HelmMany()
    yield made
    made.close()


def bare_pod(manifest: Manifest) -> Manifest:
    template = manifest["spec"]["template"]
    metadata = {**template["metadata"], "generateName": "bare-", "namespace": manifest["metadata"]["namespace"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def refusals(cluster: Cluster, manifests: list[Manifest], pods: bool) -> list[str]:
    """What the API server says when it is asked to apply the objects, and a pod of the Deployment."""
    ask: list[Callable[[], Any]] = [
        lambda m=m: cluster.apply(owned_by_helm(m, "newdqmgui", cluster.namespace), manager=HELM_MANAGER, dry_run=True, force=True)
        for m in manifests
        if not (pods and is_hook(m))
    ]
    ask += [lambda m=m: cluster.create_dry_run(bare_pod(m)) for m in manifests if pods and m["kind"] == "Deployment"]
    said = []
    for call in ask:
        try:
            answer = call()
        except HelmtoolError as error:
            said.append(error.message)
        else:
            said += [answer.message] if answer.status >= 400 else []
    return said


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_only_the_cluster_knows(server: Cluster, bench: Bench, helm: HelmMany, case: Unknowable) -> None:
    verdict = bench.judge({**case.values, **TAG})
    assert not verdict.helmtool.refused_by, verdict
    assert not verdict.server, "without what the case has in its namespace the API server takes every object"
    namespace = "unknowable-" + case.name.replace(" ", "-").lower()
    make_namespace(server, namespace, dict(case.labels))
    cluster = Cluster(server.access, namespace)
    for item in case.objects:
        assert cluster.create({**item, "metadata": {**item["metadata"], "namespace": namespace}}).status == 201
    text = helm.render(to_helm_json({**case.values, **TAG})).manifests.replace("namespace: generated", f"namespace: {namespace}")
    manifests = parse_manifests(text)
    assert not check_objects(manifests)
    # A quota counts only once its controller has looked at it.
    wait_for(
        lambda: any(case.said in said for said in refusals(cluster, manifests, case.pods)), lambda: refusals(cluster, manifests, case.pods)
    )


def test_a_namespace_that_is_not_there(server: Cluster, helm: HelmMany) -> None:
    cluster = Cluster(server.access, "absent")
    text = helm.render(to_helm_json(TAG)).manifests.replace("namespace: generated", "namespace: absent")
    said = refusals(cluster, parse_manifests(text), pods=False)
    assert said
    assert all('namespaces "absent" not found' in one for one in said), said


def test_the_page_lists_the_class() -> None:
    page = (Path(__file__).parents[3] / "docs/explanation/proofs.md").read_text()
    assert [case.name for case in CASES if f"| {case.name} |" not in page] == []
