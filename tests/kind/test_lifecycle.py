"""From what was there before helmtool to its first releases, and what stays when the release is gone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cli import Helmtool
from encrypted import make_checkout
from images import RealRegistry, digest
from node import DATA_CLAIM, LOGS_CLAIM, RELEASE, Node, wait_for
from today import OF_THE_RELEASE, Object, as_list, today

OLD_SCRIPT = """sudo cp -- /host/etc/grid-security/* /etc/grid-security/
cd /home/cmsusr/dqmgui/
sudo bash /home/cmsusr/run.sh
"""
"""As the old one does it: no `exec`, and a folder beside the certificates does not stop it."""
FIRST_CHART = Path(__file__).parent / "first-chart.tgz"
PASSING = ("Event", "Pod", "EndpointSlice", "Endpoints", "PodMetrics")
INDEX = "/home/cmsusr/dqmgui/data/dqmgui.sqlite"


def ask_index(node: Node, question: str) -> str:
    script = f"import sqlite3; index = sqlite3.connect('{INDEX}'); {question}; index.commit()"
    done = node.inside(node.pod(), f'python3 -c "{script}"')
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def add_run(node: Node) -> None:
    ask_index(node, "index.execute('INSERT INTO samples VALUES (316142)')")


def runs(node: Node) -> str:
    return ask_index(node, "print(index.execute('SELECT * FROM samples').fetchall())")


def names(node: Node) -> set[tuple[str, str]]:
    """Every object of the namespace that does not come and go by itself."""
    kinds = node.kubectl("api-resources", "--namespaced", "--verbs=list", "-o", "name").split()
    kinds = [kind for kind in kinds if not kind.startswith("events")]
    items = json.loads(node.kubectl("get", ",".join(kinds), "-o", "json"))["items"]
    return {(item["kind"], item["metadata"]["name"]) for item in items if item["kind"] not in PASSING}


def uids(node: Node) -> dict[tuple[str, str], str]:
    found = {(kind, name): json.loads(node.kubectl("get", kind, name, "-o", "json")) for kind, name in OF_THE_RELEASE}
    return {key: live["metadata"]["uid"] for key, live in found.items()}


def running(node: Node) -> tuple[str, int]:
    """The pod's UID, and how often its container was started again."""
    pod = node.pod()
    return pod["metadata"]["uid"], pod["status"]["containerStatuses"][0]["restartCount"]


def apply(node: Node, objects: list[Object]) -> None:
    """What the old script did, until its pod serves."""
    node.kubectl("apply", "-f", "-", input=as_list(objects))
    node.kubectl("rollout", "status", f"deployment/{RELEASE}", "--timeout=90s")
    wait_for("one pod runs", lambda: len(node.get("pods", f"app={RELEASE}")) == 1)


def old_objects(repository: str) -> list[Object]:
    """Those of test4, with an image that runs here, a script in words of its own, and a field that no chart has."""
    objects = today("test4")
    for item in objects:
        if item["kind"] == "ConfigMap":
            item["data"] = {"setup-certs-and-run.sh": OLD_SCRIPT}
    template = next(o for o in objects if o["kind"] == "Deployment")["spec"]["template"]["spec"]
    template["terminationGracePeriodSeconds"] = 2
    (container,) = template["containers"]
    container["image"] = f"{repository}:HG0105a"
    # EOS is mounted and has no ticket here.
    container["env"] = [{"name": "DQMGUI_KERBEROS", "value": "warn"}]
    container["resources"] = {}
    return objects


def effects(shown: dict[str, Any]) -> dict[str, str]:
    return {change["kind"]: change["effect"] for change in shown["nextRelease"]}


def test_old_objects_are_adopted_and_released(bare: Helmtool, node: Node, registry: RealRegistry) -> None:
    apply(node, old_objects(f"{registry.host}/cmsweb/newdqmgui"))
    held, old = uids(node), running(node)
    shown = bare("adopt", "kind", "--dry-run", "-o", "json").json
    assert effects(shown)["Deployment"] == "downtime"
    bare("adopt", "kind")
    assert (uids(node), running(node)) == (held, old)

    failed = bare("release", "kind", "HG0405a", "--timeout", "3m", "--no-prepull", code=1)
    assert "nothing served before, so nothing is rolled back" in failed.err
    assert uids(node) == held

    bare("release", "kind", "HG0105a", "--timeout", "3m", "--no-prepull", "--no-verify")
    assert uids(node) == held
    assert running(node)[0] != old[0]
    (container,) = json.loads(node.kubectl("get", "deployment", RELEASE, "-o", "json"))["spec"]["template"]["spec"]["containers"]
    assert "env" not in container
    assert not node.kubectl(
        "get", "deployment", RELEASE, "-o", "jsonpath={.metadata.annotations.kubectl\\.kubernetes\\.io/last-applied-configuration}"
    )


def test_an_adopted_pod_that_is_as_released_runs_on(bare: Helmtool, node: Node, registry: RealRegistry) -> None:
    """A release names the digest, which `render` alone does not know."""
    rendered = bare("render", "kind", "HG0105a", "-o", "json").json
    objects = [o for o in rendered if "helm.sh/hook" not in (o["metadata"].get("annotations") or {})]
    (container,) = next(o for o in objects if o["kind"] == "Deployment")["spec"]["template"]["spec"]["containers"]
    container["image"] += f"@{digest(registry.read('HG0105a'))}"
    apply(node, objects)
    add_run(node)
    held, old = uids(node), running(node)
    shown = bare("adopt", "kind", "-o", "json").json
    assert not {"restarts the pod", "downtime", "impossible"} & set(effects(shown).values())
    assert bare("release", "kind", "HG0105a", "--timeout", "3m", "--no-verify", "-o", "json").json["deployed"]
    assert (uids(node), running(node)) == (held, old)
    assert runs(node) == "[(316142,)]"


def test_a_release_over_the_first_chart(bare: Helmtool, node: Node) -> None:
    """The chart as it was first committed, packed: what plain Helm installed then is what a release meets."""
    done = node.helm(
        *("install", RELEASE, str(FIRST_CHART), "--values", str(bare.project / "values/kind.yaml"), "--set", "image.tag=HG0105a"),
        *("--server-side=true", "--wait", "--timeout", "120s"),
    )
    assert done.returncode == 0, done.stderr
    add_run(node)
    bare("release", "kind", "HG0205a", "--timeout", "3m")
    history = json.loads(node.helm("history", RELEASE, "-o", "json").stdout)
    assert [(line["revision"], line["status"]) for line in history] == [(1, "superseded"), (2, "deployed")]
    assert runs(node) == "[(316142,)]"
    assert bare("release", "kind", "HG0205a", "-o", "json").json["deployed"] is False


def test_what_an_uninstallation_leaves(bare: Helmtool, node: Node, tmp_path: Path) -> None:
    secrets = make_checkout(tmp_path / "secrets")
    secrets.put({"note": b"of this release"})
    before = names(node)
    bare("release", "kind", "HG0105a", *secrets.options, "--timeout", "3m", "--no-verify")
    add_run(node)
    version = next(v["secret"]["secretName"] for v in node.pod()["spec"]["volumes"] if v["name"] == "secrets")
    done = node.helm("uninstall", RELEASE, "--wait")
    assert done.returncode == 0, done.stderr
    wait_for("the pod is gone", lambda: not node.get("pods", f"app={RELEASE}"))
    kept = {("PersistentVolumeClaim", DATA_CLAIM), ("PersistentVolumeClaim", LOGS_CLAIM)}
    ours = {("ConfigMap", f"{RELEASE}-releases"), ("Secret", version), ("Secret", f"{RELEASE}-secrets-key")}
    assert names(node) - before == kept | ours
    assert before <= names(node)

    bare("release", "kind", "HG0105a", *secrets.options, "--timeout", "3m", "--no-verify")
    assert runs(node) == "[(316142,)]"
    assert ("Secret", version) in names(node)
