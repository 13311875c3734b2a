"""The Role of docs/reference/rbac.md suffices for everything, and each right of it is needed: without it a command says which one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from cli import ROOT, Helmtool, Kube, Result
from encrypted import Checkout, make_checkout

from helmtool.model.right import RELEASE

pytestmark = pytest.mark.slow

PAGE = ROOT / "docs/reference/rbac.md"
NAME = "newdqmgui-releaser"


def the_role() -> dict[str, Any]:
    """The first YAML block of the page."""
    found = re.search(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found
    role: dict[str, Any] = yaml.safe_load(found[1])
    return role


NEEDED = [
    ("", "namespaces", "get"),
    *[("", "configmaps", verb) for verb in ("get", "create", "patch", "update")],
    *[("", "services", verb) for verb in ("get", "create", "patch")],
    *[("networking.k8s.io", "networkpolicies", verb) for verb in ("get", "create", "patch", "delete")],
    *[("apps", "deployments", verb) for verb in ("get", "create", "patch")],
    *[("", "secrets", verb) for verb in ("get", "list", "create", "update", "patch")],
    *[("", "pods", verb) for verb in ("create",)],
    ("coordination.k8s.io", "leases", "create"),
]
"""What a release with a Secret of its own, one that leaves an object out, and a rollback cannot do without."""


@dataclass(frozen=True)
class Clerk:
    """Somebody with a Role of one's own, and nothing else, and the command line as that person types it."""

    kube: Kube
    helmtool: Helmtool
    kubeconfig: Path

    def may(self, role: dict[str, Any]) -> None:
        self.kube("apply", "-f", "-", input=role)

    def __call__(self, *arguments: str, code: int | None = 0) -> Result:
        return self.helmtool(*arguments, "--kubeconfig", str(self.kubeconfig), "-o", "json", code=code)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    made = make_checkout(tmp_path / "secrets")
    made.put({"password": b"hunter2-Correct-Horse"})
    return made


@pytest.fixture
def clerk(helmtool: Helmtool, kube: Kube, tmp_path: Path) -> Iterator[Clerk]:
    kube("create", "serviceaccount", NAME)
    kube("create", "rolebinding", NAME, f"--role={NAME}", f"--serviceaccount=dqm:{NAME}")
    document = yaml.safe_load(kube.state.kubeconfig.read_text())
    for user in document["users"]:
        user["user"] = {"token": kube("create", "token", NAME).strip()}
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(document))
    try:
        yield Clerk(kube, helmtool, file)
    finally:
        kube("delete", "--ignore-not-found", "rolebinding,role,serviceaccount", NAME)


def test_doctor_asks_for_what_the_role_has() -> None:
    in_role = {
        (group, *resource.partition("/")[::2], verb)
        for rule in the_role()["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert {(r.group, r.resource, r.subresource, r.verb) for r in RELEASE} == in_role


def test_the_role_suffices(clerk: Clerk, checkout: Checkout) -> None:
    clerk.may(the_role())
    clerk("release", "local", "HG0105a", *checkout.options)
    clerk("release", "local", "HG0205a", *checkout.options, "--set", "networkPolicy.enabled=false")
    clerk("diff", "local", "HG0305a", "--set", "serviceAccount.name=dqm,serviceAccount.create=true")
    clerk("rollback", "local")
    (state,) = clerk("status", "local", "--rollback").json
    assert (state["state"], state["drift"], state["rollback"]["possible"]) == ("running", [], True)
    assert [line["tag"] for line in clerk("history", "local").json] == ["HG0105a", "HG0205a", "HG0105a"]
    assert clerk("secrets", "list", "local").json
    assert clerk("unlock", "local").json["lock"] is None
    assert clerk(
        "release", "local", "HG0405a", "--secrets-unchanged", "--set", "nodeSelector.nowhere=here", "--timeout", "3s", code=1
    ).error


@pytest.mark.parametrize("right", NEEDED, ids=lambda right: "-".join(filter(None, right)))
def test_without_one_of_them_it_is_named(clerk: Clerk, checkout: Checkout, right: tuple[str, str, str]) -> None:
    _, resource, verb = right
    clerk.may(_without(the_role(), right))
    for arguments in (
        ("release", "local", "HG0105a", *checkout.options),
        ("release", "local", "HG0205a", *checkout.options, "--set", "networkPolicy.enabled=false"),
        ("rollback", "local"),
    ):
        result = clerk(*arguments, code=None)
        if result.code:
            break
    assert result.code == 5, (result.code, result.json)
    assert f'cannot {verb} resource "{resource}"' in result.error["message"]
    assert result.error["hint"]


def test_without_a_look_at_the_lock_one_that_is_held_is_named(clerk: Clerk, checkout: Checkout, kube: Kube) -> None:
    """Where nobody holds it, nobody needs to look."""
    clerk.may(_without(the_role(), ("coordination.k8s.io", "leases", "get")))
    clerk("release", "local", "HG0105a", *checkout.options)
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "newdqmgui-lock"}, "spec": {}}
    kube("apply", "-f", "-", input=lease)
    result = clerk("release", "local", "HG0205a", *checkout.options, code=5)
    assert 'cannot get resource "leases"' in result.error["message"]


def _without(role: dict[str, Any], right: tuple[str, str, str]) -> dict[str, Any]:
    """The Role with one rule for each right, but this one."""
    rights = [(g, r, v) for rule in role["rules"] for g in rule["apiGroups"] for r in rule["resources"] for v in rule["verbs"]]
    assert right in rights
    return {**role, "rules": [{"apiGroups": [g], "resources": [r], "verbs": [v]} for g, r, v in rights if (g, r, v) != right]}
