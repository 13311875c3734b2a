"""Kubeconfigs that lead elsewhere or nowhere, and API servers that do not answer as they should."""

from __future__ import annotations

import json
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from program import PATIENCE, Cli, FakeApi, Inside

CLOSED = "https://127.0.0.1:1"
SECRET = "s3cr3t-of-the-user"
RELEASE = ("release", "test4", "HG0105a")


def with_config(path: str | Path, *command: str) -> list[str]:
    return ["--kubeconfig", str(path), *(command or RELEASE)]


def test_another_environments_cluster(cli: Cli, api: FakeApi) -> None:
    config = cli.kubeconfig(api.url, cluster="cms-prodsrv")
    for command in (RELEASE, ("rollback", "test4"), ("diff", "test4")):
        error = cli.fails(*with_config(config, *command), code=4, says=["that is prod, not test4", "cms-prodsrv", "ends in cmsweb-test4"])
        assert error["code"] == "wrong-cluster"
        assert "helmtool env use test4" in error["hint"]
    assert api.asked == []


def test_a_cluster_of_no_environment(inside: Inside, api: FakeApi) -> None:
    for cluster in ("other", "prodsrv-test", "cmsweb-test44"):
        config = inside.kubeconfig(api.url, cluster=cluster)
        inside.fails(*with_config(config), code=4, says=["no environment has a cluster of that name", cluster])
    assert api.asked == []


def test_the_testbed_is_not_production(inside: Inside, api: FakeApi) -> None:
    config = inside.kubeconfig(api.url, cluster="cms-prodsrv-v1.22.9")
    inside.fails(*with_config(config, "release", "prod", "HG0105a-stable"), code=4, says=["that is preprod, not prod"])
    assert api.asked == []


def test_a_name_that_fits_two_environments(inside: Inside, api: FakeApi) -> None:
    file = inside.root / "values/environments.yaml"
    file.write_text(file.read_text().replace("[cmsweb-test4]", "[prodsrv]"))
    config = inside.kubeconfig(api.url, cluster="cms-prodsrv")
    inside.fails(*with_config(config), code=3, says=["values/environments.yaml:", "would also be"])
    assert api.asked == []


def test_a_pinned_server_is_compared_and_named(inside: Inside, api: FakeApi) -> None:
    file = inside.root / "values/environments.yaml"
    file.write_text(file.read_text().replace("[cmsweb-test4]", "[cmsweb-test4]\n      server: https://188.184.0.10:6443"))
    inside.fails(*with_config(inside.kubeconfig(api.url)), code=4, says=["pinned to https://188.184.0.10:6443", api.url])
    assert api.asked == []


CONTENTS = [
    ("", "holds no settings"),
    ("just text", "the file: expected a map, found text"),
    ("a: [\n", ":2:1: the kubeconfig is not YAML"),
    ("a: &a [*a]", "names no current context"),
    ("clusters: []", "names no current context"),
    ("current-context: {a: b}", "current-context: expected text, found a map"),
    ("current-context: a", "has no context 'a'; it has: none"),
    (
        "current-context: a\ncontexts: {a: 1}\nclusters: 5",
        "contexts: expected a list, found a map; clusters",
    ),
    ("current-context: a\ncontexts: [{name: b}, 5]", "contexts[1]: expected a map, found a number"),
    ("current-context: a\ncontexts: [{name: b}]", "has no context 'a'; it has: b"),
    ("current-context: a\ncontexts: [{name: a, context: {cluster: c}}]", "names cluster 'c', which is not in it"),
    ("current-context: a\ncontexts: [{name: a, context: 7}]", "contexts[0].context: expected a map, found a number"),
    ("current-context: a\ncontexts: [{name: a, context: {user: u}}]", "which is not in it"),
]
SERVERS = ["5", "", "188.184.0.10:6443", "https://", "https://[::1", "https://127.0.0.1:99999", "https://a b", "file:///etc/passwd"]
CONTENTS += [
    (
        f"current-context: a\ncontexts: [{{name: a, context: {{cluster: c}}}}]\nclusters: [{{name: c, cluster: {{server: '{server}'}}}}]",
        "no server",
    )
    for server in SERVERS
]


