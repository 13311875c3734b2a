"""Credentials that a plugin hands out, and that the API server stops accepting in the middle of a release.

The tokens are real ones of a ServiceAccount, bound to a Secret: they die when that is deleted.
"""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from certificates import pem
from cli import REPOSITORY, SHORT, UNSCHEDULABLE, Helmtool, Kube, Result, Running, helm_that_pauses, wait_until

from helmtool.adapters.local import kwok

pytestmark = pytest.mark.slow

ACCOUNT = "night-shift"
PATIENCE = 120.0
"""Seconds for a command that waits until a lock runs out, or for helm's deadline."""
LONG_LOCK = 30
"""Longer than the 10 s for which the API server remembers a token that it has accepted, so that the release ends before its lock."""


@dataclass
class Shift:
    """Somebody whose kubeconfig has a credentials plugin, which prints what stands in a file."""

    kube: Kube
    project: Path
    folder: Path
    variables: dict[str, str] = field(default_factory=dict)
    tokens: list[str] = field(default_factory=list)
    own: dict[str, str] = field(default_factory=dict)
    """The entry of the administrator in the cluster's own kubeconfig."""

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    def set_up(self) -> None:
        plugin = self.folder / "plugin"
        hang = "[ -e hang-for-all ] && sleep 600\n[ -e hang ] && grep -q ^helm /proc/$PPID/comm && sleep 600"
        answer = "cat answer\n[ ! -e answer.next ] || mv answer.next answer"
        plugin.write_text(f"#!/bin/sh\ncd {self.folder}\necho asked >>asked\n{hang}\n{answer}\n")
        plugin.chmod(plugin.stat().st_mode | stat.S_IXUSR)
        document = yaml.safe_load(self.kube.state.kubeconfig.read_text())
        entry = {"apiVersion": "client.authentication.k8s.io/v1", "command": "./plugin", "interactiveMode": "IfAvailable"}
        self.own = document["users"][0]["user"]
        document["users"][0]["user"] = {"exec": entry}
        self.kubeconfig.write_text(yaml.safe_dump(document))

    def new_token(self, lives: timedelta | None = None) -> None:
        """A token that the plugin hands out from now on, saying that it lives so long."""
        secret = f"{ACCOUNT}-{len(self.tokens)}"
        self.kube("create", "secret", "generic", secret)
        token = self.kube("create", "token", ACCOUNT, "--bound-object-kind", "Secret", "--bound-object-name", secret).strip()
        self.tokens.append(token)
        self.hand_out(token=token, **({"expirationTimestamp": (datetime.now(UTC) + lives).isoformat()} if lives else {}))

    def hand_out(self, **status: str) -> None:
        """What the plugin prints from now on."""
        answer = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}
        (self.folder / "answer.new").write_text(json.dumps(answer))
        (self.folder / "answer.new").rename(self.folder / "answer")

    def hand_out_next(self, **status: str) -> None:
        """What it prints from the second time on."""
        first = (self.folder / "answer").read_text()
        self.hand_out(**status)
        (self.folder / "answer").rename(self.folder / "answer.next")
        (self.folder / "answer").write_text(first)

    @property
    def asked(self) -> int:
        """How often the plugin was started."""
        return (self.folder / "asked").read_text().count("asked")

    def revoke(self) -> None:
        """The newest token dies; waits until the API server refuses it."""
        self.kube("delete", "secret", f"{ACCOUNT}-{len(self.tokens) - 1}")
        document = yaml.safe_load(self.kube.state.kubeconfig.read_text())
        document["users"][0]["user"] = {"token": self.tokens[-1]}
        (self.folder / "revoked").write_text(yaml.safe_dump(document))
        argv = ("--kubeconfig", str(self.folder / "revoked"), "get", "namespace", "dqm")
        wait_until(lambda: b"Unauthorized" in kwok.kubectl(self.kube.state, *argv).stderr)

    def start(self, *arguments: str, terminal: bool = False) -> Running:
        helmtool = Helmtool(self.project, self.variables)
        return helmtool.start("--kubeconfig", str(self.kubeconfig), *arguments, "-o", "json", terminal=terminal)

    def paused_at(self, command: str, meanwhile: Callable[[], object], *arguments: str) -> Result:
        """A release of HG0105b in which something happens right before `helm COMMAND`."""
        helm = helm_that_pauses(self.folder, command)
        self.variables = helm.variables
        running = self.start("release", "local", "HG0105b", *arguments)
        helm.wait()
        meanwhile()
        helm.go_on()
        return self.end(running)

    def end(self, running: Running) -> Result:
        """How it ended; no token was in what it printed."""
        running.process.wait(PATIENCE)
        result = running.wait()
        assert not [token for token in self.tokens if token in result.out + result.err or token[-20:] in result.out + result.err]
        return result

    def release(self, tag: str) -> None:
        """The next release gets on with a token that holds."""
        self.new_token()
        result = self.end(self.start("release", "local", tag))
        assert result.code == 0, result
        assert self.kube.serving == [f"{REPOSITORY}:{tag}"]


