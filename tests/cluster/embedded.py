"""What tests on the embedded cluster share besides fixtures."""

from __future__ import annotations

import json
from typing import Any

from helmtool.adapters.local import kwok
from helmtool.adapters.local.objects import NAMESPACE, prerequisites
from helmtool.adapters.local.state import State

KINDS = (
    "deployments.apps,replicasets.apps,jobs.batch,pods,services,ingresses.networking.k8s.io,networkpolicies.networking.k8s.io,"
    "persistentvolumeclaims,configmaps,secrets,serviceaccounts,leases.coordination.k8s.io"
)
"""What a release and its tool make, owners before what they own."""
OF_KUBERNETES = {("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")}


class Heard:
    """Listens to the progress, for tests that look at it."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def start(self, step: str, text: str) -> None:
        self.texts.append(text)

    def done(self, step: str, text: str) -> None:
        self.texts.append(text)

    def skip(self, step: str, reason: str) -> None:
        self.texts.append(reason)

    def warn(self, text: str) -> None:
        self.texts.append(text)


def objects(state: State, kinds: str) -> list[dict[str, Any]]:
    """The objects of the namespace, whatever made them."""
    done = kwok.kubectl(state, "get", kinds, "-n", NAMESPACE, "-o", "json")
    assert done.returncode == 0, done.stderr.decode()
    items: list[dict[str, Any]] = json.loads(done.stdout)["items"]
    return items


def clean(state: State) -> None:
    """Deletes what tests made in the namespace, and makes again what they deleted of the prerequisites."""
    kept = {(item["kind"], item["metadata"]["name"]) for item in prerequisites()["items"]} | OF_KUBERNETES
    for _ in range(3):  # what is deleted may have made another pod or lease meanwhile
        found = {(item["kind"], item["metadata"]["name"]): item for item in objects(state, KINDS)}
        doomed = [_reference(item) for key, item in found.items() if key not in kept]
        if not doomed:
            break
        content = json.dumps({"apiVersion": "v1", "kind": "List", "items": doomed}).encode()
        kwok.kubectl(state, "delete", "--ignore-not-found", "--timeout=20s", "-f", "-", input=content)
    namespaced = {key for key in kept if key[0] in ("Secret", "PersistentVolumeClaim")}
    if not namespaced <= set(found):
        kwok.furnish(state)


def _reference(item: dict[str, Any]) -> dict[str, Any]:
    metadata = {name: item["metadata"][name] for name in ("name", "namespace")}
    return {"apiVersion": item["apiVersion"], "kind": item["kind"], "metadata": metadata}
