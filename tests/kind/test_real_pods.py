"""Releases to real pods: pulled from a registry, asked once they run, and without downtime where the image cannot be had."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from checkout import docker
from cli import Helmtool
from images import HTPASSWD, RealRegistry, digest
from node import RELEASE, Node, wait_for

from helmtool.adapters.service import through_port_forward, through_proxy

LATEST = "/api/v1/latest_runs"


def newest(helmtool: Helmtool) -> dict[str, Any]:
    """The newest line of the history."""
    line: dict[str, Any] = helmtool("history", "kind", "-o", "json").json[0]
    return line


def push_empty(registry: RealRegistry, tag: str) -> None:
    """An image without any file."""
    name = f"{registry.host}/cmsweb/newdqmgui:{tag}"
    subprocess.run(["docker", "import", "--message", tag, "-", name], input=b"\0" * 10240, check=True, capture_output=True)
    docker("push", "-q", name)
    docker("rmi", "-f", name)


def uid(node: Node) -> str:
    return str(node.pod()["metadata"]["uid"])


def test_a_release_is_prepulled_verified_and_recorded(serving: Helmtool, node: Node, registry: RealRegistry) -> None:
    result = serving("release", "kind", "HG0205a", "--timeout", "3m")
    wanted = digest(registry.read("HG0205a"))
    assert f"✓ prepull   {node.container} has the image after" in result.err
    assert result.err.index("prepull") < result.err.index("✓ apply")
    assert f"✓ verify    / answers 200 (service proxy); {LATEST} answers 200 (service proxy)" in result.err
    assert "! https://127.0.0.1:9/dqm/ is not reached from here" in result.err
    pod = node.pod()
    assert pod["spec"]["containers"][0]["image"].endswith(f":HG0205a@{wanted}")
    assert pod["status"]["containerStatuses"][0]["imageID"].endswith(wanted)
    record = newest(serving)["record"]
    assert record["outcome"] == "deployed"
    assert record["checks"][0].startswith(f"prepull: {node.container} has the image")
    assert f"ok: {LATEST} answers 200 (service proxy)" in record["checks"]
    assert f"ok: {pod['metadata']['name']} runs {wanted}" in record["checks"]
    assert any(check.startswith("ok: no restart within 5 s") for check in record["checks"])
    assert any(check.startswith("doubt: https://127.0.0.1:9/dqm/ is not reached") for check in record["checks"])
    assert node.prepull_pods() == []


def test_helm_test(serving: Helmtool, node: Node) -> None:
    done = node.helm("test", RELEASE)
    assert done.returncode == 0, done.stdout + done.stderr


def test_both_ways_to_the_service(serving: Helmtool, node: Node) -> None:
    cluster, pod = node.client(), node.pod()["metadata"]["name"]
    assert through_proxy(cluster, RELEASE, 8889, LATEST).status == 200
    assert through_proxy(cluster, RELEASE, 8889, "/nothing").status == 404
    assert through_port_forward(cluster, pod, 8889, LATEST).status == 200
    assert through_port_forward(cluster, pod, 8889, "/nothing").status == 404
    for reply in (through_proxy(cluster, RELEASE, 8888, "/"), through_proxy(cluster, "nothing", 8889, "/")):
        assert (reply.status, bool(reply.text)) == (0, True)
    for reply in (through_port_forward(cluster, pod, 8888, "/"), through_port_forward(cluster, "nothing", 8889, "/")):
        assert (reply.status, bool(reply.text)) == (0, True)


@pytest.mark.parametrize(("password", "words"), [(False, "not found"), (True, "401 Unauthorized")], ids=["missing", "unauthorised"])
def test_an_image_that_the_node_cannot_get_costs_no_downtime(
    serving: Helmtool, node: Node, registry: RealRegistry, start: Callable[..., RealRegistry], tmp_path: Path, password: bool, words: str
) -> None:
    """The command line resolves the tag; the node asks another registry, which has no image or wants a password."""
    (tmp_path / "htpasswd").write_text(HTPASSWD + "\n")
    extra = {"auth": {"htpasswd": {"realm": "r", "path": str(tmp_path / "htpasswd")}}} if password else {}
    node.pull_from(registry.host, start(**extra).port)
    before, revisions = uid(node), len(node.get("secrets", f"owner=helm,name={RELEASE}"))
    error = serving("release", "kind", "HG0305a", "--timeout", "60s", "-o", "json", code=1).error
    assert error["code"] == "release-failed"
    assert words in error["message"]
    assert "Helm has changed nothing" in error["message"]
    assert any("ErrImagePull" in p["message"] or "failed to pull" in p["message"].lower() for p in error["problems"])
    assert uid(node) == before
    assert len(node.get("secrets", f"owner=helm,name={RELEASE}")) == revisions
    assert node.prepull_pods() == []
    record = newest(serving)["record"]
    assert record["outcome"] == "failed"
    assert words in record["evidence"][0]


def test_what_a_killed_release_leaves_is_removed_by_the_next(serving: Helmtool, node: Node, registry: RealRegistry) -> None:
    before = uid(node)
    with socket.create_server(("0.0.0.0", 0)) as silent:  # takes connections and never answers
        node.pull_from(registry.host, silent.getsockname()[1])
        running = serving.start("release", "kind", "HG0305a", "--timeout", "3m")
        wait_for("the pod pulls", lambda: [p for p in node.prepull_pods() if p["spec"].get("nodeName")], 90)
        running.send(signal.SIGKILL).wait()
        (left,) = node.prepull_pods()
        assert uid(node) == before
        assert (
            node.kubectl("get", "endpoints", RELEASE, "-o", "jsonpath={.subsets[*].addresses[*].targetRef.name}")
            == node.pod()["metadata"]["name"]
        )
    node.pull_from(registry.host, registry.port)
    result = serving("release", "kind", "HG0305a", "--timeout", "3m", "--wait-lock", "1m")
    assert "✓ prepull" in result.err
    assert left["metadata"]["uid"] not in [p["metadata"]["uid"] for p in node.prepull_pods()]
    assert node.prepull_pods() == []


def test_an_interrupted_prepull_takes_its_pod_away(serving: Helmtool, node: Node, registry: RealRegistry) -> None:
    before = uid(node)
    with socket.create_server(("0.0.0.0", 0)) as silent:
        node.pull_from(registry.host, silent.getsockname()[1])
        push_empty(registry, "HG0605a")
        running = serving.start("release", "kind", "HG0605a", "--timeout", "3m")
        wait_for("the pod pulls", lambda: [p for p in node.prepull_pods() if p["spec"].get("nodeName")], 90)
        result = running.send(signal.SIGINT).wait()
    assert result.code == 130
    assert "Helm has changed nothing" in result.err
    assert node.prepull_pods() == []
    assert uid(node) == before


def test_a_server_that_fails_is_rolled_back(serving: Helmtool, node: Node) -> None:
    error = serving("release", "kind", "HG0405a", "--timeout", "3m", "-o", "json", code=1).error
    assert f"what runs is not as released: {LATEST} answers 500 (service proxy); rolled back" in error["message"]
    assert [p["message"] for p in error["problems"]] == [f"{LATEST} answers 500 (service proxy)"]
    assert ":HG0105a@" in node.pod()["spec"]["containers"][0]["image"]
    back, failed = serving("history", "kind", "-o", "json").json[:2]
    assert (failed["record"]["outcome"], back["record"]["outcome"]) == ("failed", "deployed")
    assert f"failed: {LATEST} answers 500 (service proxy)" in failed["record"]["checks"]
    assert f"ok: {LATEST} answers 200 (service proxy)" in back["record"]["checks"]


def test_without_both_steps_it_is_recorded(serving: Helmtool, node: Node) -> None:
    result = serving("release", "kind", "HG0405a", "--timeout", "3m", "--no-verify", "--no-prepull")
    assert "- prepull   skipped: --no-prepull" in result.err
    assert "- verify    skipped: --no-verify" in result.err
    assert newest(serving)["record"]["checks"] == ["prepull skipped: --no-prepull", "verify skipped: --no-verify"]


def test_an_image_without_the_command_is_on_the_node_all_the_same(serving: Helmtool, node: Node, registry: RealRegistry) -> None:
    push_empty(registry, "HG0505a")
    result = serving("release", "kind", "HG0505a", "--timeout", "15s", code=1)
    assert "has the image after" in result.err
    assert "its command did not run" in result.err
    assert ":HG0105a@" in node.pod()["spec"]["containers"][0]["image"]


def test_a_rollback_is_verified_too(serving: Helmtool, node: Node) -> None:
    serving("release", "kind", "HG0205a", "--timeout", "3m", "--no-verify")
    result = serving("rollback", "kind", "--timeout", "3m")
    assert f"{LATEST} answers 200 (service proxy)" in result.err
    assert f"ok: {LATEST} answers 200 (service proxy)" in newest(serving)["record"]["checks"]
    assert json.loads(node.kubectl("get", "deployment", RELEASE, "-o", "json"))["spec"]["template"]["spec"]["containers"][0]["image"].count(
        "HG0105a"
    )
