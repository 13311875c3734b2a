"""The rights that the commands need in the service's namespace; a test holds them and the Role of docs/reference/rbac.md together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Right(NamedTuple):
    """One verb on one resource; `subresource` is empty where it is the object itself, `group` for the core API."""

    verb: str
    resource: str
    group: str = ""
    subresource: str = ""

    def __str__(self) -> str:
        resource = f"{self.resource}/{self.subresource}" if self.subresource else self.resource
        return f"{self.verb} {resource}{f'.{self.group}' if self.group else ''}"


def _rights(verbs: str, resource: str, group: str = "", subresource: str = "") -> list[Right]:
    return [Right(verb, resource, group, subresource) for verb in verbs.split()]


RELEASE: Sequence[Right] = (
    *_rights("get", "namespaces"),
    *_rights("get create patch update delete", "configmaps"),
    *_rights("get create patch delete", "services"),
    *_rights("get create patch delete", "serviceaccounts"),
    *_rights("get create patch delete", "persistentvolumeclaims"),
    *_rights("get create patch delete", "networkpolicies", "networking.k8s.io"),
    *_rights("get create patch delete", "ingresses", "networking.k8s.io"),
    *_rights("get list watch create patch delete", "deployments", "apps"),
    *_rights("get list create update patch delete", "secrets"),
    *_rights("get list watch create delete", "pods"),
    *_rights("get list create update delete", "leases", "coordination.k8s.io"),
    *_rights("list watch", "replicasets", "apps"),
    *_rights("list watch", "events"),
    *_rights("get", "pods", subresource="log"),
    *_rights("get", "services", subresource="proxy"),
    *_rights("create", "pods", subresource="portforward"),
)
"""All that a release, a rollback and what people look at afterwards can use."""