@pytest.fixture
def shift(project: Path, kube: Kube, tmp_path: Path) -> Iterator[Shift]:
    """HG0105a serves."""
    lock_lasts(project, LONG_LOCK)
    folder = tmp_path / "shift"
    folder.mkdir()
    kube("create", "serviceaccount", ACCOUNT)
    kube("create", "clusterrolebinding", ACCOUNT, "--clusterrole=cluster-admin", f"--serviceaccount=dqm:{ACCOUNT}")
    shift = Shift(kube, project, folder)
    shift.set_up()
    try:
        shift.release("HG0105a")
        yield shift
    finally:
        kube("delete", "--ignore-not-found", "clusterrolebinding", ACCOUNT)


def lock_lasts(project: Path, seconds: int) -> None:
    file = project / "values/environments.yaml"
    document = yaml.safe_load(file.read_text())
    document["environments"]["local"]["lockSeconds"] = seconds
    file.write_text(yaml.safe_dump(document, sort_keys=False))


def refused(result: Result, code: int, kind: str) -> dict[str, Any]:
    """The error of a release that its credentials ended: what to type for new ones comes first."""
    error = result.error
    assert (result.code, error["code"]) == (code, kind), result
    assert "does not accept" in error["message"]
    assert error["hint"].startswith("export OS_TOKEN=$(openstack token issue -c id -f value)"), error
    return error


def test_refused_before_anything_is_written(shift: Shift, kube: Kube) -> None:
    shift.revoke()
    before = kube.versions()
    for command in (("release", "local", "HG0105b"), ("rollback", "local"), ("history", "local"), ("unlock", "local", "--yes")):
        error = refused(shift.end(shift.start(*command)), 5, "credentials-refused")
        assert "also those that its credentials plugin gave when it was asked again" in error["message"]
    assert kube.versions() == before
    shift.release("HG0105b")


def test_refused_while_helm_runs(shift: Shift, kube: Kube) -> None:
    error = refused(shift.paused_at("upgrade", shift.revoke), 1, "release-failed")
    assert "nothing is rolled back" in error["message"]
    assert "left as it is: helm was under way with revision 2, which may be pending" in error["message"]
    assert error["hint"].endswith("; then: helmtool status local")
    assert kube.serving == [f"{REPOSITORY}:HG0105a"]
    shift.release("HG0105c")


def test_refused_during_the_watch(shift: Shift, kube: Kube) -> None:
    lock_lasts(shift.project, 3)
    running = shift.start("release", "local", "HG0105b", *UNSCHEDULABLE, "--timeout", "100s").saw("0 of 1 pods")
    shift.revoke()
    error = refused(shift.end(running), 1, "lock-lost")
    assert "left as it is: revision 2 is applied, and nobody has seen whether it serves" in error["message"]
    assert error["hint"].endswith("; then: helmtool status local")
    shift.release("HG0105c")


