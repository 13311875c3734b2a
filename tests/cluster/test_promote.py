"""What runs in preprod is taken to prod: the same image, the same chart, with evidence, or with a reason that is recorded."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from cli import Helmtool, Kube
from registry.images import RealRegistry
from two_environments import TESTBED

from helmtool.adapters.local import kwok

TAG, STABLE = "HG0105a", "HG0105a-stable"
VERIFIED = ["ok: / answers 200 (service proxy)", "ok: /api/v1/latest_runs answers 200 (service proxy)"]

pytestmark = pytest.mark.slow


@pytest.fixture
def helmtool(set_up: Callable[..., Helmtool], testbed: str) -> Helmtool:
    return set_up(promotion={"from": "preprod", "afterHours": 0})


@pytest.fixture
def image(helmtool: Helmtool, registry: RealRegistry) -> str:
    """The digest of what serves in preprod."""
    found = registry.push(TAG)
    helmtool("release", "preprod", TAG)
    return found


def in_testbed(kube: Kube, *arguments: str) -> str:
    done = kwok.kubectl(kube.state, *arguments, "-n", TESTBED)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def verify(kube: Kube, **changes: Any) -> None:
    """Writes into the record what a verification would have seen, for simulated pods answer nobody."""
    found = json.loads(in_testbed(kube, "get", "configmap", "newdqmgui-releases", "-o", "json"))
    records = json.loads(found["data"]["records.json"])
    records[-1] |= {"checks": VERIFIED} | changes
    patch = {"data": {"records.json": json.dumps(records)}}
    in_testbed(kube, "patch", "configmap", "newdqmgui-releases", "--type=merge", "-p", json.dumps(patch))


def test_what_has_run_well_is_promoted_with_its_evidence(helmtool: Helmtool, kube: Kube, image: str) -> None:
    verify(kube)
    dry = helmtool("promote", "preprod", "prod", "--dry-run", "-o", "json").json
    assert (dry["deployed"], dry["evidence"]["digest"]) == (False, image)
    assert {check["verdict"] for check in dry["evidence"]["checks"]} == {"ok"}
    result = helmtool("promote", "preprod", "prod", "--yes", "--note", "accepted")
    assert result.out == f"prod runs newdqmgui:{STABLE}@{image[7:19]} (revision 1), as preprod does\n"
    assert "preprod: nothing was changed by other hands" in result.err
    assert kube.image.endswith(f"{STABLE}@{image}")
    record = helmtool("history", "prod", "-o", "json").json[0]["record"]
    assert record["checks"][0] == f"promoted from preprod, revision 1 ({TAG}@{image})"
    assert "preprod: ok: verified when" in " ".join(record["checks"])
    assert "nothing to do" in helmtool("promote", "preprod", "prod", "--yes").out


def test_what_was_not_verified_needs_a_reason(helmtool: Helmtool, kube: Kube, image: str) -> None:
    before = kube.versions()
    refused = helmtool("promote", "preprod", "prod", "--yes", "-o", "json", code=4).error
    assert refused["code"] == "not-promoted"
    assert [p["message"] for p in refused["problems"]] == [
        "it was not verified when it was released: verify skipped: policy is off for preprod"
    ]
    assert refused["hint"] == 'helmtool promote preprod prod --override "REASON", which is recorded'
    assert kube.versions() == before
    helmtool("promote", "preprod", "prod", "--yes", "--override", "the beam is on")
    assert "override: the beam is on" in helmtool("history", "prod", "-o", "json").json[0]["record"]["checks"]


def test_hours_and_other_hands_count(set_up: Callable[..., Helmtool], kube: Kube, image: str) -> None:
    helmtool = set_up(promotion={"from": "preprod", "afterHours": 24})
    verify(kube)
    in_testbed(kube, "set", "env", "deployment/newdqmgui", "A=b")
    refused = helmtool("promote", "preprod", "prod", "--yes", "-o", "json", code=4).error
    said = " ".join(problem["message"] for problem in refused["problems"])
    assert "has run for 0.0 h, 24 h are asked for" in said
    assert "Deployment/newdqmgui is not as it was released, written by" in said


def test_no_pod_is_no_evidence(helmtool: Helmtool, kube: Kube, image: str) -> None:
    """kubectl calls such a rollout complete."""
    verify(kube)
    in_testbed(kube, "scale", "deployment", "newdqmgui", "--replicas=0")
    in_testbed(kube, "wait", "--for=delete", "pod", "-l", "app=newdqmgui", "--timeout=20s")
    refused = helmtool("promote", "preprod", "prod", "--yes", "-o", "json", code=4).error
    said = [problem["message"] for problem in refused["problems"]]
    assert "scaled to 0 replicas: no pod runs" in said
    assert "it has no pod" in said


def test_a_tag_that_names_another_image_now_is_refused(helmtool: Helmtool, registry: RealRegistry, kube: Kube, image: str) -> None:
    verify(kube)
    registry.push(TAG, created="2026-04-01T00:00:00Z")
    refused = helmtool("promote", "preprod", "prod", "--yes", "--override", "x", "-o", "json", code=4).error
    assert refused["code"] == "tag-moved"
    assert image in refused["message"]


def test_another_chart_is_refused(helmtool: Helmtool, kube: Kube, image: str) -> None:
    verify(kube)
    template = helmtool.project / "charts/newdqmgui/templates/service.yaml"
    template.write_text(template.read_text() + "\n# a comment\n")
    refused = helmtool("promote", "preprod", "prod", "--yes", "--override", "x", "-o", "json", code=4).error
    assert [problem["file"] for problem in refused["problems"]] == ["charts/newdqmgui/templates/service.yaml"]


def test_only_from_where_the_file_says(helmtool: Helmtool, kube: Kube, image: str) -> None:
    for source, target in (("prod", "preprod"), ("prod", "prod"), ("local", "prod")):
        refused = helmtool("promote", source, target, "--yes", "-o", "json", code=4).error
        assert refused["code"] == "not-promoted"


def test_nothing_runs_there(helmtool: Helmtool) -> None:
    refused = helmtool("promote", "preprod", "prod", "--yes", "-o", "json", code=4).error
    assert refused["message"] == "nothing that was released serves in preprod"