@pytest.mark.parametrize(("content", "said"), CONTENTS, ids=[str(number) for number in range(len(CONTENTS))])
def test_a_file_that_names_no_cluster(inside: Inside, content: str, said: str) -> None:
    path = inside.home / "config"
    path.write_text(content)
    assert inside.fails(*with_config(path), code=3, says=[said, str(path)])["code"] == "kubeconfig"


def test_a_file_that_is_not_there_or_not_readable(inside: Inside) -> None:
    inside.fails(*with_config("/nosuch/config"), code=3, says=["no kubeconfig at /nosuch/config", "--kubeconfig FILE"])
    inside.fails(*with_config(inside.home), code=3, says=["cannot be read: Is a directory", "ls -l"])
    (inside.home / "binary").write_bytes(b"\xff\x00\xfe")
    inside.fails(*with_config(inside.home / "binary"), code=3, says=["is not YAML"])
    inside.fails(*RELEASE, code=3, says=["no kubeconfig at", "K8s_tokens/config.cmsweb-test4"])
    inside.fails(*with_config(inside.kubeconfig(CLOSED), "--kube-context", "nosuch", *RELEASE), code=3, says=["it has: ctx"])
    inside.fails("release", "local", "HG0105a", code=5, says=["the embedded cluster is not up", "helmtool local up"])


def test_several_files_as_kubectl_merges_them(inside: Inside) -> None:
    good, empty = inside.kubeconfig(CLOSED), inside.home / "empty"
    empty.write_text("kind: Config")
    for joined in (f"/nosuch:{good}", f"{good}:/nosuch", f"{empty}:{good}"):
        inside.fails(*RELEASE, code=5, says=["does not answer", CLOSED], env={"KUBECONFIG": joined})
    inside.fails(*RELEASE, code=3, says=["no kubeconfig at /nosuch"], env={"KUBECONFIG": "/nosuch:/nosuch2"})
    inside.fails(*RELEASE, code=3, says=["config.cmsweb-test4"], env={"KUBECONFIG": ":"})


def over_tls(api: FakeApi) -> str:
    """Its address as one with TLS: without, no credentials are asked for. Nothing may be sent there, for it speaks none."""
    return api.url.replace("http:", "https:")


def plugin(cli: Cli, script: str) -> dict[str, Any]:
    """A user whose credentials come from a program."""
    path = cli.home / "plugin"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(path), "interactiveMode": "Never"}}


GIVEN = '{{"apiVersion": "client.authentication.k8s.io/{version}", "kind": "ExecCredential", "status": {status}}}'


def gives(status: str, version: str = "v1") -> str:
    """A line of shell that prints credentials."""
    return f"echo '{GIVEN.format(version=version, status=status)}'"


PLUGINS = [
    ("echo 'OS_TOKEN is not set' >&2; exit 1", "ended with 1: OS_TOKEN is not set"),
    (f"echo 'the token {SECRET} has expired' >&2; exit 1", "ended with 1: the token <redacted> has expired"),
    ("exit 3", "ended with 3: it said nothing"),
    ("kill -9 $$", "ended with -9"),
    (f"echo {SECRET}", "printed no credentials; expected an ExecCredential as JSON"),
    ("printf '\\377\\376'", "printed no credentials"),
    ("echo '[]'", "printed no credentials"),
    (gives("5"), "gives neither a token nor a certificate with its key"),
    (gives("{}"), "gives neither a token nor a certificate with its key"),
    (gives('{"clientCertificateData": "-----BEGIN"}'), "gives neither a token nor a certificate with its key"),
    (gives('{"token": 5}'), "gives a token or certificate that cannot be one"),
    (gives('{"token": "a\\u000ab"}'), "gives a token or certificate that cannot be one"),
    (gives(f'{{"token": "{SECRET}"}}', "v1beta1"), "speaks client.authentication.k8s.io/v1beta1; the kubeconfig expects client.auth"),
    # What asks for something gets no answer, for helm gives it no terminal either.
    ("read -r answer || { echo 'who are you?' >&2; exit 1; }", "ended with 1: who are you?"),
    ("read -r answer </dev/tty || { echo 'no terminal' >&2; exit 1; }", "no terminal"),
]