def test_refused_before_the_rollback(shift: Shift, kube: Kube) -> None:
    error = refused(shift.paused_at("rollback", shift.revoke, *UNSCHEDULABLE, *SHORT), 1, "release-failed")
    assert "the rollout of Deployment/newdqmgui" in error["message"]
    assert "left as it is: helm was under way with the rollback to revision 1" in error["message"]
    shift.release("HG0105c")


def test_a_plugin_that_gives_another_token_is_asked_again(shift: Shift, kube: Kube) -> None:
    """In the middle of a release, whose own requests and helm's go on."""

    def replace() -> None:
        shift.revoke()
        shift.new_token()

    result = shift.paused_at("upgrade", replace)
    assert result.code == 0, result.out + result.err
    assert kube.serving == [f"{REPOSITORY}:HG0105b"]


def test_a_token_that_says_when_it_expires_is_replaced_in_time(shift: Shift) -> None:
    """Not with each request, nor because of a 401: the plugin is asked when the time is over."""
    shift.new_token(timedelta(seconds=8))
    before = 0

    def expire() -> None:
        nonlocal before
        before = shift.asked
        shift.new_token(timedelta(hours=1))
        time.sleep(8)  # what is tested is time itself

    assert shift.paused_at("upgrade", expire).code == 0
    assert 2 <= shift.asked - before <= 4, "helmtool once, and each helm once"


def test_a_plugin_that_gives_another_certificate_is_asked_again(shift: Shift) -> None:
    """The API server does not know who signed the first one; connections that were made with it are not used for the second."""
    admin = {name: Path(shift.own[f"client-{name}"]).read_text() for name in ("certificate", "key")}
    unknown = pem("night-shift", days=1).decode()
    own, key = unknown.split("-----BEGIN PRIVATE")
    shift.hand_out(clientCertificateData=own, clientKeyData=f"-----BEGIN PRIVATE{key}")
    shift.hand_out_next(clientCertificateData=admin["certificate"], clientKeyData=admin["key"])
    before = shift.asked
    result = shift.end(shift.start("history", "local"))
    assert result.code == 0, result
    assert [line["tag"] for line in result.json] == ["HG0105a"]
    assert shift.asked - before == 2


def test_a_plugin_that_hangs_ends_the_command_before_its_lock(shift: Shift, kube: Kube) -> None:
    """Whoever renews the lock does not wait for the plugin as long as others do: nothing is written once it may be another's."""
    lock_lasts(shift.project, 10)
    shift.new_token(timedelta(seconds=12))
    running = shift.start("release", "local", "HG0105b", *UNSCHEDULABLE, "--timeout", "100s").saw("0 of 1 pods")
    (shift.folder / "hang-for-all").touch()
    error = shift.end(running).error
    ended = datetime.now(UTC)
    lease = json.loads(kube("get", "lease", "newdqmgui-lock", "-o", "json"))["spec"]
    assert error["code"] == "lock-lost", error
    assert "has not answered within" in error["message"]
    assert ended < datetime.fromisoformat(lease["renewTime"]) + timedelta(seconds=lease["leaseDurationSeconds"])
    (shift.folder / "hang-for-all").unlink()
    shift.release("HG0105c")


def test_a_plugin_that_hangs_inside_helm_is_ended(shift: Shift, kube: Kube) -> None:
    (shift.folder / "hang").touch()
    running = shift.start("release", "local", "HG0105b", "--timeout", "2s")
    result = shift.end(running)
    assert (result.code, result.error["code"]) == (1, "release-failed"), result
    assert "does the kubeconfig's credentials plugin wait for something?" in result.error["message"]
    assert "Helm has changed nothing, revision 1 serves" in result.error["message"]
    (shift.folder / "hang").unlink()
    shift.release("HG0105c")
    assert not _of(shift.folder)


def _of(folder: Path) -> list[str]:
    """Processes that were started from the folder and still run."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            found += [command] if f"{folder}/plugin" in command else []
    return found
