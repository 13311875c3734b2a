"""The schemas that come with the package are the API server's own, and what they say is what it does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from helmtool.adapters import process, toolbox
from helmtool.adapters.local import LocalCluster
from helmtool.model.kinds import KNOWN
from helmtool.model.openapi import check_objects

ROOT = Path(__file__).parents[2]


def kubectl(cluster: LocalCluster, *arguments: str, objects: list[Any]) -> process.Completed:
    text = "\n---\n".join(json.dumps(item) for item in objects).encode()
    argv = [str(toolbox.find("kubectl")), "--kubeconfig", cluster.kubeconfig, "-n", cluster.namespace, *arguments, "-f", "-"]
    return process.run(argv, input=text, timeout=60)


def dry_run(cluster: LocalCluster, objects: list[Any]) -> process.Completed:
    """Server-side apply as a dry run: what the API server would refuse, it refuses."""
    return kubectl(cluster, "apply", "--server-side", "--dry-run=server", "--validate=strict", "--field-manager=test", objects=objects)


def render(*values: Path) -> list[Any]:
    argv = [
        str(toolbox.find("helm")),
        "template",
        "newdqmgui",
        str(ROOT / "charts/newdqmgui"),
        "-n",
        "dqm",
        "--set",
        "image.tag=HG0105a-stable",
    ]
    done = process.run([*argv, *(f"--values={file}" for file in values)], timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return [item for item in yaml.safe_load_all(done.stdout) if item]


def test_schemas_are_current(cluster: LocalCluster) -> None:
    argv = [sys.executable, str(ROOT / "tools/fetch_openapi.py"), cluster.kubeconfig, "--check"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "values", ["tests/chart/all-options.yaml", "values/test4.yaml", "values/preprod.yaml", "values/prod.yaml", "values/local.yaml"]
)
def test_the_api_server_takes_what_the_chart_renders(cluster: LocalCluster, values: str) -> None:
    objects = render(ROOT / values)
    done = dry_run(cluster, objects)
    assert done.returncode == 0, done.stderr.decode()
    assert check_objects(objects) == []


@pytest.mark.parametrize(
    ("part", "fields"),
    [
        ("container", {"imagePul": "Always"}),
        ("container", {"imagePullPolicy": "Sometimes"}),
        ("container", {"resources": {"limits": {"cpu": "1 core"}}}),
        ("container", {"ports": [{"containerPort": 80}, {"containerPort": 80, "protocol": "TCP"}]}),
        ("container", {"env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}),
        ("container", {"env": [{"name": "A", "value": 1}]}),
        ("spec", {"replicas": "1"}),
        ("spec", {"replicas": 2**31}),
        ("spec", {"selector": None}),
        ("metadata", {"labels": {"a": 1}}),
    ],
)
def test_both_refuse(cluster: LocalCluster, part: str, fields: dict[str, Any]) -> None:
    item = changed_deployment(part, fields)
    assert dry_run(cluster, [item]).returncode != 0
    assert check_objects([item]) != []


@pytest.mark.parametrize(
    ("part", "fields"),
    [
        ("container", {"resources": {"limits": {"cpu": 0.5, "memory": ".5Gi"}}}),
        ("container", {"resources": {"limits": {"cpu": 2, "memory": "1e9"}}}),
        ("container", {"env": None}),
        ("container", {"ports": [{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 53}]}),
        ("container", {"livenessProbe": {"httpGet": {"path": "/", "port": "http"}}}),
        ("metadata", {"creationTimestamp": None, "labels": None}),
    ],
)
def test_both_accept(cluster: LocalCluster, part: str, fields: dict[str, Any]) -> None:
    item = changed_deployment(part, fields)
    done = dry_run(cluster, [item])
    assert done.returncode == 0, done.stderr.decode()
    assert check_objects([item]) == []


def changed_deployment(part: str, fields: dict[str, Any]) -> dict[str, Any]:
    """A small Deployment in which one part has these fields too."""
    container: dict[str, Any] = {"name": "a", "image": "registry.cern.ch/cmsweb/newdqmgui:HG0105a"}
    labels = {"app": "openapi-drift"}
    spec: dict[str, Any] = {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
    }
    metadata: dict[str, Any] = {"name": "openapi-drift"}
    {"container": container, "spec": spec, "metadata": metadata}[part].update(fields)
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def test_the_kinds_that_are_not_asked_for_are_served_so(cluster: LocalCluster) -> None:
    for version in dict.fromkeys(version for version, _ in KNOWN):
        path = f"/api/{version}" if version == "v1" else f"/apis/{version}"
        argv = [str(toolbox.find("kubectl")), "--kubeconfig", cluster.kubeconfig, "get", "--raw", path]
        served = json.loads(process.run(argv, timeout=60).stdout)["resources"]
        found = {(version, r["kind"]): (r["name"], r["namespaced"]) for r in served if "/" not in r["name"]}
        assert {key: known for key, known in KNOWN.items() if key[0] == version}.items() <= found.items()
