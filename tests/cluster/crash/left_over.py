"""What is in a namespace once a release serves, and what of it should not be."""

from __future__ import annotations

import json

from machine import KINDS, Machine, Object

LABEL, VERSION = "app.kubernetes.io/component", "secret-version"
REVISION = "helm.sh/release.v1"
"""The type of Helm's own Secrets."""
UNNAMED = "versions of the secret that nothing names"
Names = set[tuple[str, str]]


def names(machine: Machine) -> Names:
    """Every object by kind and name, without those that come and go with each release."""
    return _names_of({kind: machine.list(kind) for kind in KINDS})


def left_over(machine: Machine, expected: Names) -> list[str]:
    """What is wrong, in words: objects that stay or are gone, revisions, pods, versions of the secret; nothing where all is well."""
    found = {kind: machine.list(kind) for kind in KINDS}
    revisions = machine.revisions
    status = {number: entry["info"]["status"] for number, entry in revisions.items()}
    there = _names_of(found)
    problems = [f"{sorted(more)} stay" for more in [there - expected] if more]
    problems += [f"{sorted(less)} are gone" for less in [expected - there] if less]
    if list(status.values()).count("deployed") != 1 or status[max(status)] != "deployed":
        problems.append(f"the revisions are {status}")
    if len(found["Pod"]) != 1:
        problems.append(f"{len(found['Pod'])} pods")
    naming = json.dumps([[entry["manifest"] for entry in revisions.values()], found["Pod"], found["ReplicaSet"]])
    unused = [name for name in _versions(found) if name not in naming]
    return problems + ([f"{len(unused)} {UNNAMED}"] if unused else [])


def _names_of(found: dict[str, list[Object]]) -> Names:
    changing = _versions(found) | {_name(secret) for secret in found["Secret"] if secret.get("type") == REVISION}
    names = {(kind, _name(item)) for kind, items in found.items() if kind not in ("Pod", "ReplicaSet") for item in items}
    return names - {("Secret", name) for name in changing}


def _versions(found: dict[str, list[Object]]) -> set[str]:
    return {_name(secret) for secret in found["Secret"] if secret["metadata"].get("labels", {}).get(LABEL) == VERSION}


def _name(item: Object) -> str:
    return str(item["metadata"]["name"])
