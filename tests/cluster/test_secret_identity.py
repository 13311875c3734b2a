"""The age identity out of a real API server: there, not there, not allowed, not one."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cli import Helmtool, Kube

from helmtool.adapters import toolbox
from helmtool.adapters.local import LocalCluster

NAME, KEY = "dqm-keys-secrets", "dqm-keys.txt"
READER: list[dict[str, Any]] = [
    {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "no-secrets"}},
    {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "no-secrets"},
        "rules": [{"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]}],
    },
    {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "no-secrets"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "no-secrets"},
        "subjects": [{"kind": "ServiceAccount", "name": "no-secrets", "namespace": "dqm"}],
    },
]


@pytest.fixture
def key(tmp_path: Path) -> Path:
    file = tmp_path / "keys.txt"
    subprocess.run([toolbox.find("age-keygen"), "-o", file], check=True, capture_output=True)
    return file


@pytest.fixture
def held(kube: Kube) -> Iterator[Any]:
    """Puts a text under a key of the identity's Secret; the embedded cluster's own is back after the test."""

    def put(text: str, name: str = KEY) -> None:
        kube("delete", "secret", NAME, "--ignore-not-found")
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": NAME},
            "data": {name: base64.b64encode(text.encode()).decode()},
        }
        kube("create", "-f", "-", input=secret)

    yield put
    kube("delete", "secret", NAME, "--ignore-not-found")


@pytest.fixture
def checkout(tmp_path: Path, helmtool: Helmtool, key: Path) -> Path:
    folder = tmp_path / "services_config"
    (folder / "newdqmgui").mkdir(parents=True)
    (folder / "newdqmgui" / "a.txt").write_text("content of a")
    helmtool("secrets", "encrypt", str(folder / "newdqmgui" / "a.txt"), "--identity", str(key), "--remove")
    return folder


def test_the_clusters_identity_opens_the_files(helmtool: Helmtool, held: Any, checkout: Path, key: Path) -> None:
    held(key.read_text())
    document = helmtool("secrets", "check", "local", "--services-config", str(checkout), "-o", "json").json
    assert document["ok"]
    assert document["identity"] == "Secret dqm-keys-secrets of namespace dqm in kwok-helmtool, key dqm-keys.txt"
    result = helmtool("secrets", "decrypt", str(checkout / "newdqmgui" / "a.txt.encrypted"), "--env", "local", "--out", "-")
    assert result.out == "content of a"
    (checkout / "newdqmgui" / "b.txt").write_text("content of b")
    helmtool("secrets", "encrypt", str(checkout / "newdqmgui" / "b.txt"), "--env", "local", "--remove")
    assert key.read_text().split()[-1] not in result.err


def test_an_explicit_environment_wins_over_the_variables(helmtool: Helmtool, held: Any, checkout: Path, key: Path, tmp_path: Path) -> None:
    held(key.read_text())
    other = tmp_path / "other.txt"
    subprocess.run([toolbox.find("age-keygen"), "-o", other], check=True, capture_output=True)
    with_variable = Helmtool(variables={"SOPS_AGE_KEY_FILE": str(other)})
    path = str(checkout / "newdqmgui" / "a.txt.encrypted")
    assert with_variable("secrets", "decrypt", path, "--env", "local", "--out", "-").out == "content of a"
    with_variable("secrets", "decrypt", path, "--out", "-", code=3)


@pytest.mark.parametrize(
    ("text", "name", "code", "says"),
    [
        (None, KEY, "identity-missing", "is not there"),
        ("x", "other.txt", "identity-missing", "has no key dqm-keys.txt, only other.txt"),
        ("", KEY, "identity-invalid", "no age identity in it"),
        ("not an identity", KEY, "identity-invalid", ":1: not an age identity"),
        ("age-encryption.org/v1\n-> scrypt", KEY, "identity-invalid", "passphrase"),
    ],
)
def test_what_is_no_identity(
    helmtool: Helmtool, held: Any, kube: Kube, checkout: Path, text: str | None, name: str, code: str, says: str
) -> None:
    if text is None:
        kube("delete", "secret", NAME)
    else:
        held(text, name)
    error = helmtool("secrets", "check", "local", "--services-config", str(checkout), "-o", "json", code=3).error
    assert error["code"] == code
    assert says in error["message"]
    assert error["hint"]


def test_an_identity_that_may_not_be_read(helmtool: Helmtool, kube: Kube, cluster: LocalCluster, checkout: Path, tmp_path: Path) -> None:
    kube("apply", "-f", "-", input={"apiVersion": "v1", "kind": "List", "items": READER})
    try:
        token = kube("create", "token", "no-secrets").strip()
        config = yaml.safe_load(Path(cluster.kubeconfig).read_text())
        config["users"][0]["user"] = {"token": token}
        file = tmp_path / "kubeconfig"
        file.write_text(json.dumps(config))
        arguments = ("secrets", "check", "local", "--services-config", str(checkout), "--kubeconfig", str(file))
        error = helmtool(*arguments, "-o", "json", code=5).error
        assert error["code"] == "cluster-forbidden"
        assert "holds the age identity and may not be read" in error["message"]
        assert "kubectl auth can-i get secret/dqm-keys-secrets -n dqm" in error["hint"]
    finally:
        kube("delete", "rolebinding,role,serviceaccount", "no-secrets")
