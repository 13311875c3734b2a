"""Versions of the secret: real sops, a real API server, etcd read directly."""

from __future__ import annotations

import base64
import json
import os
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cli import RELEASE, SHORT, UNSCHEDULABLE, Helmtool, Kube, add_values, kill_with_children, other_helm, wait_until
from encrypted import Checkout, make_checkout
from stored import stored_objects

from helmtool.adapters import toolbox
from helmtool.adapters.local.state import State

PASSWORD = b"hunter2-Correct'Horse\"Battery"
KEYTAB = b"\x05\x02\x00\x00\x00\x4a" + random.Random(1).randbytes(70)
FILES = {"newdqmgui.keytab": KEYTAB, "password": PASSWORD}
OTHER = {"newdqmgui.keytab": KEYTAB, "password": b"another-Password-99", "token": b"tok-en_0123456789"}


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    made = make_checkout(tmp_path / "secrets")
    made.put(FILES)
    return made


def versions(kube: Kube) -> dict[str, dict[str, Any]]:
    """The stored versions by name."""
    items = json.loads(kube("get", "secrets", "-l", "app.kubernetes.io/component=secret-version", "-o", "json"))["items"]
    return {item["metadata"]["name"]: item for item in items}


def mounted(kube: Kube) -> str:
    volumes = kube.deployment["spec"]["template"]["spec"]["volumes"]
    return next(volume["secret"]["secretName"] for volume in volumes if volume["name"] == "secrets")


def release(helmtool: Helmtool, checkout: Checkout, tag: str, *more: str, code: int = 0) -> Any:
    return helmtool("release", "local", tag, *checkout.options, *more, "-o", "json", code=code).json


