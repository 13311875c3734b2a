"""What a container said before a rollback took it away: kept with the record, and never with a secret in it."""

from __future__ import annotations

import base64
import json
import secrets
from pathlib import Path

import pytest
import yaml
from cli import Helmtool
from made import NORMAL
from node import RELEASE, Node

from helmtool.adapters.cluster import Cluster
from helmtool.adapters.kubeconfig import read_access
from helmtool.adapters.local.objects import NAMESPACE
from helmtool.model.causes import rank
from helmtool.model.manifest import ObjectKey
from helmtool.operations.evidence import with_logs
from helmtool.operations.observe import observe

DEPLOYMENT = ObjectKey("apps/v1", "Deployment", NAMESPACE, RELEASE)
TALKS = """\
echo 'the index is broken'
for file in /etc/secrets/*; do cat "$file"; echo; base64 -w 0 "$file"; echo; echo "password=$(head -c 40 "$file")"; done
tail -n 4 /etc/secrets/key
exit 3
"""
RULES = [{"apiGroups": ["", "apps"], "resources": ["pods", "events", "replicasets", "deployments"], "verbs": ["get", "list"]}]
SECRETS = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}
LOGS = {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]}


@pytest.fixture(scope="module")
def canaries(node: Node) -> dict[str, str]:
    """The values of a Secret whose service prints them all."""
    lines = [base64.b64encode(secrets.token_bytes(48)).decode() for _ in range(12)]
    key = "\n".join(["-----BEGIN PRIVATE KEY-----", *lines, "-----END PRIVATE KEY-----"])
    values = {"token": secrets.token_urlsafe(32), "pin": secrets.token_hex(3), "key": key}
    node.kubectl("apply", "-f", "-", input={"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "canaries"}, "stringData": values})
    node.run("sh", "-c", "mkdir -p /etc/scenarios/talks && cat > /etc/scenarios/talks/behaviour.sh", input=TALKS)
    return values


def pieces(canaries: dict[str, str]) -> list[str]:
    """What must be seen nowhere: each value, each line of the key, and their base64."""
    plain = [line for value in canaries.values() for line in value.splitlines() if "PRIVATE KEY" not in line]
    return [*plain, *(base64.b64encode(value.encode()).decode()[:40] for value in canaries.values() if len(value) >= 8)]


def test_the_log_is_kept_and_no_secret_is_in_it(project: Helmtool, node: Node, canaries: dict[str, str]) -> None:
    sets = ["secrets.name=canaries", "gridSecurity.hostPath=/etc/scenarios/talks"]
    words = [word for text in sets for word in ("--set", text)]
    result = project("release", "kind", NORMAL, "--timeout", "90s", "--wait-lock", "1m", "--no-verify", *words, code=1)
    history, document = project("history", "kind").out, project("history", "kind", "-o", "json")
    rolled, failed = (line["record"] for line in document.json[:2])
    assert (rolled["outcome"], failed["outcome"], failed["cause"]) == ("deployed", "failed", "crash-at-start")
    assert "rolled back" in result.err
    told = [line for line in failed["evidence"] if "log: " in line]
    assert told
    assert f"revision {document.json[1]['revision']} (crash-at-start): " in history
    stored = node.kubectl("get", "configmap", f"{RELEASE}-releases", "-o", "json")
    for text in (result.out, result.err, history, document.out, stored):
        assert [piece for piece in pieces(canaries) if piece in text] == []
    assert node.pod()["status"]["phase"] == "Running"


@pytest.mark.parametrize("rights", [[SECRETS], [LOGS]], ids=["no logs", "no secrets"])
def test_without_the_right_there_is_a_cause_without_a_log(
    project: Helmtool, node: Node, canaries: dict[str, str], tmp_path: Path, rights: list[dict[str, list[str]]]
) -> None:
    """Who may not read the Secrets is shown no log either: nobody knows then what must be struck from it."""
    texts = ["gridSecurity.hostPath=/etc/scenarios/talks", "secrets.name=canaries"]
    sets = [word for text in texts for word in ("--set", text)]
    project("release", "kind", NORMAL, "--timeout", "90s", "--wait-lock", "1m", "--no-verify", "--no-rollback", *sets, code=None)
    seen = observe(node.client(), DEPLOYMENT, 60.0)
    assert with_logs(node.client(), seen).logs
    limited = with_logs(Cluster(read_access(str(kubeconfig(node, tmp_path, [*RULES, *rights]))), NAMESPACE), seen)
    assert limited.logs == {}
    assert rank(limited)[0].code == "crash-at-start"


def kubeconfig(node: Node, folder: Path, rules: list[dict[str, list[str]]]) -> Path:
    """A kubeconfig of an account that has these rights only."""
    for kind, more in (
        ("ServiceAccount", {}),
        ("Role", {"rules": rules}),
        (
            "RoleBinding",
            {
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "limited"},
                "subjects": [{"kind": "ServiceAccount", "name": "limited", "namespace": NAMESPACE}],
            },
        ),
    ):
        version = "v1" if kind == "ServiceAccount" else "rbac.authorization.k8s.io/v1"
        node.kubectl("apply", "-f", "-", input={"apiVersion": version, "kind": kind, "metadata": {"name": "limited"}, **more})
    document = yaml.safe_load(node.kubeconfig.read_text())
    document["users"][0]["user"] = {"token": node.kubectl("create", "token", "limited").strip()}
    file = folder / "kubeconfig"
    file.write_text(json.dumps(document))
    return file


def test_the_error_names_the_line_that_is_wrong(project: Helmtool) -> None:
    file = project.project / "values/kind.yaml"
    before = file.read_text()
    file.write_text(before + "serviceAccount:\n  name: nobody\n")
    try:
        result = project("release", "kind", NORMAL, "-o", "json", "--wait-lock", "1m", code=3)
    finally:
        file.write_text(before)
    first = result.error["problems"][0]
    line = len(before.splitlines()) + 2
    assert result.error["causes"] == ["account-missing"]
    assert (first["file"], first["line"], first["path"]) == ("values/kind.yaml", line, "serviceAccount.name")
    assert first["message"] == "there is no ServiceAccount nobody"
    assert result.error["hint"] == f"kubectl -n {NAMESPACE} get serviceaccount nobody"
