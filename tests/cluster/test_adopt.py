"""Adoption of what kubectl made: who made it, how the first releases go, and what fails on the way, with the objects of today."""

from __future__ import annotations

import json
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cli import RELEASE, REPOSITORY, ROOT, SHORT, UNSCHEDULABLE, Helmtool, Kube, Running, wait_until
from today import OF_THE_RELEASE, TAG, Object, as_list, today

from helmtool.adapters.local import LocalCluster

pytestmark = pytest.mark.slow

CLAIMS = {"prod": "logs-cephfs-claim-prod-dqm", "preprod": "logs-cephfs-claim-prod-dqm"}
NEW_CLAIMS = {"prod": "logs-cephfs-claim-prod-dqm", "preprod": "logs-cephfs-claim-preprod-dqm"}
QUICK = ("--timeout", "20s")

MEDDLED = """
import os, signal, sys
from helmtool.adapters.cluster import Cluster
real, written = Cluster.patch, []

def patch(self, key, operations, manager, *, dry_run=False):
    if not dry_run:
        meddle(self, key)
        written.append(key)
    return real(self, key, operations, manager, dry_run=dry_run)

def note(cluster, key, text):
    operation = {"op": "add", "path": "/metadata/labels", "value": {"app": "newdqmgui", "written": text}}
    real(cluster, key, [operation], "somebody")

Cluster.patch = patch
"""
"""The program, in which something happens right before an object is written; `meddle` follows."""
END = "\nfrom helmtool.cli.app import run\nsys.exit(run(sys.argv[1:]))\n"


