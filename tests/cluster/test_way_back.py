"""Whether a rollback could work is known before it is needed, and one that cannot is refused; drift is told with who made it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from cli import REPOSITORY, Helmtool, Kube
from registry.images import PATH, RealRegistry

from helmtool.adapters.toolbox import cache_home


@pytest.fixture
def resolved(project: Path, registry: RealRegistry, tmp_path: Path) -> Helmtool:
    """The command line, where `local` takes its image from the registry by digest."""
    file = project / "values/environments.yaml"
    document = yaml.safe_load(file.read_text())
    document["environments"]["local"]["policies"]["resolve"] = "required"
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    values = project / "values/local.yaml"
    values.write_text(values.read_text() + f"\nimage: {{repository: '{registry.host}/{PATH}'}}\n")
    return Helmtool(project, {"XDG_CACHE_HOME": str(cache_home()), "HOME": str(tmp_path)})


@pytest.fixture
def three(resolved: Helmtool, registry: RealRegistry) -> Callable[[str], None]:
    """Three releases; gives a function that removes the image of a tag from the registry."""
    digests = {}
    for tag in ("HG0105a", "HG0205a", "HG0305a"):
        digests[tag] = registry.push(tag, created=f"2026-05-0{tag[3]}T10:00:00Z")
        resolved("release", "local", tag)
    return lambda tag: _remove(registry, digests[tag])


def _remove(registry: RealRegistry, digest: str) -> None:
    registry.call("DELETE", f"/manifests/{digest}")


def test_the_end_of_a_release_tells(resolved: Helmtool, registry: RealRegistry, kube: Kube) -> None:
    registry.push("HG0105a")
    assert "a rollback" not in resolved("release", "local", "HG0105a").err
    registry.push("HG0205a", created="2026-05-02T10:00:00Z")
    told = resolved("release", "local", "HG0205a").err
    assert "✓ back      a rollback to revision 1 (HG0105a) is possible: 1 object changes: downtime" in told
    (entry,) = resolved("status", "local", "--rollback", "-o", "json").json
    assert {key: entry["rollback"][key] for key in ("possible", "revision", "obstacles")} == {
        "possible": True,
        "revision": 1,
        "obstacles": [],
    }
    assert entry["rollback"]["doubts"] == ["the Secret newdqmgui-secrets is not a version: it stays as it is now"]
    assert "rollback" not in resolved("status", "local", "-o", "json").json[0]


def test_an_image_that_is_gone(resolved: Helmtool, three: Callable[[str], None], kube: Kube) -> None:
    three("HG0205a")
    text = resolved("status", "local", "--rollback")
    assert "local: a rollback to revision 2 (HG0205a) is not possible: the registry does not have " in text.out
    before = kube.versions()
    error = resolved("rollback", "local", "-o", "json", code=4).error
    assert error["code"] == "image-gone"
    assert error["hint"].startswith("helmtool rollback local 1 can; helmtool image restore brings a copy back")
    assert "would be refused: the registry does not have " in resolved("rollback", "local", "--dry-run").err
    assert kube.versions() == before
    three("HG0105a")
    assert resolved("rollback", "local", "-o", "json", code=4).error["hint"].startswith("helmtool image restore")
    resolved("rollback", "local", "1", "--force")
    assert kube.serving[0].rpartition("@")[0].endswith(":HG0105a")


def test_a_registry_that_does_not_answer_is_a_doubt(resolved: Helmtool, three: Callable[[str], None], registry: RealRegistry) -> None:
    registry.stop()
    (entry,) = resolved("status", "local", "--rollback", "-o", "json").json
    assert entry["rollback"]["possible"]
    assert any("127.0.0.1" in text for text in entry["rollback"]["doubts"]), entry["rollback"]["doubts"]
    resolved("rollback", "local")


def test_what_the_api_server_would_refuse(helmtool: Helmtool, kube: Kube) -> None:
    helmtool("release", "local", "HG0105a")
    helmtool("release", "local", "HG0205a")
    immutable = {"immutable": True}
    kube("patch", "configmap", "newdqmgui", "--type=merge", "-p", str(immutable).replace("'", '"').replace("True", "true"))
    kube("create", "quota", "none", "--hard=count/configmaps=0")
    kube("delete", "configmap", "newdqmgui")
    (entry,) = helmtool("status", "local", "--rollback", "-o", "json").json
    assert not entry["rollback"]["possible"]
    assert any("exceeded quota" in text for text in entry["rollback"]["obstacles"])
    assert helmtool("rollback", "local", "-o", "json", code=4).error["code"] == "rollback-impossible"
    kube("delete", "quota", "none")
    helmtool("rollback", "local")


def test_drift_is_told_with_who_and_when(helmtool: Helmtool, kube: Kube) -> None:
    helmtool("release", "local", "HG0105a")
    assert helmtool("status", "local", "-o", "json").json[0]["drift"] == []
    kube("set", "image", "deployment/newdqmgui", f"*={REPOSITORY}:HG0101z")
    kube("delete", "networkpolicy", "newdqmgui-network-policy")
    (entry,) = helmtool("status", "local", "-o", "json").json
    told = {text.partition(" ")[0]: text for text in entry["drift"]}
    assert told["NetworkPolicy/newdqmgui-network-policy"].endswith(" is gone")
    assert "is not as it was released, written by kubectl-set at 20" in told["Deployment/newdqmgui"]
    assert set(told) == {"NetworkPolicy/newdqmgui-network-policy", "Deployment/newdqmgui"}
    text = helmtool("status", "local").err
    assert "! local: Deployment/newdqmgui is not as it was released, written by kubectl-set at 20" in text
    assert "next: helmtool diff local" in text
    assert "(kubectl-set at 20" in helmtool("release", "local", "HG0105a").err
    assert helmtool("status", "local", "-o", "json").json[0]["drift"] == []


def test_adopt_shows_that_a_release_adds_the_digest(resolved: Helmtool, registry: RealRegistry, kube: Kube) -> None:
    registry.push("HG0105a")
    rendered = resolved("render", "local", "HG0105a", "-o", "json").json
    objects = [o for o in rendered if "helm.sh/hook" not in (o["metadata"].get("annotations") or {})]
    kube("apply", "-f", "-", input={"apiVersion": "v1", "kind": "List", "items": objects})
    shown = resolved("adopt", "local", "--dry-run", "-o", "json").json["nextRelease"]
    assert {change["kind"]: change["effect"] for change in shown}["Deployment"] == "downtime"
    resolved("adopt", "local")
    released = resolved("release", "local", "HG0105a", "-o", "json").json["changes"]
    assert [c["diff"] for c in released if c["kind"] == "Deployment"] == [c["diff"] for c in shown if c["kind"] == "Deployment"]
