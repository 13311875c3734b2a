"""Kinds that every supported Kubernetes serves: their plural names, and the shape of their objects."""

from __future__ import annotations

from typing import Any

KNOWN: dict[tuple[str, str], tuple[str, bool]] = {
    ("v1", "ConfigMap"): ("configmaps", True),
    ("v1", "Event"): ("events", True),
    ("v1", "Namespace"): ("namespaces", False),
    ("v1", "PersistentVolumeClaim"): ("persistentvolumeclaims", True),
    ("v1", "Pod"): ("pods", True),
    ("v1", "Secret"): ("secrets", True),
    ("v1", "Service"): ("services", True),
    ("v1", "ServiceAccount"): ("serviceaccounts", True),
    ("apps/v1", "Deployment"): ("deployments", True),
    ("apps/v1", "ReplicaSet"): ("replicasets", True),
    ("autoscaling/v1", "HorizontalPodAutoscaler"): ("horizontalpodautoscalers", True),
    ("coordination.k8s.io/v1", "Lease"): ("leases", True),
    ("networking.k8s.io/v1", "Ingress"): ("ingresses", True),
    ("networking.k8s.io/v1", "NetworkPolicy"): ("networkpolicies", True),
    ("storage.k8s.io/v1", "StorageClass"): ("storageclasses", False),
}
"""By apiVersion and kind: the plural name, for which the API server need not be asked, and whether its objects live in a namespace.
None of it changes within a version of an API (Kubernetes' deprecation policy, rule 1)."""

_CONTAINERS = {"name!": str, "image": str, "env": [{}], "ports": [{}], "volumeMounts": [{}], "resources": {}}
_POD_SPEC = {
    "containers!": [_CONTAINERS],
    "initContainers": [_CONTAINERS],
    "volumes": [{"name": str, "secret": {"secretName": str}, "persistentVolumeClaim": {}, "configMap": {}}],
    "nodeName": str,
}
_STATE = {"waiting": {"reason": str, "message": str}, "running": {}, "terminated": {"exitCode": int, "reason": str, "message": str}}
_CONTAINER_STATUS = {"name": str, "restartCount": int, "state": _STATE, "lastState": _STATE}
_WRITER = {"manager": str, "operation": str, "subresource": str, "time": str, "fieldsV1": {}}
_METADATA = {"name!": str, "labels": {}, "annotations": {}, "ownerReferences": [{}], "managedFields": [_WRITER], "finalizers": [str]}
_OBJECT: dict[str, Any] = {"metadata!": _METADATA}
_TEMPLATE = {"metadata": {"labels": {}, "annotations": {}}, "spec!": _POD_SPEC}
_WORKLOAD: dict[str, Any] = {
    **_OBJECT,
    "spec!": {"selector!": {"matchLabels": {}}, "template!": _TEMPLATE, "replicas": int, "strategy": {}},
    "status": {"conditions": [{"type": str}], "replicas": int, "observedGeneration": int},
}
SHAPES: dict[str, Any] = {
    "Deployment": _WORKLOAD,
    "ReplicaSet": _WORKLOAD,
    "Pod": {
        **_OBJECT,
        "spec!": _POD_SPEC,
        "status": {"conditions": [{"type": str}], "containerStatuses": [_CONTAINER_STATUS], "initContainerStatuses": [_CONTAINER_STATUS]},
    },
    "Event": {**_OBJECT, "involvedObject": {}, "series": {}, "source": {}},
    "Service": {**_OBJECT, "spec": {"selector": {}, "ports": [{"port!": int}]}},
    "PersistentVolumeClaim": {**_OBJECT, "spec": {}, "status": {}},
    "Secret": {**_OBJECT, "data": {}},
    "ConfigMap": {**_OBJECT, "data": {}},
    "Lease": {**_OBJECT, "spec": {}},
}
"""What an API server vouches for in the objects of a kind, as far as it is read: the types of fields, lists with the type of their items,
and `!` behind the name of a field that is always there and not empty. https://kubernetes.io/docs/reference/kubernetes-api/"""


def is_object(kind: str, found: Any) -> bool:
    """Whether it has the shape that every object of the kind has (of a kind without an entry: every object)."""
    return isinstance(found, dict) and _fits(SHAPES.get(kind, _OBJECT), found)


def _fits(shape: Any, found: Any) -> bool:
    if isinstance(shape, dict):
        return isinstance(found, dict) and all(_fits_field(name, inner, found) for name, inner in shape.items())
    if isinstance(shape, list):
        return isinstance(found, list) and all(_fits(shape[0], item) for item in found)
    return isinstance(found, shape) and not (shape is int and isinstance(found, bool))


def _fits_field(name: str, shape: Any, holder: dict[str, Any]) -> bool:
    value = holder.get(name.removesuffix("!"))
    return not name.endswith("!") if value is None else _fits(shape, value) and bool(value or not name.endswith("!"))