def claim(name: str) -> Object:
    """A claim of the logs with a volume of its own: nothing provisions here."""
    common = {"accessModes": ["ReadWriteMany"], "storageClassName": ""}
    reference = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": "dqm", "name": name}
    spec = common | {"capacity": {"storage": "1Gi"}, "hostPath": {"path": "/logs"}, "claimRef": reference}
    volume = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec}
    wanted = common | {"volumeName": name, "resources": {"requests": {"storage": "1Gi"}}}
    return as_list([volume, {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": wanted}])


@pytest.fixture
def checkout(kube: Kube, cluster: LocalCluster, tmp_path: Path) -> Path:
    """A checkout with nothing but the embedded cluster's environments changed; `use` says which one that is."""
    for name in ("charts", "values"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / "kubeconfig").write_text(cluster.kubeconfig)
    return tmp_path


def use(checkout: Path, environment: str, **changes: Any) -> Helmtool:
    """The command line in the checkout, where the environment is the embedded cluster."""
    file = checkout / "values/environments.yaml"
    document = yaml.safe_load(file.read_text())
    document["environments"][environment] |= {
        "cluster": {"nameEndsWith": ["kwok-helmtool"]},
        "kubeconfig": (checkout / "kubeconfig").read_text(),
        "policies": dict.fromkeys(("resolve", "prepull", "verify"), "off"),
        "lockSeconds": 3,
        "secrets": "existing",
    } | changes
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    return Helmtool(checkout)


@pytest.fixture
def logs(kube: Kube) -> Iterator[None]:
    """The claims of the logs, gone with their volumes afterwards."""
    names = sorted({*CLAIMS.values(), *NEW_CLAIMS.values()})
    for name in names:
        kube("apply", "-f", "-", input=claim(name))
    yield
    kube("delete", "deployment", "--all", "--wait=false")
    kube("delete", "pod,pvc", "-l", "app=newdqmgui", "--ignore-not-found", "--wait=false")
    kube("delete", "pvc", *names, "--ignore-not-found", "--timeout=20s")
    kube("delete", "pv", *names, "--ignore-not-found", "--timeout=20s")


@pytest.fixture
def helmtool(checkout: Path) -> Helmtool:
    """The command line, with test4 on the embedded cluster."""
    return use(checkout, "test4")


def apply(kube: Kube, objects: list[Object], *options: str) -> None:
    """What the old script did, until its pod serves."""
    kube("apply", *options, "-f", "-", input=as_list(objects))
    kube("rollout", "status", f"deployment/{RELEASE}", "--timeout=20s")
    wait_until(lambda: len(pods(kube)) == 1)


def pods(kube: Kube) -> dict[str, int]:
    """The pods of the service by UID, with how often their container was started again."""
    items = json.loads(kube("get", "pods", "-l", f"app={RELEASE}", "-o", "json"))["items"]
    return {p["metadata"]["uid"]: sum(s["restartCount"] for s in p["status"].get("containerStatuses", [])) for p in items}


def uids(kube: Kube, environment: str = "test4") -> dict[tuple[str, str], str]:
    found = {(kind, name): kube.get(kind.lower(), name) for kind, name in OF_THE_RELEASE if (kind, name) in named(environment)}
    return {key: live["metadata"]["uid"] for key, live in found.items() if live}


def named(environment: str) -> set[tuple[str, str]]:
    return {(o["kind"], o["metadata"]["name"]) for o in today(environment)}


def managers(kube: Kube, kind: str = "deployment", name: str = RELEASE) -> set[tuple[str, str]]:
    live = json.loads(kube("get", kind, name, "-o", "json", "--show-managed-fields"))
    return {(e["manager"], e["operation"]) for e in live["metadata"]["managedFields"] if not e.get("subresource")}


def bodies(kube: Kube) -> list[Object]:
    """Every object without its metadata and status."""
    found = [kube.get(kind.lower(), name) for kind, name in OF_THE_RELEASE]
    return [{k: v for k, v in live.items() if k not in ("metadata", "status")} for live in found if live]


def versions(kube: Kube) -> dict[tuple[str, str], str]:
    """Every object's version without the locks that come and go."""
    return {key: version for key, version in kube.versions().items() if key[0] != "Lease"}


@pytest.mark.usefixtures("logs")
@pytest.mark.parametrize("environment", ["test4", "preprod", "prod"])
def test_from_kubectl_to_the_second_release(checkout: Path, kube: Kube, environment: str) -> None:
    helmtool = use(checkout, environment)
    tag, other = (f"{t}-stable" if environment == "prod" else t for t in (TAG, "HG0205a"))
    neighbour = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "autodqm"}, "data": {"a": "b"}}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "dqmsquare"}, "spec": {"ports": [{"port": 80}]}}
    kube("apply", "-f", "-", input=as_list([neighbour, service]))
    objects = today(environment, f":{tag}")
    deployment = next(o for o in objects if o["kind"] == "Deployment")
    deployment["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "OLD", "value": "only here"}]
    apply(kube, objects)
    before, running, content = versions(kube), pods(kube), bodies(kube)
    held = uids(kube, environment)
    assert len(held) == len(objects)

    refused = helmtool("release", environment, tag, "--yes", "-o", "json", code=4).error
    assert refused["code"] == "not-ours"
    assert f"helmtool adopt {environment}" in refused["hint"]

    shown = helmtool("adopt", environment, "--dry-run", "-o", "json").json
    assert versions(kube) == before
    assert (shown["written"], shown["image"]) == (0, f"{REPOSITORY}:{tag}")
    assert {o["kind"] for o in shown["objects"] if o["toWrite"]} == {o["kind"] for o in objects}
    assert {m for o in shown["objects"] for m in o["makers"]} == {"kubectl-client-side-apply"}

    adopted = helmtool("adopt", environment, "--yes")
    assert adopted.out.startswith(f"{len(objects)} objects of {environment} taken over")
    assert (pods(kube), bodies(kube), uids(kube, environment)) == (running, content, held)
    assert managers(kube) >= {("helm", "Apply")}
    assert not any(m.startswith("kubectl") for kind, name in named(environment) for m, _ in managers(kube, kind.lower(), name))

    after = versions(kube)
    assert "nothing to take over" in helmtool("adopt", environment, "--yes").out
    assert versions(kube) == after
    assert {key: after[key] for key in (("ConfigMap", "autodqm"), ("Service", "dqmsquare"))}.items() <= before.items()

    # What was shown before the adoption is what the API server says after it.
    told = helmtool("diff", environment, tag, "-o", "json").json["changes"]
    assert by_kind(told) == by_kind(shown["nextRelease"])
    assert "-          value: only here" in "\n".join(by_kind(told)["Deployment"]["diff"])

    first = helmtool("release", environment, tag, "--yes", *QUICK)
    assert "other hands" not in first.err
    assert uids(kube, environment) == held
    assert pods(kube).keys() != running.keys()
    assert "OLD" not in json.dumps(kube.deployment)
    second = helmtool("release", environment, other, "--yes", *QUICK)
    assert "other hands" not in second.err
    assert kube.serving == [f"{REPOSITORY}:{other}"]
    assert {key: versions(kube)[key] for key in (("ConfigMap", "autodqm"), ("Service", "dqmsquare"))}.items() <= before.items()


def by_kind(changes: list[Object]) -> dict[str, Object]:
    """The changes by kind, their lines whatever the order of the keys."""
    return {c["kind"]: {"effect": c["effect"], "diff": sorted(line for line in c["diff"] if line[0] in "+-")} for c in changes}


HISTORIES: dict[str, list[tuple[str, ...]]] = {
    "applied": [],
    "label": [("label", f"service/{RELEASE}", "by-hand=yes"), ("label", f"deployment/{RELEASE}", "by-hand=yes")],
    "annotate": [("annotate", f"deployment/{RELEASE}", "by-hand=yes"), ("annotate", f"configmap/{RELEASE}", "by-hand=yes")],
    "set image": [("set", "image", f"deployment/{RELEASE}", f"newdqmgui={REPOSITORY}:HG0301a")],
    "edit": [("edit", f"deployment/{RELEASE}")],
    "patch": [("patch", f"service/{RELEASE}", "-p", '{"spec": {"sessionAffinity": "ClientIP"}}')],
}
"""What somebody did by hand after the old script."""


@pytest.mark.parametrize("server_side", [False, True], ids=["client-side", "server-side"])
@pytest.mark.parametrize("history", HISTORIES)
def test_histories(helmtool: Helmtool, kube: Kube, monkeypatch: pytest.MonkeyPatch, history: str, server_side: bool) -> None:
    monkeypatch.setenv("KUBE_EDITOR", "sed -i 's/cpu: 200m/cpu: 201m/'")
    objects = today("test4")
    objects[0]["metadata"].setdefault("annotations", {})["old"] = "field"
    apply(kube, objects, *(["--server-side"] if server_side else []))
    for arguments in HISTORIES[history]:
        kube(*arguments)
    kube("rollout", "status", f"deployment/{RELEASE}", "--timeout=20s")
    wait_until(lambda: len(pods(kube)) == 1)
    running, content, held = pods(kube), bodies(kube), uids(kube)
    shown = helmtool("adopt", "test4", "-o", "json").json
    assert shown["written"] == len(held)
    assert (pods(kube), bodies(kube), uids(kube)) == (running, content, held)
    assert by_kind(helmtool("diff", "test4", kube.image.rpartition(":")[2], "-o", "json").json["changes"]) == by_kind(shown["nextRelease"])
    assert "other hands" not in helmtool("release", "test4", TAG, *QUICK).err
    assert "other hands" not in helmtool("release", "test4", "HG0205a", *QUICK).err
    assert uids(kube) == held
    everything = json.dumps([kube.get(kind.lower(), name) for kind, name in held])
    for left in ("by-hand", "201m", "ClientIP", '"old"', "last-applied"):
        assert left not in everything


def test_an_older_script_without_a_tag(helmtool: Helmtool, kube: Kube) -> None:
    objects = today("test4", "")
    next(o for o in objects if o["kind"] == "Deployment")["spec"]["template"]["metadata"]["labels"]["env"] = "k8s"
    apply(kube, objects)
    running = pods(kube)
    result = helmtool("adopt", "test4")
    assert f"{REPOSITORY}, has no tag of the form HG0105a; HG0101a stands in" in result.err
    assert "downtime" in result.err
    assert pods(kube) == running
    helmtool("release", "test4", TAG, *QUICK)
    assert kube.deployment["spec"]["template"]["metadata"]["labels"]["env"] == "k8s-test4"


@pytest.mark.parametrize(
    ("marks", "words"),
    [
        ({"annotations": {"meta.helm.sh/release-name": "dqm", "meta.helm.sh/release-namespace": "dqm"}}, "another release: dqm"),
        ({"annotations": {"meta.helm.sh/release-name": RELEASE, "meta.helm.sh/release-namespace": "cms"}}, "in namespace cms"),
        ({"annotations": {"argocd.argoproj.io/tracking-id": "dqm:x"}}, "Argo CD holds it"),
        ({"labels": {"kustomize.toolkit.fluxcd.io/name": "dqm"}}, "Flux holds it"),
        ({"labels": {"app.kubernetes.io/managed-by": "skaffold"}}, "managed-by says skaffold"),
    ],
)
def test_what_belongs_to_others_is_refused(helmtool: Helmtool, kube: Kube, marks: Object, words: str) -> None:
    objects = today("test4")
    objects[0]["metadata"] |= marks
    kube("apply", "-f", "-", input=as_list(objects[:2]))
    before = versions(kube)
    error = helmtool("adopt", "test4", "-o", "json", code=4).error
    assert error["code"] == "not-adoptable"
    assert [p["path"] for p in error["problems"]] == [f"Service/{RELEASE}"]
    assert words in error["problems"][0]["message"]
    assert versions(kube) == before


def test_a_failed_first_release_deletes_nothing(helmtool: Helmtool, kube: Kube) -> None:
    apply(kube, today("test4"))
    helmtool("adopt", "test4")
    held = uids(kube)
    failed = helmtool("release", "test4", TAG, *UNSCHEDULABLE, *SHORT, code=1)
    assert "nothing served before, so nothing is rolled back" in failed.err
    assert uids(kube) == held
    helmtool("release", "test4", TAG, *QUICK)
    assert (uids(kube), kube.serving) == (held, [f"{REPOSITORY}:{TAG}"])


def test_the_first_release_restarts_nothing_where_the_template_is_the_same(helmtool: Helmtool, kube: Kube) -> None:
    rendered = helmtool("render", "test4", TAG, "-o", "json").json
    apply(kube, [o for o in rendered if "helm.sh/hook" not in (o["metadata"].get("annotations") or {})])
    running = pods(kube)
    shown = helmtool("adopt", "test4", "-o", "json").json
    assert not {"restarts the pod", "downtime", "impossible"} & {change["effect"] for change in shown["nextRelease"]}
    assert helmtool("release", "test4", TAG, *QUICK, "-o", "json").json["deployed"]
    assert pods(kube) == running


def meddled(helmtool: Helmtool, how: str, *arguments: str) -> Running:
    """A command in which `how` (lines of Python) happens right before each object is written."""
    body = "\n".join(f"    {line}" for line in how.splitlines())
    program = f"{MEDDLED}\ndef meddle(cluster, key):\n{body}\n{END}"
    return Running([sys.executable, "-c", program, *arguments], helmtool.project, helmtool.environment, terminal=False)


@pytest.mark.parametrize("number", ["SIGKILL", "SIGTERM"])
def test_ended_between_two_objects_it_goes_on(helmtool: Helmtool, kube: Kube, number: str) -> None:
    apply(kube, today("test4"))
    running, held = pods(kube), uids(kube)
    end = f"import time\nif written:\n    os.kill(os.getpid(), signal.{number})\n    time.sleep(1)"
    result = meddled(helmtool, end, "adopt", "test4").wait()
    if number == "SIGTERM":
        assert result.code == 130
        assert "not adopted: " in result.err
        assert "goes on where it ended" in result.err
    else:
        assert result.code == -signal.SIGKILL
    left = [o for o in helmtool("adopt", "test4", "--dry-run", "-o", "json").json["objects"] if o["toWrite"]]
    assert 0 < len(left) < len(held)
    again = helmtool("adopt", "test4", "--wait-lock", "20s", "-o", "json").json
    assert again["written"] == len(left)
    assert (pods(kube), uids(kube)) == (running, held)
    helmtool("release", "test4", TAG, *QUICK)


def test_a_writer_beside_it_is_met_with_a_fresh_read(helmtool: Helmtool, kube: Kube) -> None:
    apply(kube, today("test4"))
    held = uids(kube)
    once = 'if written.count(key) < 2:\n    note(cluster, key, f"time-{len(written)}")'
    assert meddled(helmtool, once, "adopt", "test4").wait().code == 0
    labels = kube.deployment["metadata"]["labels"]
    assert labels["written"].startswith("time-")
    assert labels["app.kubernetes.io/managed-by"] == "Helm"
    assert ("somebody", "Update") in managers(kube)
    assert uids(kube) == held


def test_a_writer_that_never_ends_is_an_error_that_says_what_is_done(helmtool: Helmtool, kube: Kube) -> None:
    apply(kube, today("test4"))
    always = 'if key.kind == "Deployment":\n    note(cluster, key, f"time-{len(written)}")'
    result = meddled(helmtool, always, "adopt", "test4", "-o", "json").wait()
    assert result.code == 1
    assert result.error["code"] == "adopt-failed"
    assert f"Deployment/{RELEASE}: others changed it 5 times in a row" in result.error["message"]
    adopted, _, left = result.error["message"].partition("; adopted: ")[2].partition("; not adopted: ")
    assert f"Service/{RELEASE}" in adopted
    assert f"Deployment/{RELEASE}" in left
    assert helmtool("adopt", "test4", "-o", "json").json["written"] == left.count(",") + 1


def test_what_admission_forbids_is_found_before_anything_is_written(helmtool: Helmtool, kube: Kube) -> None:
    apply(kube, today("test4"))
    rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["deployments"]}
    spec = {
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": "!('meta.helm.sh/release-name' in object.metadata.?annotations.orValue({}))", "message": "no Helm"}],
    }
    group = "admissionregistration.k8s.io/v1"
    policy = {"apiVersion": group, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": "no-helm"}, "spec": spec}
    binding = {"policyName": "no-helm", "validationActions": ["Deny"]}
    bound = {"apiVersion": group, "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": "no-helm"}, "spec": binding}
    kube("apply", "-f", "-", input=as_list([policy, bound]))
    try:
        before = versions(kube)
        wait_until(lambda: helmtool("adopt", "test4", "--dry-run", code=None).code != 0)
        error = helmtool("adopt", "test4", "-o", "json", code=1).error
        assert "no Helm" in error["message"]
        assert versions(kube) == before
    finally:
        kube("delete", "validatingadmissionpolicybinding,validatingadmissionpolicy", "no-helm")


