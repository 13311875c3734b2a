"""The API server stores what the chart renders, for every environment, and what it then has is what a preview expects: no eternal diff."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli import ROOT, Helmtool, Kube

from helmtool.adapters import toolbox
from helmtool.adapters.local import LocalCluster

TAG = "HG0105a-stable"


@pytest.fixture
def no_class_left(kube: Kube) -> Iterator[None]:
    """The one object of the chart that lives in no namespace."""
    yield
    kube("delete", "storageclass", "cvmfs-class", "--ignore-not-found")


@pytest.mark.parametrize("values", ["values/test4.yaml", "values/preprod.yaml", "values/prod.yaml", "tests/chart/all-options.yaml"])
def test_what_was_applied_is_what_was_previewed(project: Path, kube: Kube, cluster: LocalCluster, no_class_left: None, values: str) -> None:
    file = project / "values/local.yaml"
    # A digest in a file is refused where a TAG says what runs.
    file.write_text(re.sub(r"(?m)^  digest: sha256:.*$", "", (ROOT / values).read_text()))
    argv = [str(toolbox.find("helm")), "--kubeconfig", cluster.kubeconfig, "-n", cluster.namespace, "upgrade", "--install", "newdqmgui"]
    argv += [str(project / "charts/newdqmgui"), "--server-side=true", "--values", str(file), "--set", f"image.tag={TAG}"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    result = Helmtool(project)("diff", "local", TAG, "--detailed-exitcode")
    assert "no changes from live" in result.err
    assert "the API server says" not in result.err