class TestRelease:
    def test_the_first_makes_key_and_version(self, helmtool: Helmtool, kube: Kube, checkout: Checkout) -> None:
        done = release(helmtool, checkout, "HG0105a")
        name = done["secrets"]["name"]
        assert done["secrets"] == {
            "mode": "versioned",
            "name": name,
            "new": True,
            "added": ["newdqmgui.keytab", "password"],
            "removed": [],
            "changed": [],
        }
        assert mounted(kube) == name
        (stored,) = versions(kube).values()
        assert stored["immutable"] is True
        assert {k: base64.b64decode(v) for k, v in stored["data"].items()} == FILES
        assert [
            m["manager"]
            for m in json.loads(kube("get", "secret", name, "-o", "json", "--show-managed-fields"))["metadata"]["managedFields"]
        ] == ["helmtool-secrets"]
        assert kube.get("secret", "newdqmgui-secrets-key")

    def test_same_content_is_no_write(self, helmtool: Helmtool, kube: Kube, checkout: Checkout) -> None:
        release(helmtool, checkout, "HG0105a")
        before = kube.versions()
        again = release(helmtool, checkout, "HG0105a")
        assert (again["deployed"], again["changes"], again["secrets"]["new"]) == (False, [], False)
        assert kube.versions() == before

    def test_another_tag_keeps_the_version(self, helmtool: Helmtool, kube: Kube, checkout: Checkout) -> None:
        name = release(helmtool, checkout, "HG0105a")["secrets"]["name"]
        before = kube.versions()[("Secret", name)]
        assert release(helmtool, checkout, "HG0105b")["secrets"]["name"] == name
        assert kube.versions()[("Secret", name)] == before

    def test_changed_content_is_a_new_name_and_a_new_pod(self, helmtool: Helmtool, kube: Kube, checkout: Checkout) -> None:
        old = release(helmtool, checkout, "HG0105a")["secrets"]["name"]
        template = kube.deployment["spec"]["template"]
        checkout.put(OTHER)
        done = release(helmtool, checkout, "HG0105a")
        assert done["secrets"]["name"] != old
        assert (done["secrets"]["added"], done["secrets"]["changed"]) == (["token"], ["password"])
        change = next(c for c in done["changes"] if c["kind"] == "Secret")
        assert {"+  token: <redacted>", "+  password: <redacted, changed>"} <= set(change["diff"])
        assert kube.deployment["spec"]["template"] != template
        assert set(versions(kube)) == {old, done["secrets"]["name"]}  # the revision before names the old one

    def test_dry_run_and_diff_write_nothing(self, helmtool: Helmtool, kube: Kube, checkout: Checkout) -> None:
        release(helmtool, checkout, "HG0105a")
        checkout.put(OTHER)
        before = kube.versions()
        dry = helmtool("release", "local", "HG0105a", *checkout.options, "--dry-run")
        assert "+  token: <redacted>" in dry.out
        shown = helmtool("diff", "local", *checkout.options)
        assert "added token; changed password" in shown.err
        assert "+  token: <redacted>" in shown.out
        assert "no changes" in helmtool("diff", "local", "--set", "secrets.mode=versioned").err
        assert kube.versions() == before

    def test_rollback_brings_the_old_one_back(self, helmtool: Helmtool, kube: Kube, checkout: Checkout) -> None:
        old = release(helmtool, checkout, "HG0105a")["secrets"]["name"]
        checkout.put(OTHER)
        release(helmtool, checkout, "HG0105b")
        dry = helmtool("rollback", "local", "--dry-run").out
        assert {"-  token: <redacted>", "+  password: <redacted, changed>"} <= set(dry.splitlines())
        helmtool("rollback", "local")
        assert mounted(kube) == old
        assert old in versions(kube)

    def test_rollback_to_a_secret_that_is_gone(self, helmtool: Helmtool, kube: Kube, checkout: Checkout) -> None:
        old = release(helmtool, checkout, "HG0105a")["secrets"]["name"]
        checkout.put(OTHER)
        release(helmtool, checkout, "HG0105b")
        kube("delete", "secret", old)
        before = kube.versions()
        refused = helmtool("rollback", "local", "-o", "json", code=4)
        assert refused.error["code"] == "secret-gone"
        assert old in refused.error["message"]
        assert kube.versions() == before
        helmtool("rollback", "local", "--force")
        assert mounted(kube) == old

    def test_unchanged_needs_no_identity(self, helmtool: Helmtool, kube: Kube, checkout: Checkout, project: Path) -> None:
        name = release(helmtool, checkout, "HG0105a")["secrets"]["name"]
        kept = ("--secrets-unchanged", "--set", "secrets.mode=versioned", "-o", "json")
        assert helmtool("release", "local", "HG0105b", *kept).json["secrets"]["name"] == name
        assert mounted(kube) == name
        kube("delete", "secret", name)
        assert helmtool("release", "local", "HG0105c", *kept, code=4).error["code"] == "secret-gone"

    def test_nothing_to_keep(self, helmtool: Helmtool, kube: Kube) -> None:
        result = helmtool("release", "local", "HG0105a", "--secrets-unchanged", "--set", "secrets.mode=versioned", "-o", "json", code=3)
        assert result.error["code"] == "no-secret-in-use"
        result = helmtool("release", "local", "HG0105a", "--set", "secrets.mode=versioned", "-o", "json", code=2)
        assert result.error["code"] == "services-config-missing"
        assert kube.revisions == {}

    def test_from_the_secret_of_today(self, helmtool: Helmtool, kube: Kube, checkout: Checkout) -> None:
        helmtool("release", "local", "HG0105a")
        assert mounted(kube) == "newdqmgui-secrets"
        before = kube.versions()[("Secret", "newdqmgui-secrets")]
        result = helmtool("release", "local", "HG0105b", *checkout.options)
        assert "the Secret newdqmgui-secrets of today stays as it is" in result.err
        assert "added password; changed newdqmgui.keytab" in result.err
        assert kube.versions()[("Secret", "newdqmgui-secrets")] == before

    def test_a_version_in_use_that_was_deleted_is_made_again(self, helmtool: Helmtool, kube: Kube, checkout: Checkout) -> None:
        name = release(helmtool, checkout, "HG0105a")["secrets"]["name"]
        kube("delete", "secret", name)
        assert release(helmtool, checkout, "HG0105a")["secrets"]["new"] is True
        assert name in versions(kube)

    def test_a_secret_that_is_not_what_its_name_says(self, helmtool: Helmtool, kube: Kube, checkout: Checkout) -> None:
        name = release(helmtool, checkout, "HG0105a")["secrets"]["name"]
        kube("delete", "secret", name)
        kube("create", "secret", "generic", name, "--from-literal=password=something-else")
        result = helmtool("release", "local", "HG0105b", *checkout.options, "-o", "json", code=4)
        assert result.error["code"] == "secret-differs"
        assert "added newdqmgui.keytab; changed password" in result.error["message"]
        assert kube.revisions == {1: "deployed"}


