"""Text that others have left in a cluster, on a terminal and in a pipe: a note, what a pod and its events say, with -vv too."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
import yaml
from cli import Helmtool, Kube
from hostile_text import FALSE_ROW, HOSTILE, in_pipe, on_terminal, require_harmless

from helmtool.adapters import toolbox
from helmtool.model.manifest import dump_manifest

SAID = f"{HOSTILE}\n{FALSE_ROW}"


@pytest.fixture
def released(helmtool: Helmtool) -> Helmtool:
    """A release whose note is hostile."""
    helmtool("release", "local", "HG0105a", "--timeout", "20s", "--note", SAID)
    return helmtool


def require_harmless_everywhere(helmtool: Helmtool, *arguments: str) -> None:
    """Requires it on a terminal with colours, which is wide enough for all, and in a pipe."""
    for show in (on_terminal, in_pipe):
        code, seen = show(helmtool.project, helmtool.environment | {"COLUMNS": "5000"}, *arguments)
        assert code == 0, seen
        require_harmless(seen, terminal=show is on_terminal)


def test_a_note_in_the_history(released: Helmtool) -> None:
    require_harmless_everywhere(released, "history", "local")
    require_harmless_everywhere(released, "-vv", "history", "local")
    assert released("history", "local", "-o", "json").json[0]["record"]["note"] == SAID


def test_what_a_pod_and_its_events_say(released: Helmtool, kube: Kube) -> None:
    pod = json.loads(kube("get", "pod", "-l", "app=newdqmgui", "-o", "json"))["items"][0]
    name, container = pod["metadata"]["name"], pod["status"]["containerStatuses"][0]
    waiting = container | {"ready": False, "state": {"waiting": {"reason": f"CrashLoopBackOff{SAID}", "message": SAID}}}
    unready = {"type": "Ready", "status": "False", "reason": "ContainersNotReady"}
    status = {"status": {"message": SAID, "reason": SAID, "conditions": [unready], "containerStatuses": [waiting]}}
    kube("patch", "pod", name, "--subresource=status", "--type=merge", "-p", json.dumps(status))
    about = {"kind": "Pod", "name": name, "namespace": "dqm", "uid": pod["metadata"]["uid"]}
    event = {"apiVersion": "v1", "kind": "Event", "metadata": {"name": "hostile"}, "involvedObject": about, "type": "Warning"}
    kube("create", "-f", "-", input=event | {"reason": SAID, "message": SAID, "lastTimestamp": pod["metadata"]["creationTimestamp"]})
    for command in ("pods", "describe", "events"):
        require_harmless_everywhere(released, command, "local")
    require_harmless_everywhere(released, "-vv", "describe", "local")


def test_kubectl_reads_the_same_text_in_the_yaml_that_is_shown() -> None:
    """What `render` prints goes to `kubectl apply` with every value as it was."""
    texts = [HOSTILE, "a\u200bb\nc\n", "\ufeff", "\U000e0041\u00a0", "\u3164 \\u001b"]
    shown = dump_manifest({"apiVersion": "v1", "kind": "Anything", "metadata": {"name": "a"}, "spec": texts})
    argv = [str(toolbox.find("kubectl")), "label", "--local", "-f", "-", "a=b", "-o", "json"]
    done = subprocess.run(
        argv, input=shown.encode(), capture_output=True, timeout=60, check=True, env={**os.environ, "KUBECONFIG": os.devnull}
    )
    assert json.loads(done.stdout)["spec"] == texts == yaml.safe_load(shown)["spec"]