def test_undo_until_the_first_release(helmtool: Helmtool, kube: Kube) -> None:
    objects = today("test4")
    apply(kube, objects)
    running, content, held = pods(kube), bodies(kube), uids(kube)
    assert "nothing to give back" in helmtool("adopt", "test4", "--undo").out
    helmtool("adopt", "test4")
    before = versions(kube)
    assert "undo" in helmtool("adopt", "test4", "--undo", "--dry-run").out
    assert versions(kube) == before
    assert helmtool("adopt", "test4", "--undo", "-o", "json").json["written"] == len(held)
    assert (pods(kube), bodies(kube), uids(kube)) == (running, content, held)
    for kind, name in held:
        live = kube.get(kind.lower(), name)
        assert live
        assert not [m for m in (*live["metadata"].get("labels", {}), *live["metadata"].get("annotations", {})) if "helm" in m]
    apply(kube, today("test4", ":HG0301a"))
    assert kube.image == f"{REPOSITORY}:HG0301a"
    assert helmtool("release", "test4", TAG, "-o", "json", code=4).error["code"] == "not-ours"
    helmtool("adopt", "test4")
    helmtool("release", "test4", TAG, *QUICK)
    assert helmtool("adopt", "test4", "--undo", "-o", "json", code=4).error["code"] == "already-released"
    assert uids(kube) == held