class TestModes:
    def test_inline_is_warned_about_and_refused_where_protected(self, project: Path, kube: Kube) -> None:
        content = base64.b64encode(PASSWORD).decode()
        for name in ("local", "prod"):
            add_values(project, name, {"secrets": {"mode": "inline", "name": "inline-secret", "data": {"password": content}}})
        helmtool = Helmtool(project)
        result = helmtool("release", "prod", "HG0105a-stable", "--yes", "-o", "json", code=4)
        assert result.error["code"] == "inline-secrets"
        result = helmtool("release", "local", "HG0105a")
        assert "secrets.mode is inline" in result.err
        assert content not in result.err + result.out

    def test_vault_makes_none(self, project: Path, kube: Kube, checkout: Checkout) -> None:
        vault = {"secrets": {"mode": "vault", "vault": {"files": ["password"]}}, "serviceAccount": {"name": "newdqmgui-sa", "create": True}}
        add_values(project, "local", vault)
        helmtool = Helmtool(project)
        assert "Vault injects them" in helmtool("release", "local", "HG0105a").err
        assert versions(kube) == {}
        result = helmtool("release", "local", "HG0105b", *checkout.options, "-o", "json", code=2)
        assert "secrets.mode vault" in result.error["message"]

    def test_existing_stays_the_default_of_the_chart(self, helmtool: Helmtool, kube: Kube) -> None:
        assert "newdqmgui-secrets is mounted as it is" in helmtool("release", "local", "HG0105a").err
        assert versions(kube) == {}


class TestKey:
    def test_a_lost_key_is_said_before(self, helmtool: Helmtool, kube: Kube, checkout: Checkout) -> None:
        old = release(helmtool, checkout, "HG0105a")["secrets"]["name"]
        kube("delete", "secret", "newdqmgui-secrets-key")
        dry = helmtool("release", "local", "HG0105a", *checkout.options, "--dry-run")
        assert "the key of the secrets' names is gone" in dry.err
        assert kube.get("secret", "newdqmgui-secrets-key") is None
        assert release(helmtool, checkout, "HG0105a")["secrets"]["name"] != old

    def test_a_damaged_key(self, helmtool: Helmtool, kube: Kube, checkout: Checkout) -> None:
        kube("create", "secret", "generic", "newdqmgui-secrets-key", "--from-literal=key=too-short")
        result = helmtool("release", "local", "HG0105a", *checkout.options, "-o", "json", code=1)
        assert result.error["code"] == "secret-key-damaged"
        assert "too-short" not in result.out + result.err

    def test_of_two_at_once_one_makes_it(self, helmtool: Helmtool, kube: Kube, checkout: Checkout) -> None:
        arguments = ("secrets", "apply", "local", *checkout.options, "--wait-lock", "20s", "-o", "json")
        running = [helmtool.start(*arguments) for _ in range(3)]
        results = [one.wait() for one in running]
        assert [result.code for result in results] == [0, 0, 0], results
        assert len({result.json["name"] for result in results}) == 1
        assert len(versions(kube)) == 1


