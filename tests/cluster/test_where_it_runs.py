"""Which environments run an image, asked of the embedded cluster."""

from __future__ import annotations

import json
from pathlib import Path

from cli import RELEASE, REPOSITORY, Helmtool, Kube

from helmtool.operations.settings import Settings
from helmtool.operations.where import Place, where_it_runs

ONE, OTHER = f"sha256:{1:064x}", f"sha256:{2:064x}"


def test_an_image_that_runs_and_one_that_does_not(helmtool: Helmtool, kube: Kube, project: Path) -> None:
    settings = Settings(project)
    assert {p.environment: p.runs for p in where_it_runs(REPOSITORY, ["HG0105a"], ONE, settings)}["local"] == "no"
    helmtool("release", "local", "HG0105a")
    found = {place.environment: place for place in where_it_runs(REPOSITORY, ["HG0105a"], ONE, settings)}
    assert found["local"] == Place("local", "yes", f"{REPOSITORY}:HG0105a", "", 1)
    assert found["prod"].runs == "yes"  # the same cluster under another name
    assert [found[name].runs for name in ("test4", "preprod")] == ["unknown", "unknown"]
    assert where_it_runs(REPOSITORY, ["HG0205a"], ONE, settings)[3].runs == "no"


def test_the_digest_that_the_pods_run_counts(helmtool: Helmtool, kube: Kube, project: Path) -> None:
    helmtool("release", "local", "HG0105a")
    (pod,) = json.loads(kube("get", "pods", "-l", f"app={RELEASE}", "-o", "json"))["items"]
    (status,) = pod["status"]["containerStatuses"]
    for digest, runs in ((ONE, "yes"), (OTHER, "other")):
        running = [{**status, "imageID": f"docker-pullable://{REPOSITORY}@{digest}"}]
        patch = json.dumps({"status": {"containerStatuses": running}})
        kube("patch", "pod", pod["metadata"]["name"], "--subresource=status", "--type=merge", "-p", patch)
        (entry,) = helmtool("status", "local", "-o", "json").json
        assert entry["digest"] == digest
        place = where_it_runs(REPOSITORY, ["HG0105a"], ONE, Settings(project))[3]
        assert (place.runs, place.digest) == (runs, digest)