@pytest.mark.usefixtures("logs")
def test_production_asks(checkout: Path, kube: Kube) -> None:
    helmtool = use(checkout, "prod")
    apply(kube, today("prod"))
    before = versions(kube)
    error = helmtool("adopt", "prod", "-o", "json", code=4).error
    assert (error["code"], error["hint"]) == ("not-confirmed", "review with helmtool adopt prod --dry-run, then add --yes")
    refused = helmtool.start("adopt", "prod", terminal=True).saw("Only their metadata changes.").type("n\n").wait()
    assert refused.code == 4
    assert versions(kube) == before
    asked = helmtool.start("adopt", "prod", terminal=True).saw("Only their metadata changes.").type("y\n").wait()
    assert asked.code == 0
    assert "4 objects of prod taken over" in asked.out


def test_a_versioned_secret_is_left_out_of_what_is_shown(checkout: Path, kube: Kube) -> None:
    """Its version comes from files that nobody reads here; today's stands for it."""
    helmtool = use(checkout, "test4", secrets="versioned")
    kube("apply", "-f", "-", input=as_list(today("test4")))
    shown = helmtool("adopt", "test4", "--dry-run", "-o", "json").json
    diff = by_kind(shown["nextRelease"])["Deployment"]["diff"]
    assert any("IfNotPresent" in line or "Recreate" in line for line in diff)
    assert [line for line in diff if "secretName" in line] == []


def test_without_the_right_to_patch_nothing_is_written(helmtool: Helmtool, kube: Kube, cluster: LocalCluster) -> None:
    apply(kube, today("test4"))
    resources = "namespaces,secrets,configmaps,services,deployments.apps,networkpolicies.networking.k8s.io,leases.coordination.k8s.io"
    kube("create", "serviceaccount", "reader")
    kube("create", "role", "reader", "--verb=get,list", f"--resource={resources}")
    kube("create", "rolebinding", "reader", "--role=reader", "--serviceaccount=dqm:reader")
    try:
        document = yaml.safe_load(Path(cluster.kubeconfig).read_text())
        for user in document["users"]:
            user["user"] = {"token": kube("create", "token", "reader").strip()}
        reader = helmtool.project / "reader"
        reader.write_text(yaml.safe_dump(document))
        before = versions(kube)
        error = helmtool("adopt", "test4", "--kubeconfig", str(reader), "-o", "json", code=5).error
        assert error["code"] == "cluster-forbidden"
        assert "cannot patch resource" in error["message"]
        assert versions(kube) == before
    finally:
        kube("delete", "rolebinding,role,serviceaccount", "reader")