class TestPrune:
    def test_what_nothing_names_goes_and_what_something_names_stays(self, helmtool: Helmtool, kube: Kube, checkout: Checkout) -> None:
        unused = helmtool("secrets", "apply", "local", *checkout.options, "-o", "json").json["name"]
        assert list(versions(kube)) == [unused]
        checkout.put(OTHER)
        names = {}
        for who in ("pod", "lease"):
            checkout.put({"password": f"content-for-{who}".encode()})
            names[who] = helmtool("secrets", "apply", "local", *checkout.options, "-o", "json").json["name"]
        volume = {"name": "v", "secret": {"secretName": names["pod"]}}
        container = {"name": "c", "image": "nothing"}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "user"}, "spec": {"containers": [container], "volumes": [volume]}}
        kube("apply", "-f", "-", input=pod)
        lease = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": "other", "annotations": {"x": names["lease"]}},
        }
        kube("apply", "-f", "-", input=lease)
        checkout.put(OTHER)
        result = helmtool("release", "local", "HG0105a", *checkout.options)
        assert f"removed {unused}" in result.err
        assert set(versions(kube)) == {*names.values(), mounted(kube)}

    def test_failed_and_pending_revisions_keep_theirs(self, helmtool: Helmtool, kube: Kube, checkout: Checkout) -> None:
        release(helmtool, checkout, "HG0105a")
        checkout.put(OTHER)
        helmtool("release", "local", "HG0105b", *checkout.options, *UNSCHEDULABLE, *SHORT, code=1)
        failed = set(versions(kube))
        assert len(failed) == 2
        checkout.put({"password": b"the-third-content"})
        release(helmtool, checkout, "HG0105c")
        assert failed < set(versions(kube))
        kube.store_status(2, "pending-upgrade")  # an older one that a killed helm left
        checkout.put({"password": b"the-fourth-content"})
        release(helmtool, checkout, "HG0105d")
        assert failed < set(versions(kube))

    def test_of_two_releases_at_once_neither_loses_its_version(
        self, helmtool: Helmtool, kube: Kube, checkout: Checkout, tmp_path: Path
    ) -> None:
        release(helmtool, checkout, "HG0105a")
        other = make_checkout(tmp_path / "other")
        checkout.put({"password": b"content of the one"})
        other.put({"password": b"content of the other"})
        started = [helmtool.start("release", "local", "HG0105b", *c.options, "--wait-lock", "20s") for c in (checkout, other)]
        results = [one.wait() for one in started]
        assert sorted(result.code for result in results) in ([0, 4], [0, 0]), results
        assert mounted(kube) in versions(kube)
        assert len(versions(kube)) == 1 + sum(result.code == 0 for result in results)

    def test_one_that_is_claimed_meanwhile_stays(self, helmtool: Helmtool, kube: Kube, checkout: Checkout) -> None:
        from helmtool.adapters.secrets import VersionStore

        name = helmtool("secrets", "apply", "local", *checkout.options, "-o", "json").json["name"]
        store = store_of(kube)
        assert isinstance(store, VersionStore)
        (seen,) = store.versions()
        assert store.claim(seen, "another release")
        assert store.delete(seen) is False
        assert name in versions(kube)
        (now,) = store.versions()
        assert store.delete(now) is True
        assert store.claim(now, "too late") is False


def store_of(kube: Kube) -> Any:
    from helmtool.adapters.cluster import Cluster
    from helmtool.adapters.kubeconfig import read_access
    from helmtool.adapters.local.objects import NAMESPACE
    from helmtool.adapters.secrets import VersionStore

    return VersionStore(Cluster(read_access(str(kube.state.kubeconfig)), NAMESPACE), RELEASE)


