"""The revision that a release, `status --rollback` and the rollback itself name is one and the same, whatever has happened before."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

import pytest
from cli import REPOSITORY, ROOT, SHORT, UNSCHEDULABLE, Helmtool, Kube

from helmtool.adapters import toolbox

Step = Callable[[Helmtool, Kube], object]


def release(tag: str) -> Step:
    return lambda helmtool, _: helmtool("release", "local", tag, "--timeout", "20s", "-o", "json")


def fails(tag: str, *more: str) -> Step:
    return lambda helmtool, _: helmtool("release", "local", tag, *UNSCHEDULABLE, *SHORT, *more, code=1)


def rollback(*revision: str) -> Step:
    return lambda helmtool, _: helmtool("rollback", "local", *revision)


def plain(*arguments: str) -> Step:
    """helm itself, with the values of the last revision."""

    def run(_: Helmtool, kube: Kube) -> None:
        argv = [str(toolbox.find("helm")), *arguments, "--namespace", "dqm", "--kubeconfig", str(kube.state.kubeconfig), "--wait"]
        subprocess.run(argv, check=True, capture_output=True, timeout=60)

    return run


def upgrade(tag: str) -> Step:
    chart = str(ROOT / "charts/newdqmgui")
    return plain("upgrade", "newdqmgui", chart, "--reuse-values", "--set", f"image.tag={tag}", "--server-side=true")


def forget_records(_: Helmtool, kube: Kube) -> None:
    kube("delete", "configmap", "newdqmgui-releases")


def no_prepull(helmtool: Helmtool, kube: Kube) -> None:
    """A release that ends before Helm makes a revision: its record has the number that the next revision gets."""
    records = kube.get("configmap", "newdqmgui-releases")
    assert records
    kept = json.loads(records["data"]["records.json"])
    kept.append({**kept[-1], "revision": max(kube.revisions) + 1, "outcome": "failed", "when": kept[-1]["when"]})
    kube("patch", "configmap", "newdqmgui-releases", "--type=merge", "-p", json.dumps({"data": {"records.json": json.dumps(kept)}}))


A, B, C = "HG0105a", "HG0205a", "HG0305a"
CASES: dict[str, tuple[list[Step], int | None]] = {
    "one": ([release(A)], None),
    "superseded": ([release(A), release(B), release(C)], 2),
    "back to what a failed one had replaced": ([release(A), fails(B, "--no-rollback"), release(A)], None),
    "after an automatic rollback": ([release(A), release(B), fails(C)], 1),
    "a release after an automatic rollback": ([release(A), fails(B), release(C)], 3),
    "a rollback after a rollback": ([release(A), release(B), rollback()], 2),
    "a release of what ran before": ([release(A), release(B), release(A)], 2),
    "records gone": ([release(A), release(B), forget_records, release(C)], 2),
    "plain helm in between": ([release(A), upgrade(B), release(C)], 2),
    "plain helm last": ([release(A), upgrade(B)], 1),
    "a plain rollback": ([release(A), release(B), plain("rollback", "newdqmgui", "1"), release(C)], 3),
    "plain helm takes the number of a release that made no revision": ([release(A), no_prepull, upgrade(B)], 1),
}


@pytest.mark.parametrize("name", CASES)
def test_all_name_the_same_revision(helmtool: Helmtool, kube: Kube, name: str) -> None:
    steps, wanted = CASES[name]
    results = [step(helmtool, kube) for step in steps]
    (entry,) = helmtool("status", "local", "--rollback", "-o", "json").json
    assert entry["rollback"]["revision"] == wanted
    assert entry["state"] == "running"
    dry = helmtool("rollback", "local", "--dry-run", "-o", "json", code=0 if wanted else 3)
    assert (dry.json["to"] if wanted else dry.error["code"]) == (wanted or "no-revision")
    told = [line["text"] for line in map(json.loads, results[-1].err.splitlines()) if line["step"] == "back"] if _is_release(steps) else []
    assert [f"revision {wanted} " in text for text in told] == [True] * bool(wanted and _is_release(steps))
    if wanted:
        helmtool("rollback", "local")
        assert kube.serving == [f"{REPOSITORY}:{entry_tag(helmtool, wanted)}"]


def _is_release(steps: list[Step]) -> bool:
    return steps[-1].__qualname__.startswith("release")


def entry_tag(helmtool: Helmtool, number: int) -> str:
    (tag,) = [line["tag"] for line in helmtool("history", "local", "-o", "json").json if line["revision"] == number]
    return str(tag)
