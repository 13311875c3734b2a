"""Metrics of a real release, and of a cluster that is gone."""

from __future__ import annotations

from cli import Helmtool, Kube
from prometheus_client.openmetrics.parser import text_string_to_metric_families


def values(text: str) -> dict[str, float]:
    """The samples of `local` by name, the states by their word."""
    found = [s for family in text_string_to_metric_families(text) for s in family.samples if s.labels["environment"] == "local"]
    return {s.labels.get("state", s.name.removeprefix("helmtool_")): s.value for s in found}


def test_through_a_release(helmtool: Helmtool, kube: Kube) -> None:
    before = values(helmtool("status", "local", "-o", "openmetrics").out)
    assert (before["environment_reachable"], before["not-released"], "release_revision" in before) == (1, 1, False)
    helmtool("release", "local", "HG0105a")
    running = values(helmtool("-o", "openmetrics", "status", "local").out)
    assert (running["running"], running["release_revision"], running["release_drift"], running["release_ready_replicas"]) == (1, 1, 0, 1)
    kube("set", "env", "deployment/newdqmgui", "BY=hand")
    assert values(helmtool("status", "local", "-o", "openmetrics").out)["release_drift"] > 0
    everywhere = helmtool("status", "-o", "openmetrics")  # the others cannot be reached from here
    assert 'helmtool_environment_reachable{environment="prod"} 0' in everywhere.out
