"""The plugin of a kubeconfig's user: when it is asked, by how many at once, and how long anybody waits for it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from certificates import pem

from helmtool.adapters.client import made_client
from helmtool.adapters.credentials import Credentials, CredentialsFailed, Plugin, plugin_of
from helmtool.adapters.kubeconfig import KubeconfigInvalid, read_access

V1 = "client.authentication.k8s.io/v1"


def made(folder: Path, script: str, more: str = "") -> Plugin:
    """A plugin of a few lines of shell, which are counted in `asked`, named relative to the kubeconfig."""
    program = folder / "plugin"
    program.write_text(f"#!/bin/sh\necho x >>{folder}/asked\n{script}\n")
    program.chmod(0o755)
    (folder / "config").write_text(
        "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
        "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1', certificate-authority: ca.pem}}]\n"
        f"users: [{{name: u, user: {{exec: {{apiVersion: {V1}, command: ./plugin, interactiveMode: Never}}{more}}}}}]\n"
    )
    found = plugin_of(read_access(str(folder / "config")))
    assert found
    return found


def gives(token: str, expires: datetime | None = None) -> str:
    status = {"token": token} | ({"expirationTimestamp": expires.strftime("%Y-%m-%dT%H:%M:%SZ")} if expires else {})
    return "echo '" + json.dumps({"apiVersion": V1, "kind": "ExecCredential", "status": status}) + "'"


def asked(folder: Path) -> int:
    return (folder / "asked").read_text().count("x")


def test_it_is_asked_once_for_many_threads(tmp_path: Path) -> None:
    plugin = made(tmp_path, "sleep 0.5\n" + gives("tok-1"))
    with ThreadPoolExecutor(8) as pool:
        found = [future.result() for future in [pool.submit(plugin.credentials) for _ in range(8)]]
    assert ({each.token for each in found}, asked(tmp_path)) == ({"tok-1"}, 1)


def test_it_is_asked_again_once_what_it_gave_is_refused(tmp_path: Path) -> None:
    plugin = made(tmp_path, f"{gives('tok-1')} >{tmp_path}/answer; cat {tmp_path}/answer")
    first = plugin.credentials()
    assert plugin.credentials() is first
    plugin.refused(first)
    second = plugin.credentials()
    plugin.refused(first)  # which another thread still had
    assert plugin.credentials() is second
    assert asked(tmp_path) == 2


def test_it_is_asked_again_once_what_it_gave_has_expired(tmp_path: Path) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=3)
    plugin = made(tmp_path, gives("tok-1", soon))
    first = plugin.credentials()
    assert first.expires == soon.replace(microsecond=0)
    while not first.expired:
        assert plugin.credentials() is first
        time.sleep(0.1)
    assert asked(tmp_path) == 1
    plugin.credentials()
    assert asked(tmp_path) == 2


def test_what_expired_before_it_was_given_is_the_servers_to_judge(tmp_path: Path) -> None:
    plugin = made(tmp_path, gives("tok-1", datetime(2001, 1, 1, tzinfo=UTC)))
    assert [plugin.credentials().token for _ in range(3)] == ["tok-1"] * 3
    assert asked(tmp_path) == 1


def test_a_time_that_is_none_is_refused_as_by_kubectl(tmp_path: Path) -> None:
    for time_, fits in (
        ("soon", False),
        ("2031-05-06", False),
        ("2031-05-06T07:08:09", False),
        (None, True),
        ("2031-05-06T07:08:09.5+02:00", True),
    ):
        answer = {"apiVersion": V1, "kind": "ExecCredential", "status": {"token": "tok-1", "expirationTimestamp": time_}}
        plugin = made(tmp_path, f"echo '{json.dumps(answer)}'")
        if fits:
            assert plugin.credentials().token == "tok-1"
        else:
            with pytest.raises(CredentialsFailed, match="not a time as in RFC 3339"):
                plugin.credentials()


def test_who_renews_a_lock_does_not_wait_for_it(tmp_path: Path) -> None:
    plugin = made(tmp_path, f"while [ ! -e {tmp_path}/go ]; do sleep 0.1; done\n{gives('tok-1')}")
    began = time.monotonic()
    with pytest.raises(CredentialsFailed, match=r"has not answered within 0\.5 s"):
        plugin.credentials(0.5)
    assert time.monotonic() - began < 10
    (tmp_path / "go").touch()
    assert plugin.credentials().token == "tok-1"
    assert asked(tmp_path) == 1


def test_it_knows_that_nobody_can_be_asked(tmp_path: Path) -> None:
    plugin = made(tmp_path, f'echo "$KUBERNETES_EXEC_INFO" >{tmp_path}/info\n{gives("tok-1")}')
    plugin.credentials()
    assert json.loads((tmp_path / "info").read_text()) == {"apiVersion": V1, "kind": "ExecCredential", "spec": {"interactive": False}}


def test_no_credentials_are_shown(tmp_path: Path) -> None:
    assert "tok-1" not in repr(made(tmp_path, gives("tok-1")).credentials())
    assert "key" not in repr(Credentials(certificate="certificate", key="the-key"))[:12]


def test_a_token_in_the_kubeconfig_needs_no_plugin(tmp_path: Path) -> None:
    made(tmp_path, "exit 1")
    file = tmp_path / "config"
    file.write_text(file.read_text().replace("exec: {", "token: abc, exec: {"))
    assert plugin_of(read_access(str(file))) is None


def test_the_clients_paths_count_from_the_kubeconfig(tmp_path: Path) -> None:
    made(tmp_path, "exit 1")
    (tmp_path / "ca.pem").write_bytes(pem("ca", days=1))
    client = made_client(read_access(str(tmp_path / "config")), Credentials("tok-1"))
    assert client.configuration.ssl_ca_cert == str(tmp_path / "ca.pem")
    assert client.configuration.api_key["BearerToken"] == "Bearer tok-1"


def test_a_key_that_a_plugin_hands_out_is_in_no_file(tmp_path: Path) -> None:
    made(tmp_path, "exit 1")
    both = pem("ca", days=1).decode()
    (tmp_path / "ca.pem").write_text(both)
    certificate, key = both[: both.index("-----BEGIN PRIVATE")], both[both.index("-----BEGIN PRIVATE") :]
    configuration = made_client(read_access(str(tmp_path / "config")), Credentials(certificate=certificate, key=key)).configuration
    assert Path(configuration.key_file).read_text() == key
    assert configuration.key_file.startswith("/proc/self/fd/")


@pytest.mark.parametrize("authority", ["", "nonsense"])
def test_an_authority_that_is_none(tmp_path: Path, authority: str) -> None:
    made(tmp_path, "exit 1")
    (tmp_path / "ca.pem").write_text(authority)
    with pytest.raises(CredentialsFailed, match="cannot be used: an entry of its user or cluster is not what kubectl expects"):
        made_client(read_access(str(tmp_path / "config")), Credentials("tok-1"))


def test_a_user_that_is_no_map(tmp_path: Path) -> None:
    made(tmp_path, "exit 1")
    file = tmp_path / "config"
    file.write_text(re.sub("user: {exec.*", "user: 3}]", file.read_text()))
    with pytest.raises(KubeconfigInvalid, match=r"users\[0\].user: expected a map, found a number"):
        read_access(str(file))


def test_without_files_of_memory_a_key_is_gone_with_the_process(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, sys; del os.memfd_create\nfrom helmtool.adapters.client import _held\n"
        "path = pathlib.Path(_held(b'key')); assert (path.read_text(), path.stat().st_mode & 0o77) == ('key', 0); print(path)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, "TMPDIR": str(tmp_path)}
    )
    assert done.stdout.startswith(str(tmp_path))
    assert list(tmp_path.iterdir()) == []
