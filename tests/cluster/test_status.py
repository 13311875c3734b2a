"""What runs where, and what came before it."""

from __future__ import annotations

import getpass
import socket
from collections import Counter
from pathlib import Path

import yaml
from cli import REPOSITORY, SHORT, UNSCHEDULABLE, Helmtool, Kube


def test_through_the_life_of_a_release(helmtool: Helmtool, kube: Kube) -> None:
    assert helmtool("status", "local", "-o", "json").json[0]["state"] == "not-released"
    assert helmtool("history", "local", "-o", "json").json == []
    helmtool("release", "local", "HG0105a")
    helmtool("release", "local", "HG0205a", "--note", "for the shift")
    text = helmtool("status", "local").out.splitlines()
    assert text[0].split() == ["ENV", "STATE", "READY", "REVISION", "SINCE", "BY", "TAG"]
    assert text[1].split()[:4] == ["local", "running", "1/1", "2"]
    assert text[1].split()[5:] == [getpass.getuser(), "HG0205a"]
    (entry,) = helmtool("status", "local", "-o", "json").json
    assert {k: entry[k] for k in ("state", "image", "revision", "lastStatus", "ready", "desired", "problem")} == {
        "state": "running",
        "image": f"{REPOSITORY}:HG0205a",
        "revision": 2,
        "lastStatus": "deployed",
        "ready": 1,
        "desired": 1,
        "problem": "",
    }
    told = helmtool("history", "local").out.splitlines()
    assert told[0].split() == ["REVISION", "TAG", "STATUS", "SINCE", "BY", "COMMIT", "NOTE"]
    assert [line.split()[:3] for line in told[1:]] == [["2", "HG0205a", "deployed"], ["1", "HG0105a", "superseded"]]
    assert told[1].endswith("for the shift")
    newest, oldest = helmtool("history", "local", "-o", "json").json
    assert (newest["revision"], newest["chart"], newest["record"]["note"]) == (2, "newdqmgui-0.1.0", "for the shift")
    assert (oldest["revision"], oldest["record"]["note"]) == (1, "")


def test_what_is_not_well(helmtool: Helmtool, kube: Kube) -> None:
    helmtool("release", "local", "HG0105a", *UNSCHEDULABLE, *SHORT, code=1)
    (failed,) = helmtool("status", "local", "-o", "json").json
    assert (failed["state"], failed["revision"], failed["ready"]) == ("failed", None, 0)
    helmtool("release", "local", "HG0105a")
    kube("scale", "deployment", "newdqmgui", "--replicas=0")
    kube("set", "image", "deployment/newdqmgui", f"*={REPOSITORY}:HG0101z")
    kube("patch", "deployment", "newdqmgui", "-p", '{"spec": {"replicas": 1, "template": {"spec": {"nodeSelector": {"nowhere": "x"}}}}}')
    result = helmtool("status", "local", "-o", "json")
    assert (result.json[0]["state"], result.json[0]["image"]) == ("not-ready", f"{REPOSITORY}:HG0101z")
    assert "! local: " in helmtool("status", "local").err
    kube("delete", "deployment", "newdqmgui")
    (gone,) = helmtool("status", "local", "-o", "json").json
    assert (gone["state"], gone["problem"], gone["revision"]) == ("not-ready", "not there", 2)


def test_a_field_that_other_hands_have_added(helmtool: Helmtool, kube: Kube) -> None:
    """No release takes it back: the API server keeps what another manager applies beside Helm."""
    helmtool("release", "local", "HG0105a")
    assert helmtool("status", "local", "-o", "json").json[0]["drift"] == []
    kube("set", "env", "deployment/newdqmgui", "A=b")
    (drift,) = helmtool("status", "local", "-o", "json").json[0]["drift"]
    assert drift.startswith("Deployment/newdqmgui is not as it was released, written by kubectl-set at ")


def test_nothing_is_asked_for_twice(helmtool: Helmtool, kube: Kube) -> None:
    """Where the cluster is far away, each request is a round trip."""

    def asked(*command: str) -> Counter[str]:
        lines = helmtool(*command, "-vv").err.splitlines()
        return Counter(line.split(": ")[1] for line in lines if line.startswith("helmtool.adapters.cluster: "))

    helmtool("release", "local", "HG0105a")
    for command in (["status", "local"], ["diff", "local", "HG0205a"]):
        requests = asked(*command)
        assert len(requests) > 8
        assert max(requests.values()) == 1, (command, requests.most_common(3))
    leases = {request: times for request, times in asked("release", "local", "HG0205a").items() if "/leases" in request}
    assert {request.split()[0]: times for request, times in leases.items()} == {"POST": 1, "DELETE": 1}


def test_pending(helmtool: Helmtool, kube: Kube) -> None:
    helmtool("release", "local", "HG0105a")
    kube.store_status(1, "pending-upgrade")
    (entry,) = helmtool("status", "local", "-o", "json").json
    assert (entry["state"], entry["lastStatus"]) == ("pending", "pending-upgrade")


def test_what_cannot_be_reached_hides_nothing(helmtool: Helmtool, project: Path) -> None:
    helmtool = Helmtool(project)
    helmtool("release", "local", "HG0105a")
    _close_prod(project)
    found = {entry["environment"]: entry for entry in helmtool("status", "-o", "json").json}
    assert list(found) == ["test4", "preprod", "prod", "local"]
    assert (found["local"]["state"], found["local"]["image"]) == ("running", f"{REPOSITORY}:HG0105a")
    assert {name: entry["state"] for name, entry in found.items() if name != "local"} == dict.fromkeys(
        ("test4", "preprod", "prod"), "unknown"
    )
    assert found["prod"]["error"]["code"] == "cluster-unreachable"
    assert "does not answer" in found["prod"]["problem"]
    assert "error" not in found["local"]
    text = helmtool("status")
    assert [line.split()[:2] for line in text.out.splitlines()[1:]] == [[name, found[name]["state"]] for name in found]
    assert "! prod: the API server" in text.err


def test_a_named_environment_that_cannot_be_reached_is_an_error(helmtool: Helmtool, project: Path) -> None:
    helmtool = Helmtool(project)
    _close_prod(project)
    assert helmtool("status", "prod", "-o", "json", code=5).error["code"] == "cluster-unreachable"
    both = helmtool("status", "local", "prod", "-o", "json", code=5).json
    assert [(entry["environment"], entry["state"]) for entry in both] == [("local", "not-released"), ("prod", "unknown")]
    assert helmtool("history", "prod", "-o", "json", code=5).error["code"] == "cluster-unreachable"
    assert helmtool("status", "prdo", "-o", "json", code=3).error["hint"].startswith("did you mean prod?")


def _close_prod(project: Path) -> None:
    """Nothing listens any more where prod's kubeconfig leads."""
    environments = yaml.safe_load((project / "values/environments.yaml").read_text())["environments"]
    kubeconfig = yaml.safe_load(Path(environments["prod"]["kubeconfig"]).read_text())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    kubeconfig["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{port}"
    closed = project / "kubeconfig"
    closed.write_text(yaml.safe_dump(kubeconfig))
    environments["prod"]["kubeconfig"] = str(closed)
    (project / "values/environments.yaml").write_text(yaml.safe_dump({"environments": environments}, sort_keys=False))