@pytest.mark.parametrize(("script", "said"), PLUGINS, ids=[str(number) for number in range(len(PLUGINS))])
def test_a_credentials_plugin_that_gives_none(inside: Inside, api: FakeApi, script: str, said: str) -> None:
    config = inside.kubeconfig(over_tls(api), user=plugin(inside, script))
    told = {"OS_TOKEN": SECRET}
    error = inside.fails(*with_config(config), code=5, says=["the credentials plugin of context ctx", config, said], env=told)
    assert error["code"] == "credentials"
    assert "OS_TOKEN" in error["hint"] or "kubectl config view" in error["hint"]
    assert SECRET not in json.dumps(error)
    assert api.asked == []


ENTRIES: list[tuple[dict[str, Any], str, str]] = [
    ({"command": "/nosuch"}, "is not there: expected the program /nosuch, found none", "kubectl config view"),
    ({"command": "nosuch-plugin"}, "expected the program nosuch-plugin on PATH, found none", "kubectl config view"),
    ({"command": "bin/nosuch", "installHint": "dnf install  it"}, "/bin/nosuch, found none", "dnf install it"),
    ({"command": "/bin/true\0"}, "has no command that can be one", "kubectl config view"),
    (
        {"apiVersion": "client.authentication.k8s.io/v1alpha1"},
        "v1alpha1; expected client.auth",
        "kubectl config view",
    ),
    ({"interactiveMode": "Always"}, "always asks at a terminal (interactiveMode: Always)", "OS_TOKEN"),
]


@pytest.mark.parametrize(("entry", "said", "hint"), ENTRIES, ids=[str(number) for number in range(len(ENTRIES))])
def test_a_credentials_plugin_that_cannot_be_asked(inside: Inside, api: FakeApi, entry: dict[str, Any], said: str, hint: str) -> None:
    user = plugin(inside, "exit 1")
    config = inside.kubeconfig(over_tls(api), user={"exec": user["exec"] | entry})
    error = inside.fails(*with_config(config), code=5, says=["the credentials plugin of context ctx", said])
    assert hint in error["hint"]
    assert api.asked == []


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"command": ""}, "exec.command is missing"),
        ({"apiVersion": None}, "exec.apiVersion is missing"),
        ({"interactiveMode": None}, "exec.interactiveMode is missing; expected one of Never, IfAvailable, Always"),
        ({"interactiveMode": "Maybe"}, "exec.interactiveMode is not one of Never, IfAvailable, Always"),
        ({"env": [{"value": SECRET}]}, "exec.env has an entry without a name"),
    ],
)
def test_a_credentials_plugin_that_kubectl_refuses(inside: Inside, api: FakeApi, entry: dict[str, Any], said: str) -> None:
    config = inside.kubeconfig(over_tls(api), user={"exec": plugin(inside, "exit 1")["exec"] | entry})
    error = inside.fails(*with_config(config), code=3, says=[said, config])
    assert error["code"] == "kubeconfig"
    assert SECRET not in json.dumps(error)


def test_a_credentials_plugin_that_waits_for_ever_is_ended_with_all_it_started(cli: Cli, api: FakeApi) -> None:
    config = cli.kubeconfig(over_tls(api), user=plugin(cli, f"echo $$ >{cli.home}/pid; sleep 300 & wait"))
    began = time.monotonic()
    ran = cli.run(*with_config(config), "-o", "json")
    assert (ran.code, ran.document["error"]["code"]) == (5, "credentials")
    assert "did not end within 20 s: does it wait for input?" in ran.document["error"]["message"]
    assert "OS_TOKEN" in ran.document["error"]["hint"]
    assert time.monotonic() - began < PATIENCE
    assert none_runs(int((cli.home / "pid").read_text()))
    assert api.asked == []


