"""After the apply any failure leads to a rollback and a finished record, also an error that nobody foresaw."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli import REPOSITORY, ROOT, UNSCHEDULABLE, Helmtool, Kube

FAULT = """
import importlib, os
module, _, name = os.environ["FAULT"].rpartition(".")
def broken(*_, **__):
    raise eval(os.environ["FAULT_ERROR"])
setattr(importlib.import_module(module), name, broken)
"""
"""Python runs it before the program (site): the function that FAULT names raises."""
POINTS = {
    "helmtool.operations.upgrade.kept_manifests": "RecursionError('deep')",
    "helmtool.operations.settle.watch_rollout": "KeyError('a')",
    "helmtool.operations.settle.verify": "UnicodeDecodeError('utf-8', bytes(1), 0, 1, 'odd')",
    "helmtool.operations.settle.readiness": "MemoryError()",
}


def broken(project: Path, folder: Path, point: str, error: str) -> Helmtool:
    (folder / "sitecustomize.py").write_text(FAULT)
    return Helmtool(project, {"PYTHONPATH": f"{folder}:{ROOT}", "FAULT": point, "FAULT_ERROR": error})


@pytest.mark.parametrize("point", POINTS)
def test_an_error_after_the_apply(project: Path, kube: Kube, helmtool: Helmtool, tmp_path: Path, point: str) -> None:
    helmtool("release", "local", "HG0105a", "--timeout", "20s")
    failed = broken(project, tmp_path, point, POINTS[point])("release", "local", "HG0105b", "--timeout", "20s", "-o", "json", code=1)
    assert failed.error["code"] == "release-failed"
    assert "internal error in helmtool: " in failed.error["message"]
    assert "rolled back" in failed.error["message"]
    assert "Traceback" not in failed.err
    assert kube.serving == [f"{REPOSITORY}:HG0105a"]
    lines = {line["revision"]: line for line in helmtool("history", "local", "-o", "json").json}
    assert (lines[2]["record"]["outcome"], lines[3]["record"]["outcome"]) == ("failed", "deployed")
    helmtool("release", "local", "HG0105b", "--timeout", "20s")


def test_an_error_while_the_cause_is_looked_for(project: Path, kube: Kube, helmtool: Helmtool, tmp_path: Path) -> None:
    helmtool("release", "local", "HG0105a", "--timeout", "20s")
    program = broken(project, tmp_path, "helmtool.operations.going_back.explain", "TypeError('odd')")
    failed = program("release", "local", "HG0105b", *UNSCHEDULABLE, "--timeout", "3s", "-o", "json", code=1)
    assert "rolled back" in failed.error["message"]
    assert kube.serving == [f"{REPOSITORY}:HG0105a"]
