"""Revisions on Tab: from a real API server, kept for a short time."""

from __future__ import annotations

from pathlib import Path

from cli import Helmtool, Kube
from shells import Shells

from helmtool.adapters.local import LocalCluster


def test_revisions(kube: Kube, project: Path, cluster: LocalCluster, tmp_path: Path) -> None:
    helmtool = Helmtool(project, {"XDG_CACHE_HOME": Helmtool().environment.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))})
    helmtool("release", "prod", "HG0105a-stable", "--yes")
    helmtool("release", "prod", "HG0105b-stable", "--yes")
    shells = Shells(project, helmtool.environment | {"XDG_CACHE_HOME": str(tmp_path / "own-cache")})
    assert shells.offered("bash", "helmtool rollback prod ") == ["2", "1"]
    assert shells.offered("bash", "helmtool diff prod --revision 1") == ["1"]
    assert sorted(shells.offered("fish", "helmtool rollback prod ")) == ["1", "2"]
    kube("delete", "secret", "sh.helm.release.v1.newdqmgui.v1")
    assert shells.offered("bash", "helmtool rollback prod ") == ["2", "1"]  # kept
    Helmtool(project, shells.variables)("history", "prod")
    assert shells.offered("bash", "helmtool rollback prod ")[0] == "2"
