"""Quantities and base64 are compared by value, and only where Kubernetes' schemas have them."""

from __future__ import annotations

from typing import Any

import pytest

from helmtool.model.change import compare
from helmtool.model.manifest import Manifest, key_of
from helmtool.model.spelling import quantity


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1", "1000m"),
        (1, "1"),
        (0.2, "200m"),
        ("0.2", ".2"),
        ("3Gi", "3072Mi"),
        ("1.5Gi", "1536Mi"),
        ("1Gi", 1073741824),
        ("1e3", "1k"),
        ("1E3", "1000"),
        ("1E", "1e18"),
        ("+5", "5."),
        ("0.1n", "1n"),
        ("0", "0Gi"),
        ("-1", "-1000m"),
    ],
)
def test_quantities_of_one_value(one: Any, other: Any) -> None:
    assert quantity(one) == quantity(other) is not None


@pytest.mark.parametrize(("one", "other"), [("1", "1m"), ("1G", "1Gi"), ("1E", "1e1"), ("1k", "1Ki"), ("0.2", "0.3")])
def test_quantities_of_two_values(one: str, other: str) -> None:
    assert quantity(one) != quantity(other)


@pytest.mark.parametrize("text", ["", "abc", "1 Gi", "1KI", "1e999999999", "1K", "1i", "m", ".", True, None])
def test_what_is_no_quantity(text: Any) -> None:
    assert quantity(text) is None


def deployment(**container: Any) -> Manifest:
    volume = container.pop("volume", {})
    spec = {"containers": [{"name": "c", **container}], "volumes": [{"name": "v", "emptyDir": volume}]}
    template = {"metadata": container.pop("metadata", {}), "spec": spec}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": {"template": template}}


def limits(**values: Any) -> Manifest:
    return deployment(resources={"limits": values})


def of_kind(kind: str, **content: Any) -> Manifest:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": "o"}, **content}


def claim(size: str) -> Manifest:
    return of_kind("PersistentVolumeClaim", spec={"resources": {"requests": {"storage": size}}})


SAME = [
    (limits(cpu="1", memory="3072Mi"), limits(cpu="1000m", memory="3Gi")),
    (limits(cpu=0.2), limits(cpu="200m")),
    (limits(**{"nvidia.com/gpu": "1", "ephemeral-storage": "1024Mi"}), limits(**{"nvidia.com/gpu": 1, "ephemeral-storage": "1Gi"})),
    (limits(cpu="1", memory=None), limits(cpu="1000m")),
    (deployment(volume={"sizeLimit": "1024Mi"}), deployment(volume={"sizeLimit": "1Gi"})),
    (claim("20480Mi"), claim("20Gi")),
    (of_kind("Secret", data={"a": "aGVs\nbG8="}), of_kind("Secret", data={"a": "aGVsbG8="})),
]
OTHER = [
    (limits(cpu="1"), limits(cpu="2")),
    (limits(cpu="1"), limits(memory="1")),
    (deployment(env=[{"name": "e", "value": "1"}]), deployment(env=[{"name": "e", "value": "1000m"}])),
    (deployment(args=["1"]), deployment(args=["1000m"])),
    (deployment(metadata={"labels": {"a": "1"}}), deployment(metadata={"labels": {"a": "1000m"}})),
    (of_kind("ConfigMap", data={"a": "1"}), of_kind("ConfigMap", data={"a": "1000m"})),
    (of_kind("Secret", data={"a": "aGVsbG8="}), of_kind("Secret", data={"a": "aGVsbG9v"})),
    ({**claim("1"), "kind": "Claim", "apiVersion": "example.org/v1"}, {**claim("1000m"), "kind": "Claim", "apiVersion": "example.org/v1"}),
]


@pytest.mark.parametrize(("before", "after"), SAME)
def test_another_spelling_is_no_change(before: Manifest, after: Manifest) -> None:
    assert compare(key_of(before), before, after) is None


@pytest.mark.parametrize(("before", "after"), OTHER)
def test_another_value_is_a_change(before: Manifest, after: Manifest) -> None:
    assert compare(key_of(before), before, after)


def test_only_what_differs_is_shown() -> None:
    before, after = limits(cpu="1", memory="3072Mi"), limits(cpu="1000m", memory="4Gi")
    change = compare(key_of(before), before, after)
    assert change
    assert [line for line in change.unified(0) if line[0] in "+-"][2:] == ["-            memory: 3072Mi", "+            memory: 4Gi"]
