"""What a namespace of CMSWEB has before any release of the service, with dummy content."""

from __future__ import annotations

import base64
import platform
from typing import Any

NAMESPACE = "dqm"
NODE = "local"
CVMFS_CLASS, CVMFS_CLAIM, CVMFS_VOLUME = "csi-cvmfs-cms", "csi-cvmfs-cms-pvc", "csi-cvmfs-cms-local"
FIELD_MANAGER = "helmtool-local"

SECRETS = {
    "proxy-secrets": ("proxy",),
    "robot-secrets": ("robotcert.pem", "robotkey.pem"),
    "hmac-secrets": ("hmac",),
    "token-secrets": ("token",),
    "eos-krb": ("krb5cc",),
    "dqm-keys-secrets": ("dqm-keys.txt",),
    "newdqmgui-secrets": ("newdqmgui.keytab",),
}
"""The Secrets that others make on CMSWEB, and their keys here."""

Object = dict[str, Any]


def prerequisites() -> Object:
    """All of them as one List, in the order in which they can be applied."""
    secrets = [_secret(name, keys) for name, keys in SECRETS.items()]
    return {"apiVersion": "v1", "kind": "List", "items": [_namespace(), _node(), *secrets, _storage_class(), _volume(), _claim()]}


def _namespace() -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}


def _node() -> Object:
    """kwok plays every node; the labels are those of a CMSWEB worker."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    labels = {"kubernetes.io/hostname": NODE, "kubernetes.io/os": "linux", "kubernetes.io/arch": machine}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE, "labels": labels, "annotations": {"kwok.x-k8s.io/node": "fake"}}}


def _secret(name: str, keys: tuple[str, ...]) -> Object:
    content = base64.b64encode(f"{name} of the embedded cluster: no secret\n".encode()).decode()
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": dict.fromkeys(keys, content)}


def _storage_class() -> Object:
    parameters = {"repository": "cms.cern.ch"}
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": CVMFS_CLASS},
        "provisioner": "cvmfs.csi.cern.ch",
        "parameters": parameters,
    }


def _volume() -> Object:
    """Nothing provisions here, and a pod with an unbound claim is never scheduled: so the volume is made by hand."""
    spec = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadOnlyMany"],
        "storageClassName": CVMFS_CLASS,
        "hostPath": {"path": "/cvmfs/cms.cern.ch"},
        "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": NAMESPACE, "name": CVMFS_CLAIM},
    }
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": CVMFS_VOLUME}, "spec": spec}


def _claim() -> Object:
    spec = {
        "accessModes": ["ReadOnlyMany"],
        "resources": {"requests": {"storage": "1Gi"}},
        "storageClassName": CVMFS_CLASS,
        "volumeName": CVMFS_VOLUME,
    }
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": CVMFS_CLAIM, "namespace": NAMESPACE}, "spec": spec}
