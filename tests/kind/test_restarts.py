"""What a release does to the pod: nothing where nothing of the pod changes, and a restart where its start script does."""

from __future__ import annotations

import hashlib

from cli import Helmtool
from node import Node

SCRIPT = "charts/newdqmgui/files/setup-certs-and-run.sh"


def test_what_is_not_the_pods_restarts_nothing(serving: Helmtool, node: Node) -> None:
    old = node.pod()["metadata"]["name"]
    with node.watch() as watch:
        assert serving("release", "kind", "HG0105a", "-o", "json").json["deployed"] is False
        assert serving("release", "kind", "HG0105a", "--set", "revisionHistoryLimit=5", "--no-verify", "-o", "json").json["deployed"]
    assert watch.names == [old]
    assert node.pod()["status"]["containerStatuses"][0]["restartCount"] == 0


def test_another_start_script_restarts_the_pod(serving: Helmtool, node: Node) -> None:
    old = node.pod()["metadata"]
    file = serving.project / SCRIPT
    text = file.read_text()
    try:
        file.write_text(text.replace("\nsource_dir=", '\necho "INFO another script"\nsource_dir=', 1))
        serving("release", "kind", "HG0105a", "--timeout", "3m", "--no-verify")
        wanted = hashlib.sha256(file.read_bytes()).hexdigest()
    finally:
        file.write_text(text)
    new = node.pod()["metadata"]
    assert new["uid"] != old["uid"]
    assert new["annotations"]["checksum/config"] == wanted != old["annotations"]["checksum/config"]
    assert "INFO another script" in node.kubectl("logs", new["name"])
