"""Releases that work, change nothing, are refused, or fail: what is written, what serves, what is said."""

from __future__ import annotations

import getpass
import json
import platform
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli import (
    REPOSITORY,
    ROOT,
    SHORT,
    UNSCHEDULABLE,
    Helmtool,
    Kube,
    add_hanging_hook,
    add_values,
    kill_with_children,
    other_helm,
    wait_until,
)

from helmtool.adapters import toolbox


def git(folder: Path, *arguments: str) -> str:
    argv = ["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=20).stdout.strip()


def test_first(helmtool: Helmtool, kube: Kube) -> None:
    result = helmtool("release", "local", "HG0105a")
    assert result.out == "local runs newdqmgui:HG0105a (revision 1)\n"
    assert kube.revisions == {1: "deployed"}
    assert kube.serving == [f"{REPOSITORY}:HG0105a"]
    assert {("Service", "newdqmgui"), ("ConfigMap", "newdqmgui"), ("NetworkPolicy", "newdqmgui-network-policy")} < set(kube.versions())
    for step in ("resolve", "prepull", "verify"):
        assert f"{step:<9} skipped: policy is off for local" in result.err


def test_change_and_no_change(helmtool: Helmtool, kube: Kube) -> None:
    helmtool("release", "local", "HG0105a")
    assert "(revision 2)" in helmtool("release", "local", "HG0105b").out
    assert kube.serving == [f"{REPOSITORY}:HG0105b"]
    before = kube.versions()
    again = helmtool("release", "local", "HG0105b")
    assert again.out == "local runs newdqmgui:HG0105b already (revision 2); nothing to do\n"
    assert kube.versions() == before
    assert kube.revisions == {1: "superseded", 2: "deployed"}


@pytest.mark.parametrize("released", [False, True])
def test_dry_run_writes_nothing(helmtool: Helmtool, kube: Kube, released: bool) -> None:
    if released:
        helmtool("release", "local", "HG0105a")
    before = kube.versions()
    result = helmtool("release", "local", "HG0205a", "--dry-run")
    assert f"{'change' if released else 'add':<6} Deployment/newdqmgui" in result.out
    assert f"image: {REPOSITORY}:HG0205a\n" in result.out
    assert "dry run: nothing was written" in result.err
    assert kube.versions() == before


def test_set(helmtool: Helmtool, kube: Kube) -> None:
    helmtool("release", "local", "HG0105a", "--set", "resources.limits.memory=2Gi", "--set", "podLabels.shift=night")
    template = kube.deployment["spec"]["template"]
    assert template["spec"]["containers"][0]["resources"]["limits"] == {"cpu": "1", "memory": "2Gi"}
    assert template["metadata"]["labels"]["shift"] == "night"
    helmtool("release", "local", "HG0105a")  # what is not said again is not kept
    assert "shift" not in kube.deployment["spec"]["template"]["metadata"]["labels"]


def test_what_is_remembered(helmtool: Helmtool, project: Path) -> None:
    helmtool = Helmtool(project)
    helmtool("release", "local", "HG0105a", "--note", "outside git")
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"]):
        git(project, *arguments)
    helmtool("release", "local", "HG0105b", "--note", "geprüft")
    add_values(project, "local", {"podLabels": {"a": "b"}})
    helmtool("release", "local", "HG0105b")
    commit, who = git(project, "rev-parse", "HEAD"), f"{getpass.getuser()}@{platform.node()}"
    records = [line["record"] for line in reversed(helmtool("history", "local", "-o", "json").json)]
    assert [(r["commit"], r["clean"], r["note"]) for r in records] == [
        ("", False, "outside git"),
        (commit, True, "geprüft"),
        (commit, False, ""),
    ]
    assert {(r["who"], r["action"], r["outcome"]) for r in records} == {(who, "release", "deployed")}
    assert [r["tag"] for r in records] == ["HG0105a", "HG0105b", "HG0105b"]


def test_json_is_one_document(helmtool: Helmtool, kube: Kube) -> None:
    first = helmtool("release", "local", "HG0105a", "-o", "json").json
    assert first | {"changes": []} == {
        "environment": "local",
        "image": f"{REPOSITORY}:HG0105a",
        "revision": 1,
        "deployed": True,
        "dryRun": False,
        "secrets": {"mode": "existing", "name": "newdqmgui-secrets", "new": False, "added": [], "removed": [], "changed": []},
        "changes": [],
    }
    assert {change["change"] for change in first["changes"]} == {"add"}
    again = helmtool("-o", "json", "release", "local", "HG0105a").json
    assert (again["deployed"], again["revision"], again["changes"]) == (False, 1, [])
    dry = helmtool("release", "local", "HG0105b", "--dry-run", "-o", "json").json
    assert (dry["dryRun"], dry["deployed"], [c["effect"] for c in dry["changes"]]) == (True, False, ["downtime"])
    failed = helmtool("release", "local", "HG0105c", *UNSCHEDULABLE, *SHORT, "-o", "json", code=1)
    assert failed.error["code"] == "release-failed"
    assert failed.error["problems"]
    assert helmtool("release", "local", "HG3201a", "-o", "json", code=3).error["code"] == "invalid-tag"


def test_a_rollout_that_fails_goes_back(helmtool: Helmtool, kube: Kube) -> None:
    helmtool("release", "local", "HG0105a")
    result = helmtool("release", "local", "HG0105b", *UNSCHEDULABLE, *SHORT, code=1)
    assert "took longer than the timeout" in result.err
    assert "Unschedulable: 0/1 nodes are available" in result.err
    assert "rolled back: revision 3 serves what revision 1 was" in result.err
    assert result.out == ""
    assert kube.revisions == {1: "superseded", 2: "superseded", 3: "deployed"}
    assert kube.serving == [f"{REPOSITORY}:HG0105a"]
    told = helmtool("history", "local").out
    assert "revision 2 (node-selector): the rollout of Deployment/newdqmgui" in told
    assert "Unschedulable" in told
    assert [(x["revision"], x["status"]) for x in helmtool("history", "local", "-o", "json").json] == [
        (3, "deployed"),
        (2, "failed"),
        (1, "superseded"),
    ]


def test_the_deadline_of_the_rollout_ends_it_before_the_timeout(helmtool: Helmtool, kube: Kube) -> None:
    sets = ["--set", "progressDeadlineSeconds=10", "--set", "probes.startup.periodSeconds=1", "--set", "probes.startup.failureThreshold=5"]
    result = helmtool("release", "local", "HG0105a", *UNSCHEDULABLE, *sets, "--timeout", "25s", code=1)
    assert "did not make progress before its deadline" in result.err


def test_no_rollback_leaves_it(helmtool: Helmtool, kube: Kube) -> None:
    helmtool("release", "local", "HG0105a")
    result = helmtool("release", "local", "HG0105b", *UNSCHEDULABLE, *SHORT, "--no-rollback", code=1)
    assert "left as it is (--no-rollback)" in result.err
    assert kube.image == f"{REPOSITORY}:HG0105b"
    assert kube.serving == []
    assert set(kube.revisions) == {1, 2}
    assert helmtool("status", "local", "-o", "json").json[0]["state"] == "not-ready"
    helmtool("release", "local", "HG0105c")
    assert kube.serving == [f"{REPOSITORY}:HG0105c"]


def test_a_first_install_that_fails_stays_and_the_next_release_works(helmtool: Helmtool, kube: Kube) -> None:
    result = helmtool("release", "local", "HG0105a", *UNSCHEDULABLE, *SHORT, code=1)
    assert "nothing served before, so nothing is rolled back" in result.err
    uid = kube.deployment["metadata"]["uid"]
    helmtool("release", "local", "HG0105a")
    assert kube.serving == [f"{REPOSITORY}:HG0105a"]
    assert kube.deployment["metadata"]["uid"] == uid
    assert [x["status"] for x in helmtool("history", "local", "-o", "json").json] == ["deployed", "failed"]


POLICY = {
    "failurePolicy": "Fail",
    "matchConstraints": {
        "resourceRules": [{"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["deployments"]}],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "dqm"}},
    },
    "validations": [{"expression": "!has(object.spec.template.spec.tolerations)", "message": "nobody tolerates anything here"}],
}


@pytest.fixture
def no_tolerations(kube: Kube) -> Iterator[str]:
    """A rule of the cluster's administrators against tolerations; gives what the API server says where it is broken."""
    meta = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": "no-tolerations"}}
    binding = {"policyName": "no-tolerations", "validationActions": ["Deny"]}
    kube("apply", "-f", "-", input=meta | {"kind": "ValidatingAdmissionPolicy", "spec": POLICY})
    kube("apply", "-f", "-", input=meta | {"kind": "ValidatingAdmissionPolicyBinding", "spec": binding})
    yield "nobody tolerates anything here"
    kube("delete", "validatingadmissionpolicy,validatingadmissionpolicybinding", "no-tolerations")


def test_what_only_the_server_refuses_is_found_before(helmtool: Helmtool, kube: Kube, no_tolerations: str) -> None:
    helmtool("release", "local", "HG0105a")
    before = kube.versions()
    sets = ("--set", "tolerations[0].operator=Exists")
    wait_until(lambda: helmtool("release", "local", "HG0105b", *sets, "--dry-run", code=None).code == 3)  # a policy needs a moment
    result = helmtool("release", "local", "HG0105b", *sets, "-o", "json", code=3)
    assert result.error["code"] == "preflight"
    assert "Deployment/newdqmgui" in [problem["path"] for problem in result.error["problems"]]
    assert no_tolerations in " ".join(problem["message"] for problem in result.error["problems"])
    assert kube.versions() == before


def test_a_pod_that_admission_refuses_is_found_before(helmtool: Helmtool, kube: Kube) -> None:
    limits = {"type": "Container", "max": {"memory": "1Gi"}}
    kube("apply", "-f", "-", input={"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "small"}, "spec": {"limits": [limits]}})
    try:
        before = kube.versions()
        result = helmtool("release", "local", "HG0105a", "-o", "json", code=3)
        assert "maximum memory usage per Container is 1Gi" in result.error["problems"][0]["message"]
        assert kube.versions() == before
    finally:
        kube("delete", "limitrange", "small")


def test_objects_of_other_hands_are_left_alone(helmtool: Helmtool, kube: Kube) -> None:
    kube("create", "service", "clusterip", "newdqmgui", "--tcp=80")
    before = kube.versions()
    for options in ([], ["--dry-run"]):
        result = helmtool("release", "local", "HG0105a", *options, "-o", "json", code=4)
        assert result.error["code"] == "not-ours"
        assert [p["path"] for p in result.error["problems"]] == ["Service/newdqmgui"]
    assert kube.versions() == before


def test_drift_is_told_and_taken_back(helmtool: Helmtool, kube: Kube) -> None:
    helmtool("release", "local", "HG0105a")
    kube("set", "image", "deployment/newdqmgui", f"*={REPOSITORY}:HG0101z")
    assert kube.image == f"{REPOSITORY}:HG0101z"
    seen = helmtool("diff", "local", "--detailed-exitcode", code=2)
    assert f"image: {REPOSITORY}:HG0101z" in seen.out
    assert "kubectl-set" in seen.err
    result = helmtool("release", "local", "HG0105a")
    assert "other hands have set fields that this release takes back" in result.err
    assert 'conflict with "kubectl-set"' in result.err
    assert kube.serving == [f"{REPOSITORY}:HG0105a"]


def test_killed_in_the_middle(helmtool: Helmtool, project: Path, kube: Kube) -> None:
    helmtool("release", "local", "HG0105a")
    add_hanging_hook(project)
    running = Helmtool(project).start("release", "local", "HG0105b", *SHORT)
    wait_until(lambda: kube.get("job", "hang"))
    kill_with_children(running.process)
    assert running.wait().code == -9
    assert kube.revisions == {1: "deployed", 2: "pending-upgrade"}
    before = kube.versions()
    refused = helmtool("release", "local", "HG0105b", "-o", "json", code=4)
    assert refused.error["code"] == "release-pending"
    assert refused.error["hint"] == "helmtool unlock local"
    assert kube.versions() == before
    assert kube.serving == [f"{REPOSITORY}:HG0105a"]
    assert helmtool("status", "local", "-o", "json").json[0]["state"] == "pending"
    helmtool("rollback", "local")
    assert kube.serving == [f"{REPOSITORY}:HG0105a"]
    helmtool("release", "local", "HG0105b")
    assert kube.serving == [f"{REPOSITORY}:HG0105b"]


def test_helm_alone_is_killed(helmtool: Helmtool, kube: Kube, tmp_path: Path) -> None:
    helmtool("release", "local", "HG0105a")
    script = 'if [ $1 = upgrade ]; then $real "$@" >/dev/null; kill -9 $$; fi'
    result = Helmtool(variables=other_helm(tmp_path, script))("release", "local", "HG0205a", code=1)
    assert "rolled back: revision 3 serves what revision 1 was" in result.err
    assert kube.serving == [f"{REPOSITORY}:HG0105a"]


@pytest.mark.parametrize("status", ["pending-upgrade", "pending-rollback"])
def test_left_pending_after_the_objects_were_written(helmtool: Helmtool, kube: Kube, status: str) -> None:
    helmtool("release", "local", "HG0105a")
    helmtool("release", "local", "HG0105b")
    kube.store_status(2, status)
    kube.store_status(1, "deployed")
    assert helmtool("release", "local", "HG0105c", "-o", "json", code=4).error["code"] == "release-pending"
    helmtool("rollback", "local")
    assert kube.serving == [f"{REPOSITORY}:HG0105a"]
    helmtool("release", "local", "HG0105c")
    assert kube.serving == [f"{REPOSITORY}:HG0105c"]


def test_a_first_install_that_was_killed(helmtool: Helmtool, kube: Kube) -> None:
    helmtool("release", "local", "HG0105a")
    kube.store_status(1, "pending-install")
    kube("delete", "configmap", "newdqmgui-releases")
    refused = helmtool("release", "local", "HG0105b", "-o", "json", code=4)
    assert refused.error["hint"] == "helmtool unlock local"
    helmtool("rollback", "local", "1", "--force")
    helmtool("release", "local", "HG0105b")
    assert kube.serving == [f"{REPOSITORY}:HG0105b"]


def test_two_at_once(helmtool: Helmtool, kube: Kube) -> None:
    helmtool("release", "local", "HG0105a")
    tags = ["HG0205a", "HG0205b"]
    running = [helmtool.start("release", "local", tag, "-o", "json", "--timeout", "20s") for tag in tags]
    results = [process.wait() for process in running]
    won = [tag for tag, result in zip(tags, results, strict=True) if result.code == 0]
    assert won, results
    for result in results:
        if result.code:
            assert result.code == 4, result
            assert result.error["code"] in ("locked", "changed-meanwhile"), result
            assert "helmtool " in result.error["hint"] or "--wait-lock" in result.error["hint"]
    newest = max(kube.revisions)
    assert [n for n, status in kube.revisions.items() if status == "deployed"] == [newest]
    assert len(kube.revisions) == 1 + len(won)
    lines = helmtool("history", "local", "-o", "json").json
    assert lines[0]["status"] == "deployed"
    assert [f"{REPOSITORY}:{lines[0]['tag']}"] == kube.serving
    assert lines[0]["tag"] in won
    helmtool("release", "local", "HG0305a")


def helm_upgrade(kube: Kube, values: str) -> None:
    argv = [str(toolbox.find("helm")), "--kubeconfig", str(kube.state.kubeconfig), "-n", "dqm", "upgrade", "newdqmgui"]
    argv += [str(ROOT / "charts/newdqmgui"), "--values", "-", "--reset-values", "--server-side=true"]
    subprocess.run(argv, input=values, text=True, capture_output=True, check=True, timeout=60)


def test_two_at_the_same_moment(helmtool: Helmtool, kube: Kube, tmp_path: Path) -> None:
    """The winner is a plain helm, which knows no lock; the loser gets Helm's own words, and touches neither its objects nor its record."""
    helmtool("release", "local", "HG0105a")
    here, go = tmp_path / "here", tmp_path / "go"
    words = "Error: UPGRADE FAILED: release: already exists"
    script = f"case $1 in upgrade) touch {here}; until [ -e {go} ]; do sleep 0.05; done; echo '{words}' >&2; exit 1;; esac"
    slower = Helmtool(variables=other_helm(tmp_path, script)).start("release", "local", "HG0205b", "-o", "json")
    wait_until(here.exists)
    helm_upgrade(kube, helmtool("values", "local", "HG0205a").out)
    go.touch()
    result = slower.wait()
    assert (result.code, result.error["code"]) == (4, "release-pending"), result
    wait_until(lambda: kube.serving)
    assert kube.serving == [f"{REPOSITORY}:HG0205a"]
    assert kube.revisions == {1: "superseded", 2: "deployed"}
    assert helmtool("status", "local", "-o", "json").json[0]["revision"] == 2


class TestProtected:
    """Where people ask before they change anything."""

    TAG = "HG0105a-stable"

    @pytest.fixture
    def protected(self, project: Path) -> Helmtool:
        return Helmtool(project)

    def test_without_a_terminal(self, protected: Helmtool, kube: Kube) -> None:
        before = kube.versions()
        result = protected("release", "prod", self.TAG, "-o", "json", code=4)
        assert result.error["code"] == "not-confirmed"
        assert "--yes" in result.error["hint"]
        assert kube.versions() == before

    def test_with_yes(self, protected: Helmtool, kube: Kube) -> None:
        result = protected("release", "prod", self.TAG, "--yes")
        assert kube.serving == [f"{REPOSITORY}:{self.TAG}"]
        assert "prod is known by its cluster's name alone" in result.err

    def test_asked_and_yes(self, protected: Helmtool, kube: Kube) -> None:
        running = protected.start("release", "prod", self.TAG, terminal=True)
        running.saw(f"Release {REPOSITORY}:{self.TAG} to prod? [y/N]")
        assert ("Deployment", "newdqmgui") not in kube.versions()
        result = running.type("y\n").wait()
        assert result.code == 0, result
        assert f"+        image: {REPOSITORY}:{self.TAG}" in result.err  # the diff comes before the question
        assert kube.serving == [f"{REPOSITORY}:{self.TAG}"]

    @pytest.mark.parametrize("answer", ["n\n", "\n", "\x04"])
    def test_asked_and_no(self, protected: Helmtool, kube: Kube, answer: str) -> None:
        before = kube.versions()
        running = protected.start("release", "prod", self.TAG, terminal=True).saw("[y/N]").type(answer)
        result = running.wait()
        assert result.code == (130 if answer == "\x04" else 4), result
        assert kube.versions() == before

    def test_changed_while_it_asked(self, protected: Helmtool, kube: Kube) -> None:
        protected("release", "prod", self.TAG, "--yes")
        running = protected.start("release", "prod", "HG0205a-stable", "-o", "json", terminal=True).saw("[y/N]")
        protected("release", "prod", "HG0305a-stable", "--yes")
        result = running.type("y\n").wait()
        assert (result.code, result.error["code"]) == (4, "changed-meanwhile")
        assert kube.serving == [f"{REPOSITORY}:HG0305a-stable"]

    def test_only_stable_tags(self, protected: Helmtool, kube: Kube) -> None:
        before = kube.versions()
        result = protected("release", "prod", "HG0105a", "--yes", "-o", "json", code=4)
        assert "stable" in result.error["message"]
        assert kube.versions() == before

    def test_a_rollback_asks_too(self, protected: Helmtool, kube: Kube) -> None:
        protected("release", "prod", self.TAG, "--yes")
        protected("release", "prod", "HG0205a-stable", "--yes")
        before = kube.versions()
        assert protected("rollback", "prod", "-o", "json", code=4).error["code"] == "not-confirmed"
        assert kube.versions() == before
        assert protected.start("rollback", "prod", terminal=True).saw("to 1? [y/N]").type("y\n").wait().code == 0
        assert kube.serving == [f"{REPOSITORY}:{self.TAG}"]


def test_without_the_namespace(project: Path, kube: Kube) -> None:
    file = project / "values/environments.yaml"
    file.write_text(file.read_text().replace("namespace: dqm", "namespace: nowhere"))
    result = Helmtool(project)("release", "local", "HG0105a", "-o", "json", code=3)
    assert result.error["code"] == "namespace-missing"


def test_helm_itself_sees_the_release(helmtool: Helmtool, kube: Kube) -> None:
    helmtool("release", "local", "HG0105a", "--note", "x")
    argv = [str(toolbox.find("helm")), "--kubeconfig", str(kube.state.kubeconfig), "-n", "dqm", "list", "-o", "json"]
    listed = json.loads(subprocess.run(argv, capture_output=True, check=True, timeout=20).stdout)
    assert [(r["name"], r["revision"], r["status"]) for r in listed] == [("newdqmgui", "1", "deployed")]
