"""What Helm forgets, the records keep: a release that failed, its cause and what showed it."""

from __future__ import annotations

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
