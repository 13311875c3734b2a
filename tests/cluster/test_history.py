"""What Helm forgets, the records keep: a release that failed, its cause and what showed it."""

from __future__ import annotations

import json

import pytest
from cli import SHORT, UNSCHEDULABLE, Helmtool, Kube

from helmtool.adapters.helm import HISTORY_MAX


@pytest.mark.slow
def test_a_failure_outlives_helms_own_history(helmtool: Helmtool, kube: Kube) -> None:
    helmtool("release", "local", "HG0101a", "--timeout", "20s")
    helmtool("release", "local", "HG0101b", *UNSCHEDULABLE, *SHORT, code=1)
    failed = 2
    for letter in "cdefghijklm"[: HISTORY_MAX + 1]:
        helmtool("release", "local", f"HG0101{letter}", "--timeout", "20s")
    kept = kube.revisions
    assert len(kept) == HISTORY_MAX
    assert failed not in kept
    (line,) = [line for line in helmtool("history", "local", "-o", "json").json if line["revision"] == failed]
    assert (line["tag"], line["status"], line["record"]["cause"]) == ("HG0101b", "failed", "node-selector")
    assert any("didn't match Pod's node affinity/selector" in text for text in line["record"]["evidence"])
    shown = helmtool("history", "local").out
    assert "revision 2 (node-selector): " in shown
    lines = {line["revision"]: line for line in helmtool("history", "local", "-o", "json").json}
    assert {number for number, line in lines.items() if line["kept"]} == set(kept)
    assert {line["status"] for number, line in lines.items() if number not in kept and number != failed} == {"superseded"}
    assert "superseded (not kept)" in shown
    assert "failed (not kept)" in shown
    assert helmtool("rollback", "local", str(failed), "-o", "json", code=3).error["code"] == "no-revision"


def test_a_note_of_several_lines_is_one_cell(helmtool: Helmtool, kube: Kube) -> None:
    note = "new layouts\n9         HG9999z  deployed\tx\x1b[2Jy"
    helmtool("release", "local", "HG0105a", "--note", note, "--timeout", "20s")
    header, row = helmtool("history", "local").out.splitlines()
    assert row[header.index("NOTE") :] == "new layouts 9         HG9999z  deployed x\\u001b[2Jy"
    assert helmtool("history", "local", "-o", "json").json[0]["record"]["note"] == note


def test_a_release_that_ended_before_helm_made_a_revision(helmtool: Helmtool, kube: Kube) -> None:
    helmtool("release", "local", "HG0105a", "--timeout", "20s")
    records = kube.get("configmap", "newdqmgui-releases")
    assert records
    (kept,) = json.loads(records["data"]["records.json"])
    lost = {**kept, "revision": 2, "tag": "HG0205a", "outcome": "failed"}
    kube("patch", "configmap", "newdqmgui-releases", "--type=merge", "-p", json.dumps({"data": {"records.json": json.dumps([kept, lost])}}))
    newest, _ = helmtool("history", "local", "-o", "json").json
    assert (newest["revision"], newest["status"], newest["kept"]) == (2, "failed", False)
    assert "failed (no revision)" in helmtool("history", "local").out
