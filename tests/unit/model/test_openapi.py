"""Objects against the API's own schemas: what is refused, where, in which words."""

from __future__ import annotations

import copy
import subprocess
import sys
from typing import Any

import pytest

from helmtool.adapters import toolbox
from helmtool.model.openapi import check_objects, kubernetes_version

DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "newdqmgui", "labels": {"app": "newdqmgui"}},
    "spec": {
        "replicas": 1,
        "selector": {"matchLabels": {"app": "newdqmgui"}},
        "template": {
            "metadata": {"labels": {"app": "newdqmgui"}},
            "spec": {
                "containers": [
                    {
                        "name": "newdqmgui",
                        "image": "registry.cern.ch/cmsweb/newdqmgui:HG0105a",
                        "ports": [{"name": "http", "containerPort": 8889, "protocol": "TCP"}],
                        "resources": {"limits": {"cpu": 1, "memory": "2Gi"}},
                        "livenessProbe": {"httpGet": {"path": "/", "port": "http"}},
                    }
                ]
            },
        },
    },
}
CONTAINER = ("spec", "template", "spec", "containers", 0)
SECRET: dict[str, Any] = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "Zm9v"}, "type": "Opaque"}


def changed(base: dict[str, Any], *path: str | int, value: Any) -> dict[str, Any]:
    document = copy.deepcopy(base)
    place: Any = document
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    return document


def found(item: dict[str, Any]) -> list[str]:
    return [str(problem) for problem in check_objects([item])]


def test_a_good_object_has_no_problem() -> None:
    assert check_objects([DEPLOYMENT, SECRET]) == []


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ((*CONTAINER, "replica"), 1, "spec.template.spec.containers[0].replica: unknown field"),
        (
            (*CONTAINER, "imagePulPolicy"),
            "Always",
            "spec.template.spec.containers[0].imagePulPolicy: unknown field: did you mean imagePullPolicy?",
        ),
        (("spec", "replicas"), "1", "spec.replicas: expected integer, found string"),
        (("spec", "replicas"), 1.5, "spec.replicas: expected integer, found number"),
        (("spec", "replicas"), True, "spec.replicas: expected integer, found boolean"),
        (("spec", "replicas"), 2**31, "spec.replicas: does not fit into int32"),
        (("metadata", "labels", "a.b/c"), 1, "metadata.labels.a\\.b/c: expected string, found integer"),
        (("metadata", "labels", "a"), [None], "metadata.labels.a: expected string, found array"),
        (("spec", "template", "spec", "containers"), None, "spec.template.spec.containers: is missing"),
        (("spec", "template", "spec", "containers"), [None], "spec.template.spec.containers[0]: expected object, found null"),
        (
            (*CONTAINER, "imagePullPolicy"),
            "Sometimes",
            "spec.template.spec.containers[0].imagePullPolicy: expected one of Always, IfNotPresent, Never, found Sometimes",
        ),
        (
            (*CONTAINER, "resources", "limits", "cpu"),
            "1 core",
            "spec.template.spec.containers[0].resources.limits.cpu: expected a quantity, such as 500m or 2Gi",
        ),
        (
            (*CONTAINER, "resources", "limits", "cpu"),
            "1\n",
            "spec.template.spec.containers[0].resources.limits.cpu: expected a quantity, such as 500m or 2Gi",
        ),
        (
            (*CONTAINER, "livenessProbe", "httpGet", "port"),
            1.5,
            "spec.template.spec.containers[0].livenessProbe.httpGet.port: expected integer or string, found number",
        ),
        (
            (*CONTAINER, "ports"),
            [{"containerPort": 80}, {"containerPort": 80, "protocol": "TCP"}],
            "spec.template.spec.containers[0].ports: two items have the same containerPort and protocol",
        ),
        (
            (*CONTAINER, "env"),
            [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}],
            "spec.template.spec.containers[0].env: two items have the same name",
        ),
        (("status",), {}, "status: unknown field"),
    ],
)
def test_problem(path: tuple[str | int, ...], value: Any, expected: str) -> None:
    assert found(changed(DEPLOYMENT, *path, value=value)) == [f"Deployment/newdqmgui: {expected}"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("metadata", "annotations"), None),
        (("metadata", "creationTimestamp"), None),
        ((*CONTAINER, "livenessProbe", "httpGet", "port"), 8889),
        ((*CONTAINER, "resources", "limits", "cpu"), 0.5),
        ((*CONTAINER, "resources", "limits", "memory"), "1e3"),
        ((*CONTAINER, "resources", "limits", "memory"), ".5Gi"),
        ((*CONTAINER, "ports"), [{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 53}]),
    ],
)
def test_what_the_api_server_takes_is_no_problem(path: tuple[str | int, ...], value: Any) -> None:
    assert found(changed(DEPLOYMENT, *path, value=value)) == []


def test_all_missing_fields_are_named() -> None:
    assert found(changed(DEPLOYMENT, "spec", value={})) == [
        "Deployment/newdqmgui: spec.selector: is missing",
        "Deployment/newdqmgui: spec.template: is missing",
    ]


def test_problems_of_all_objects_are_found_at_once() -> None:
    first, second = changed(DEPLOYMENT, "spec", "replicas", value="1"), changed(SECRET, "immutable", value="yes")
    assert [problem.path for problem in check_objects([first, SECRET, second])] == [
        "Deployment/newdqmgui: spec.replicas",
        "Secret/s: immutable",
    ]


@pytest.mark.parametrize(
    ("version", "kind", "hint"),
    [
        ("extensions/v1beta1", "Deployment", ""),
        ("apps/v1beta1", "Deployment", "did you mean apps/v1/Deployment?"),
        ("v1", "Servce", "did you mean v1/Service?"),
    ],
)
def test_unknown_kind(version: str, kind: str, hint: str) -> None:
    (problem,) = check_objects([{"apiVersion": version, "kind": kind, "metadata": {"name": "x"}}])
    assert problem.path == f"{kind}/x"
    assert problem.message.startswith(f"`{version}` has no {kind} that is known here")
    assert hint in problem.message


@pytest.mark.parametrize("item", [{}, {"kind": "Secret"}, {"kind": 1, "apiVersion": [], "metadata": "x"}])
def test_what_is_no_object_at_all(item: dict[str, Any]) -> None:
    assert "is known here" in found(item)[0]


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (("data", "a"), "hunter2!", "data.a: is not base64"),
        (("data", "a"), 20231124, "data.a: expected string, found integer"),
        (("data",), "hunter2!", "data: expected object, found string"),
        (("stringData",), {"a": ["hunter2!"]}, "stringData.a: expected string, found array"),
        (("type",), ["hunter2!"], "type: expected string, found array"),
    ],
)
def test_a_value_of_a_secret_is_never_shown(path: tuple[str, ...], value: Any, expected: str) -> None:
    assert found(changed(SECRET, *path, value=value)) == [f"Secret/s: {expected}"]


def test_the_schemas_are_those_of_the_embedded_cluster() -> None:
    assert kubernetes_version() == toolbox.KUBERNETES


def test_jsonschema_is_imported_only_when_objects_are_checked() -> None:
    program = "import sys, helmtool.model.openapi; sys.exit('jsonschema' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0
