"""What must be there before a release."""

from __future__ import annotations

from typing import Any

from helmtool.model.prerequisite import Prerequisite, prerequisites


def deployment(*volumes: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"template": {"spec": {"volumes": volumes}}},
    }


def test_what_others_make_is_a_prerequisite() -> None:
    secret = {"name": "proxy", "secret": {"secretName": "proxy-secrets", "optional": True}}
    claim = {"name": "cms-pvc", "persistentVolumeClaim": {"claimName": "csi-cvmfs-cms-pvc"}}
    assert prerequisites([deployment(secret, claim, {"name": "fuse", "hostPath": {"path": "/dev/fuse"}})]) == [
        Prerequisite("Secret", "proxy-secrets", "proxy", optional=True),
        Prerequisite("PersistentVolumeClaim", "csi-cvmfs-cms-pvc", "cms-pvc"),
    ]


def test_what_the_chart_makes_is_none() -> None:
    made = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "logs"}}
    mounted = {"name": "logs", "persistentVolumeClaim": {"claimName": "logs"}}
    assert prerequisites([deployment(mounted), made]) == []


def test_what_two_pods_mount_is_told_once() -> None:
    secret = {"name": "proxy", "secret": {"secretName": "proxy-secrets"}}
    assert len(prerequisites([deployment(secret), deployment(secret)])) == 1
