"""What serves in one namespace of real pods, and was asked there, is promoted to another one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cli import Helmtool
from node import RELEASE, VALUES, Node

from helmtool.adapters.local.objects import SECRETS, prerequisites

NEXT = "dqm-next"


def in_next(node: Node, *arguments: str, input: Any = None) -> str:
    return node.kubectl(*arguments, "-n", NEXT, input=input)


@pytest.fixture
def two(serving: Helmtool, node: Node, tmp_path: Path) -> Iterator[Helmtool]:
    """The command line, with an environment `next` to which `kind` is promoted: another namespace of the cluster."""
    secrets = [item for item in prerequisites()["items"] if item["metadata"]["name"] in SECRETS]
    for secret in secrets:
        secret["metadata"]["namespace"] = NEXT
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NEXT}}
    in_next(node, "apply", "-f", "-", input={"apiVersion": "v1", "kind": "List", "items": [namespace, *secrets]})
    file = serving.project / "values/environments.yaml"
    document = yaml.safe_load(file.read_text())
    kind = document["environments"]["kind"]
    name, config = f"next-{node.cluster}", tmp_path / "kubeconfig"
    config.write_text(node.kubeconfig.read_text().replace(f"kind-{node.cluster}", name))
    own: dict[str, Any] = {"description": "The next", "namespace": NEXT, "promotion": {"from": "kind", "afterHours": 0}}
    own |= {"cluster": {"nameEndsWith": [name]}, "kubeconfig": str(config)}
    file.write_text(yaml.safe_dump({**document, "environments": {**document["environments"], "next": {**kind, **own}}}, sort_keys=False))
    image = yaml.safe_load((serving.project / "values/kind.yaml").read_text())["image"]
    no_claims = {"logs": {"claimName": ""}, "cvmfs": {"claimName": ""}, "environment": "next", "image": image}
    (serving.project / "values/next.yaml").write_text(yaml.safe_dump({**VALUES, **no_claims}))
    yield serving
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    (serving.project / "values/next.yaml").unlink()
    node.kubectl("delete", "namespace", NEXT, "--timeout=90s")


def test_what_was_asked_there_is_evidence_here(two: Helmtool, node: Node, client: str) -> None:
    refused = two("promote", "kind", "next", "--yes", "-o", "json", code=4).error
    assert refused["code"] == "not-promoted"
    assert any("verified" in problem["message"] for problem in refused["problems"])
    two("release", "kind", "HG0205a", "--timeout", "3m", "--no-prepull")  # asked this time: the fixture's release left it out
    result = two("promote", "kind", "next", "--yes", "--timeout", "3m", "-o", "json").json
    assert result["deployed"]
    assert {check["verdict"] for check in result["evidence"]["checks"]} <= {"ok", "warning"}
    live = json.loads(in_next(node, "get", "deployment", RELEASE, "-o", "json"))
    assert live["status"]["readyReplicas"] == 1
    image = live["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image == node.pod()["spec"]["containers"][0]["image"]
    assert image.endswith(result["evidence"]["digest"])
    record = two("history", "next", "-o", "json").json[0]["record"]
    assert any("/api/v1/latest_runs answers 200" in check for check in record["checks"])
    assert record["checks"][0].startswith("promoted from kind, revision")