def test_killed_between_secret_and_release(helmtool: Helmtool, kube: Kube, checkout: Checkout, tmp_path: Path) -> None:
    release(helmtool, checkout, "HG0105a")
    checkout.put(OTHER)
    slow = Helmtool(variables=other_helm(tmp_path, 'case "$1" in upgrade) sleep 60;; esac') | {"PATH": os.environ["PATH"]})
    link_sops(tmp_path)
    running = slow.start("release", "local", "HG0105b", *checkout.options)
    wait_until(lambda: len(versions(kube)) == 2)
    wait_until(lambda: b"helm upgrade" in running._outputs["err"])
    kill_with_children(running.process)
    running.wait()
    left = next(name for name in versions(kube) if name != mounted(kube))
    checkout.put({"password": b"the-third-content"})
    kube("delete", "lease", "--all")  # what waiting for its end does too
    release(helmtool, checkout, "HG0105c")
    assert left not in versions(kube)


def link_sops(folder: Path) -> None:
    """The other helm has a cache folder of its own; sops is looked for there too."""
    for program in ("sops", "age-keygen"):
        target = folder / "cache/helmtool/tools" / f"{program}-{toolbox.VERSIONS[program]}"
        target.mkdir(parents=True)
        (target / program).symlink_to(toolbox.find(program))


def test_list(helmtool: Helmtool, kube: Kube, checkout: Checkout) -> None:
    assert helmtool("secrets", "list", "local", "-o", "json").json == []
    release(helmtool, checkout, "HG0105a")
    checkout.put(OTHER)
    release(helmtool, checkout, "HG0105b")
    old, new = helmtool("secrets", "list", "local", "-o", "json").json
    assert (old["current"], new["current"]) == (False, True)
    assert (old["keys"], new["keys"]) == (sorted(FILES), sorted(OTHER))
    assert "revision 1 (superseded)" in old["users"]
    assert {"revision 2 (deployed)", "Deployment/newdqmgui"} < set(new["users"])
    table = helmtool("secrets", "list", "local").out
    assert "in use" in table
    assert new["name"] in table


def test_apply_tells_what_it_would_do(helmtool: Helmtool, kube: Kube, checkout: Checkout) -> None:
    before = kube.versions()
    assert "would be applied" in helmtool("secrets", "apply", "local", *checkout.options, "--dry-run").out
    assert kube.versions() == before
    assert "applied" in helmtool("secrets", "apply", "local", *checkout.options).out
    assert "is there already" in helmtool("secrets", "apply", "local", *checkout.options).out
    assert kube.revisions == {}


def test_nothing_of_it_is_in_helms_storage(helmtool: Helmtool, kube: Kube, checkout: Checkout) -> None:
    release(helmtool, checkout, "HG0105a", "--note", "a note")
    checkout.put(OTHER)
    release(helmtool, checkout, "HG0105b")
    values = {PASSWORD, KEYTAB, *OTHER.values()}
    stored = stored_objects(kube.state)
    secrets = [name for name in stored if name.startswith("/registry/secrets/dqm/newdqmgui-secrets-")]
    assert any(PASSWORD in stored[name] for name in secrets), "etcd is read where values are, else this test shows nothing"
    for name, content in stored.items():
        if name not in secrets:
            assert not [v for v in values if v in content or base64.b64encode(v) in content], name
    assert sum(name.startswith("/registry/secrets/dqm/sh.helm.release") for name in stored) == 2
    for what in (("values", "--all"), ("manifest",), ("hooks",), ("notes",)):
        said = helm(kube.state, "get", what[0], RELEASE, *what[1:])
        assert not [v for v in values if v in said or base64.b64encode(v) in said]


def helm(state: State, *arguments: str) -> bytes:
    environment = os.environ | {"KUBECONFIG": str(state.kubeconfig)}
    argv = [str(toolbox.find("helm")), *arguments, "-n", "dqm"]
    return subprocess.run(argv, env=environment, capture_output=True, check=True, timeout=30).stdout
