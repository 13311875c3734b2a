"""Where a rollback goes, what it shows before, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from cli import REPOSITORY, SHORT, UNSCHEDULABLE, Helmtool, Kube


@pytest.fixture
def two(helmtool: Helmtool, kube: Kube) -> Helmtool:
    """Revision 1 is HG0105a, revision 2 is HG0205a."""
    helmtool("release", "local", "HG0105a")
    helmtool("release", "local", "HG0205a")
    return helmtool


@pytest.fixture
def no_node(kube: Kube) -> Iterator[Callable[[], object]]:
    yield lambda: kube("cordon", "local")
    kube("uncordon", "local")


def test_to_the_one_before(two: Helmtool, kube: Kube) -> None:
    result = two("rollback", "local", "--note", "shifters complain")
    assert result.out == "local is back at what revision 1 was (now revision 3)\n"
    assert "plan      revision 2 (deployed) → revision 1: 1 object changes: downtime" in result.err
    assert "change Deployment/newdqmgui  downtime" in result.err
    assert kube.serving == [f"{REPOSITORY}:HG0105a"]
    assert kube.revisions == {1: "superseded", 2: "superseded", 3: "deployed"}
    record = two("history", "local", "-o", "json").json[0]["record"]
    assert {k: record[k] for k in ("action", "outcome", "tag", "note")} == {
        "action": "rollback to 1",
        "outcome": "deployed",
        "tag": "HG0105a",
        "note": "shifters complain",
    }


def test_dry_run_shows_it_and_writes_nothing(two: Helmtool, kube: Kube) -> None:
    before = kube.versions()
    result = two("rollback", "local", "--dry-run")
    assert f"-        image: {REPOSITORY}:HG0205a\n+        image: {REPOSITORY}:HG0105a\n" in result.out
    assert "dry run: nothing was written" in result.err
    document = two("rollback", "local", "1", "--dry-run", "-o", "json").json
    assert document | {"changes": []} == {"environment": "local", "from": 2, "to": 1, "revision": None, "dryRun": True, "changes": []}
    assert [c["effect"] for c in document["changes"]] == ["downtime"]
    assert kube.versions() == before


def test_past_revisions_that_failed(two: Helmtool, kube: Kube) -> None:
    two("release", "local", "HG0305a", *UNSCHEDULABLE, *SHORT, "--no-rollback", code=1)
    assert kube.serving == []
    document = two("rollback", "local", "-o", "json").json  # helm would go to 2 by chance; the next one would go to 3
    assert (document["from"], document["to"], document["revision"]) == (3, 2, 4)
    two("release", "local", "HG0405a")
    two("release", "local", "HG0305b", *UNSCHEDULABLE, *SHORT, "--no-rollback", code=1)
    two("release", "local", "HG0305c", *UNSCHEDULABLE, *SHORT, "--no-rollback", code=1)
    assert two("rollback", "local", "-o", "json").json["to"] == 5
    assert kube.serving == [f"{REPOSITORY}:HG0405a"]


def test_what_never_served_is_refused_unless_forced(two: Helmtool, kube: Kube) -> None:
    two("release", "local", "HG0305a", *UNSCHEDULABLE, *SHORT, code=1)
    before = kube.versions()
    result = two("rollback", "local", "3", "-o", "json", code=4)
    assert (result.error["code"], result.error["message"]) == ("never-deployed", "revision 3 never served: it is failed")
    assert "--force" in result.error["hint"]
    assert two("rollback", "local", "3", "--force", "--dry-run", "-o", "json").json["to"] == 3
    assert kube.versions() == before


def test_to_a_revision_by_number(two: Helmtool, kube: Kube) -> None:
    two("release", "local", "HG0305a")
    assert two("rollback", "local", "1", "-o", "json").json["revision"] == 4
    assert kube.serving == [f"{REPOSITORY}:HG0105a"]
    unknown = two("rollback", "local", "99", "-o", "json", code=3).error
    assert (unknown["code"], unknown["message"]) == ("no-revision", "revision 99 is not kept; kept are 1, 2, 3, 4")
    assert two("rollback", "local", "0", "-o", "json", code=2).error["code"] == "usage"


def test_nothing_to_go_back_to(helmtool: Helmtool, kube: Kube) -> None:
    assert "(kept: none)" in helmtool("rollback", "local", "-o", "json", code=3).error["message"]
    helmtool("release", "local", "HG0105a")
    before = kube.versions()
    result = helmtool("rollback", "local", "-o", "json", code=3)
    assert (result.error["code"], result.error["message"]) == (
        "no-revision",
        "there is no earlier revision that was deployed (kept: 1)",
    )
    assert kube.versions() == before


def test_one_that_fails_says_why(two: Helmtool, kube: Kube, no_node: Callable[[], object]) -> None:
    no_node()
    result = two("rollback", "local", *SHORT, "-o", "json", code=1)
    assert result.error["code"] == "rollback-failed"
    assert any("node(s) were unschedulable" in p["message"] for p in result.error["problems"])
    newest = two("history", "local", "-o", "json").json[0]
    assert (newest["revision"], newest["status"]) == (3, "failed")
    assert any("unschedulable" in text for text in newest["record"]["evidence"])
    kube("uncordon", "local")
    assert two("rollback", "local", "-o", "json").json["to"] == 2
    assert kube.serving == [f"{REPOSITORY}:HG0205a"]


def test_what_hands_have_changed_is_taken_back(two: Helmtool, kube: Kube) -> None:
    kube("set", "image", "deployment/newdqmgui", f"*={REPOSITORY}:HG0101z")
    shown = two("rollback", "local", "--dry-run")
    assert f"-        image: {REPOSITORY}:HG0101z" in shown.out
    two("rollback", "local")
    assert kube.serving == [f"{REPOSITORY}:HG0105a"]


def test_an_object_that_the_target_had_comes_back(helmtool: Helmtool, kube: Kube) -> None:
    helmtool("release", "local", "HG0105a")
    helmtool("release", "local", "HG0105a", "--set", "networkPolicy.enabled=false", "--set", "podLabels.a=b")
    assert ("NetworkPolicy", "newdqmgui-network-policy") not in kube.versions()
    shown = helmtool("rollback", "local", "-o", "json").json["changes"]
    assert {(c["kind"], c["change"]) for c in shown} == {("NetworkPolicy", "add"), ("Deployment", "change")}
    assert ("NetworkPolicy", "newdqmgui-network-policy") in kube.versions()