def none_runs(group: int) -> bool:
    """Whether no process of the group runs within a while; one that is dead may wait for its parent (proc(5), fields 3 and 5 of stat)."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        stats = [stat.rpartition(")")[2].split() for stat in map(read_stat, Path("/proc").glob("[0-9]*/stat")) if stat]
        if not [fields for fields in stats if int(fields[2]) == group and fields[0] not in "ZX"]:
            return True
        time.sleep(0.2)
    return False


def read_stat(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""


USERS = [
    (5, 3),
    ([], 3),
    ({"client-certificate": "/nosuch", "client-key": "/nosuch"}, 5),
    ({"client-certificate-data": "%%%", "client-key-data": "%%%"}, 3),
    ({"client-certificate-data": "Zm9v", "client-key-data": "Zm9v"}, 5),
    ({"tokenFile": "/nosuch"}, 5),
    ({"token": 5}, 3),
    ({"token": f"{SECRET}\nX-Header: a"}, 5),
    ({"auth-provider": {"name": "oidc", "config": {"client-secret": SECRET}}}, 5),
    ({"auth-provider": {"name": "gcp", "config": SECRET}}, 3),
    ({"username": SECRET, "password": SECRET}, 5),
    ({"exec": SECRET}, 3),
    ({"exec": {"command": SECRET}}, 3),
]
"""Users, and the exit code: 3 where client-go refuses the file as it stands, 5 where the credentials cannot be had or nothing answers."""


@pytest.mark.parametrize(("user", "code"), USERS, ids=[str(number) for number in range(len(USERS))])
def test_a_user_that_cannot_be_one(inside: Inside, user: Any, code: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.close()
        config = inside.kubeconfig(CLOSED, user=user)
        for output in ("text", "json"):
            ran = inside.run(*with_config(config), "-o", output)
            assert ran.code in (3, 5), ran
            assert SECRET not in ran.out + ran.err
        inside.fails(*with_config(config), code=code)


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_that_never_answers_is_given_up_soon(cli: Cli, silent: int, scheme: str) -> None:
    started = time.monotonic()
    ran = cli.run(*with_config(cli.kubeconfig(f"{scheme}://127.0.0.1:{silent}")), "-o", "json")
    assert (ran.code, ran.document["error"]["code"]) == (5, "cluster-unreachable")
    assert time.monotonic() - started < 10  # 5 s of patience, and the start of a program on a busy machine


def test_nothing_listens(inside: Inside) -> None:
    for command in (RELEASE, ("status", "test4"), ("history", "test4"), ("rollback", "test4")):
        started = time.monotonic()
        error = inside_fails(inside, inside.kubeconfig(CLOSED), command)
        assert time.monotonic() - started < 16
        assert "kubectl --context ctx get --raw /healthz" in error["hint"]


def inside_fails(cli: Cli, config: str, command: tuple[str, ...]) -> dict[str, Any]:
    return cli.fails(*with_config(config, *command), code=5, says=[CLOSED, "cmsweb-test4", "does not answer", "refused"])


FORBIDDEN = {"kind": "Status", "message": 'namespaces "dqm" is forbidden: User "u" cannot get', "reason": "Forbidden", "code": 403}
ANSWERS = [
    (401, {"kind": "Status", "message": "Unauthorized", "reason": "Unauthorized", "code": 401}, 5, "does not accept the credentials"),
    (403, FORBIDDEN, 5, 'User "u" cannot get'),
    (404, {"kind": "Status", "reason": "NotFound", "code": 404}, 3, "has no namespace dqm"),
    (500, {"kind": "Status", "message": "etcd", "code": 500}, 5, "answered 500: etcd"),
    (503, "oops", 5, "answered 503: oops"),
    (429, {"kind": "Status", "message": "later"}, 5, "answered 429: later"),
    (200, "<html>please log in</html>", 5, "is not a Kubernetes API server"),
    (403, "<html>forbidden by the proxy</html>", 5, "is not a Kubernetes API server"),
    (404, "<html>nothing here</html>", 5, "is not a Kubernetes API server"),
    (302, "", 5, "is not a Kubernetes API server"),
    (200, {}, 5, "is not a Kubernetes API server"),
    (200, [], 5, "is not a Kubernetes API server"),
    (200, '{"a": ', 5, "is not a Kubernetes API server"),
    (403, {"kind": "Status", "message": "\x1b[31m" + "x" * 50, "code": 403}, 5, "x" * 50),
]


@pytest.mark.parametrize(("status", "body", "code", "said"), ANSWERS, ids=[str(number) for number in range(len(ANSWERS))])
def test_an_api_server_that_says_no_or_is_none(inside: Inside, api: FakeApi, status: int, body: Any, code: int, said: str) -> None:
    api.answers(status, body)
    config = inside.kubeconfig(api.url)
    for command in (RELEASE, ("status", "test4"), ("rollback", "test4"), ("history", "test4")):
        inside.fails(*with_config(config, *command), code=code, says=[said])
    assert api.asked
    assert all(asked.startswith(("GET ", "POST /apis/authorization.k8s.io/")) for asked in api.asked)  # a review of rights writes nothing
