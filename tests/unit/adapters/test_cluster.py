"""The API server's client, against a small HTTP server that answers as one: paths, bodies, errors."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from certificates import pem

from helmtool.adapters import connection as module
from helmtool.adapters.answer import Answer, ClusterForbidden, ClusterUnreachable
from helmtool.adapters.cluster import KIND_UNKNOWN, Cluster
from helmtool.adapters.credentials import CredentialsFailed, CredentialsRefused
from helmtool.adapters.kubeconfig import KubeconfigInvalid, read_access
from helmtool.errors import OperationFailed
from helmtool.model.manifest import ObjectKey

TOKEN = "s3cret-token"
CORE = [("LimitRange", "limitranges", True), ("LimitRange", "limitranges/status", True), ("Node", "nodes", False)]
APPS = [("StatefulSet", "statefulsets", True)]
POD = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}


def resources(entries: list[tuple[str, str, bool]]) -> dict[str, Any]:
    return {"kind": "APIResourceList", "resources": [{"kind": k, "name": n, "namespaced": ns} for k, n, ns in entries]}


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes


@dataclass
class FakeServer:
    """Answers by `METHOD /path`; keeps what was asked."""

    port: int = 0
    answers: dict[str, tuple[int, Any, list[str]]] = field(default_factory=dict)
    asked: list[Request] = field(default_factory=list)

    def on(self, what: str, status: int, body: Any, *warnings: str) -> None:
        self.answers[what] = (status, body, list(warnings))


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    file.write_bytes(pem("127.0.0.1", days=1))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@pytest.fixture
def server(authority: ssl.SSLContext) -> Iterator[FakeServer]:
    fake = FakeServer()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            fake.asked.append(Request(self.command, url.path, parse_qs(url.query), {k.lower(): v for k, v in self.headers.items()}, body))
            status, content, warnings = fake.answers.get(f"{self.command} {url.path}", (404, {"kind": "Status", "reason": "NotFound"}, []))
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            for text in warnings:
                self.send_header("Warning", text)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_PATCH = do_POST = do_PUT = _answer

        def log_message(self, *_: Any) -> None:
            """Silent."""

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.socket = authority.wrap_socket(httpd.socket, server_side=True)  # no credentials go over a plain connection
    fake.port = httpd.server_port
    fake.on("GET /api/v1", 200, resources(CORE))
    fake.on("GET /apis/apps/v1", 200, resources(APPS))
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield fake
    httpd.shutdown()
    httpd.server_close()
    thread.join()


def connect(tmp_path: Path, server: str, user: str = f"{{token: {TOKEN}}}") -> Cluster:
    file = tmp_path / "config"
    file.write_text(
        f"current-context: x\ncontexts: [{{name: x, context: {{cluster: c, user: u}}}}]\n"
        f"clusters: [{{name: c, cluster: {{server: '{server}', insecure-skip-tls-verify: true}}}}]\nusers: [{{name: u, user: {user}}}]\n"
    )
    return Cluster(read_access(str(file)), "dqm")


@pytest.fixture
def cluster(server: FakeServer, tmp_path: Path) -> Iterator[Cluster]:
    found = connect(tmp_path, f"https://127.0.0.1:{server.port}")
    yield found
    found.connection.client.pool_manager.clear()


KEY, RARE = ObjectKey("v1", "ConfigMap", "", "a"), ObjectKey("v1", "LimitRange", "", "a")


@pytest.mark.parametrize(
    ("key", "path"),
    [
        (KEY, "/api/v1/namespaces/dqm/configmaps/a"),
        (ObjectKey("v1", "ConfigMap", "other", "a"), "/api/v1/namespaces/other/configmaps/a"),
        (ObjectKey("v1", "Namespace", "", "dqm"), "/api/v1/namespaces/dqm"),
        (ObjectKey("v1", "LimitRange", "", "a"), "/api/v1/namespaces/dqm/limitranges/a"),
        (ObjectKey("v1", "Node", "ignored", "a"), "/api/v1/nodes/a"),
        (ObjectKey("apps/v1", "StatefulSet", "", "a"), "/apis/apps/v1/namespaces/dqm/statefulsets/a"),
        (ObjectKey("v1", "Namespace", "ignored", "dqm"), "/api/v1/namespaces/dqm"),
        (ObjectKey("apps/v1", "Deployment", "", "a"), "/apis/apps/v1/namespaces/dqm/deployments/a"),
        (ObjectKey("v1", "ConfigMap", "", "../../x?y"), "/api/v1/namespaces/dqm/configmaps/..%2F..%2Fx%3Fy"),
    ],
)
def test_paths(cluster: Cluster, key: ObjectKey, path: str) -> None:
    assert cluster.path(key) == path


def test_discovery_is_asked_once_for_each_version_also_by_many_threads(cluster: Cluster, server: FakeServer) -> None:
    cluster.in_parallel([lambda: cluster.path(RARE)] * 20 + [lambda: cluster.path(ObjectKey("apps/v1", "StatefulSet", "", "a"))] * 20)
    assert sorted(r.path for r in server.asked) == ["/api/v1", "/apis/apps/v1"]


def test_kinds_that_are_everywhere_need_no_discovery(cluster: Cluster, server: FakeServer) -> None:
    cluster.path(KEY)
    cluster.collection("coordination.k8s.io/v1", "Lease")
    assert server.asked == []


def test_an_unknown_kind_or_version(cluster: Cluster) -> None:
    for key in (ObjectKey("v1", "Nosuch", "", "a"), ObjectKey("nosuch/v1", "ConfigMap", "", "a")):
        with pytest.raises(OperationFailed, match=f"does not know the kind {key.kind} of {key.api_version}"):
            cluster.path(key)


def test_an_object_of_an_unknown_kind_is_not_there_and_cannot_be_applied(cluster: Cluster, server: FakeServer) -> None:
    key = ObjectKey("nosuch/v1", "Nosuch", "", "a")
    assert cluster.get(key) is None
    answer = cluster.apply({"apiVersion": "nosuch/v1", "kind": "Nosuch", "metadata": {"name": "a"}}, manager="helm", dry_run=True)
    assert (answer.status, answer.reason) == (404, KIND_UNKNOWN)
    assert answer.message == cluster.unknown_kind(key)
    assert cluster.unknown_kind(KEY) == ""
    assert {request.method for request in server.asked} == {"GET"}


def test_a_discovery_that_failed_is_said_and_not_kept(cluster: Cluster, server: FakeServer) -> None:
    server.on("GET /api/v1", 503, {"message": "starting"})
    with pytest.raises(ClusterUnreachable, match="answered 503: starting"):
        cluster.path(RARE)
    server.on("GET /api/v1", 200, resources(CORE))
    assert cluster.path(RARE)


def test_server_side_apply_as_a_dry_run(cluster: Cluster, server: FakeServer) -> None:
    path = "/api/v1/namespaces/dqm/configmaps/a"
    server.on(f"PATCH {path}", 200, POD, '299 - "old \\"field\\""', '299 - "second"', "nonsense")
    answer = cluster.apply(POD, manager="helm", dry_run=True)
    asked = server.asked[-1]
    assert (asked.method, asked.path, asked.query) == ("PATCH", path, {"fieldManager": ["helm"], "force": ["false"], "dryRun": ["All"]})
    assert asked.headers["content-type"] == "application/apply-patch+yaml"
    assert asked.headers["authorization"] == f"Bearer {TOKEN}"
    assert json.loads(asked.body) == POD
    assert (answer.status, answer.body, answer.warnings) == (200, POD, ('old "field"', "second"))


def test_an_apply_is_read_alike_as_yaml(cluster: Cluster, server: FakeServer) -> None:
    """A YAML reader refuses `\\ud83d\\ude00`, and some characters that JSON may hold raw."""
    server.on("PATCH /api/v1/namespaces/dqm/configmaps/a", 200, POD)
    manifest = {**POD, "data": {"text": "\U0001f600 \u2028\x85\x7f é"}}
    cluster.apply(manifest, manager="helm")
    assert json.loads(server.asked[-1].body) == manifest
    assert yaml.safe_load(server.asked[-1].body) == manifest


def test_a_real_apply_says_so(cluster: Cluster, server: FakeServer) -> None:
    server.on("PATCH /api/v1/namespaces/dqm/configmaps/a", 200, POD)
    cluster.apply(POD, manager="helm", force=True)
    assert server.asked[-1].query == {"fieldManager": ["helm"], "force": ["true"]}


@pytest.mark.parametrize(("status", "reason"), [(409, "Conflict"), (422, "Invalid")])
def test_a_refused_apply_is_the_callers_to_judge(cluster: Cluster, server: FakeServer, status: int, reason: str) -> None:
    server.on("PATCH /api/v1/namespaces/dqm/configmaps/a", status, {"kind": "Status", "message": "said", "reason": reason})
    answer = cluster.apply(POD, manager="helm")
    assert (answer.status, answer.message, answer.reason) == (status, "said", reason)


def test_create_and_replace(cluster: Cluster, server: FakeServer) -> None:
    server.on("POST /api/v1/namespaces/dqm/configmaps", 201, POD)
    server.on("PUT /api/v1/namespaces/dqm/configmaps/a", 409, {"kind": "Status", "reason": "Conflict"})
    assert cluster.create(POD).status == 201
    assert cluster.replace(POD).status == 409
    cluster.create_dry_run(POD)
    assert server.asked[-1].query == {"dryRun": ["All"]}
    assert {r.headers["content-type"] for r in server.asked if r.body} == {"application/json"}


def test_get_and_list(cluster: Cluster, server: FakeServer) -> None:
    assert cluster.get(KEY) is None
    server.on("GET /api/v1/namespaces/dqm/configmaps/a", 200, POD)
    assert cluster.get(KEY) == POD
    server.on("GET /api/v1/namespaces/dqm/configmaps", 200, {"kind": "ConfigMapList", "items": [POD]})
    assert cluster.list("v1", "ConfigMap", "app=x,y in (1,2)", "f=1") == [POD]
    assert server.asked[-1].query == {"labelSelector": ["app=x,y in (1,2)"], "fieldSelector": ["f=1"]}
    server.on("GET /api/v1/namespaces/dqm/configmaps", 200, {"kind": "ConfigMapList", "items": None})
    assert cluster.list("v1", "ConfigMap") == []


def test_an_error_of_the_server_is_never_an_object(cluster: Cluster, server: FakeServer) -> None:
    for status, body, said in ((500, {"message": "etcd"}, "500: etcd"), (429, b"slow down", "429: slow down"), (500, [], "500: ")):
        server.on("GET /api/v1/namespaces/dqm/configmaps/a", status, body)
        with pytest.raises(ClusterUnreachable, match=f"answered {said}"):
            cluster.get(KEY)


@pytest.mark.parametrize("body", [b"<html>please log in</html>", b"", b"\xff\xfe", [], "text"])
def test_what_is_no_api_server_is_said_and_never_taken_for_an_object(cluster: Cluster, server: FakeServer, body: Any) -> None:
    cluster.path(KEY)
    server.on("GET /api/v1/namespaces/dqm/configmaps/a", 200, body)
    with pytest.raises(ClusterUnreachable, match=r"what answers there \(200\) is not a Kubernetes API server"):
        cluster.get(KEY)


def test_the_namespace_and_the_uid_of_kube_system(cluster: Cluster, server: FakeServer) -> None:
    assert not cluster.namespace_exists()
    server.on("GET /api/v1/namespaces/dqm", 200, {"kind": "Namespace"})
    assert cluster.namespace_exists()
    server.on("GET /api/v1/namespaces/dqm", 500, {"message": "etcd"})
    with pytest.raises(ClusterUnreachable, match="500: etcd"):
        cluster.namespace_exists()
    server.on("GET /api/v1/namespaces/kube-system", 200, {"kind": "Namespace", "metadata": {"uid": "u-1"}})
    assert cluster.system_uid() == "u-1"
    server.on("GET /api/v1/namespaces/kube-system", 200, {"kind": "Namespace"})
    assert cluster.system_uid() == ""


def test_credentials_that_are_not_accepted_and_rights_that_are_missing(cluster: Cluster, server: FakeServer) -> None:
    server.on("GET /api/v1/namespaces/dqm/configmaps/a", 401, {"message": "Unauthorized"})
    with pytest.raises(CredentialsRefused, match="does not accept the credentials of context x") as refused:
        cluster.get(KEY)
    assert (refused.value.exit_code, refused.value.code) == (5, "credentials-refused")
    assert "openstack token issue" in refused.value.hint
    server.on("GET /api/v1/namespaces/dqm/configmaps/a", 403, {"message": 'configmaps is forbidden: User "ann" cannot get'})
    with pytest.raises(ClusterForbidden, match='User "ann" cannot get') as caught:
        cluster.get(KEY)
    assert (caught.value.exit_code, caught.value.hint) == (5, "kubectl auth can-i --list -n dqm")
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    ("message", "right"),
    [
        ('configmaps "a" is forbidden: User "ann" cannot patch resource "configmaps" in API group "" in the namespace "dqm"', True),
        ('pods "a" is forbidden: exceeded quota: q, requested: cpu=1, used: cpu=1, limited: cpu=1', False),
        ('pods "a" is forbidden: violates PodSecurity "restricted:latest": privileged', False),
        ('admission webhook "w" denied the request: no', False),
        ("", True),
    ],
)
def test_a_403_about_the_object_is_the_callers_to_judge(cluster: Cluster, server: FakeServer, message: str, right: bool) -> None:
    server.on("PATCH /api/v1/namespaces/dqm/configmaps/a", 403, {"kind": "Status", "reason": "Forbidden", "message": message})
    if right:
        with pytest.raises(ClusterForbidden):
            cluster.apply(POD, manager="helm", dry_run=True)
    else:
        assert cluster.apply(POD, manager="helm", dry_run=True).message == message


def test_a_json_patch(cluster: Cluster, server: FakeServer) -> None:
    server.on("PATCH /api/v1/namespaces/dqm/configmaps/a", 200, POD)
    operations = [{"op": "remove", "path": "/data"}]
    assert cluster.patch(KEY, operations, "helm").status == 200
    asked = server.asked[-1]
    assert (asked.headers["content-type"], asked.query) == ("application/json-patch+json", {"fieldManager": ["helm"]})
    assert json.loads(asked.body) == operations


def test_nothing_listens(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(ClusterUnreachable, match=rf"http://127.0.0.1:{port} \(cluster c\) does not answer: .*refused") as caught:
        connect(tmp_path, f"http://127.0.0.1:{port}").get(KEY)
    assert caught.value.exit_code == 5
    assert caught.value.hint.endswith("kubectl --context x get --raw /healthz")


def test_a_server_that_is_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "READ_TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(ClusterUnreachable, match="timed out"):
        connect(tmp_path, f"http://127.0.0.1:{silent.getsockname()[1]}").get(KEY)


def test_a_name_that_does_not_exist_gives_the_command_to_look_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(ClusterUnreachable) as caught:
        connect(tmp_path, "http://nosuch.invalid:6443").get(KEY)
    assert caught.value.hint.endswith("kubectl --context x get --raw /healthz")


@pytest.mark.parametrize(
    ("user", "said"),
    [
        ("{client-certificate: nosuch.pem, client-key: nosuch.pem}", "nosuch.pem: No such file or directory"),
        ("{tokenFile: /nosuch/token}", "/nosuch/token: No such file or directory"),
        ("{tokenFile: empty}", "/empty: it holds no token"),
        ("{auth-provider: {name: oidc, config: {}}}", "is not what kubectl expects"),
    ],
)
def test_a_user_that_the_client_cannot_read(tmp_path: Path, user: str, said: str) -> None:
    (tmp_path / "empty").touch()
    with pytest.raises(CredentialsFailed, match="context x of ") as caught:
        connect(tmp_path, "https://127.0.0.1:1", user).get(KEY)
    assert caught.value.exit_code == 5
    assert said in caught.value.message
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    ("user", "said"),
    [
        ("{client-key-data: secret-key}", "users[0].user.client-key-data: expected base64"),
        ("{client-key: [secret-key]}", "users[0].user.client-key: expected text, found a list"),
        ("{tokenFile: 5}", "users[0].user.tokenFile: expected text, found a number"),
        (f"{{token: {TOKEN}, username: ann, password: pw}}", "a token and a user name or password are both given"),
        (f"{{token: {TOKEN}, as-groups: [a]}}", "as-uid, as-groups or as-user-extra is given without as"),
        ("{client-certificate: a, client-certificate-data: YQ==, client-key: a}", "client-certificate and client-certificate-data"),
        ("{exec: {apiVersion: client.authentication.k8s.io/v1, command: a}}", "exec.interactiveMode is missing"),
    ],
)
def test_a_user_that_kubectl_refuses(tmp_path: Path, user: str, said: str) -> None:
    with pytest.raises(KubeconfigInvalid) as caught:
        connect(tmp_path, "https://127.0.0.1:1", user)
    assert said in caught.value.message
    assert not [secret for secret in ("secret-key", TOKEN) if secret in caught.value.message + caught.value.hint]


@pytest.mark.parametrize(
    ("user", "sent"),
    [
        (f"{{token: {TOKEN}}}", f"Bearer {TOKEN}"),
        (f"{{token: {TOKEN}, tokenFile: token}}", "Bearer of-the-file"),
        (f"{{token: {TOKEN}, tokenFile: nosuch}}", f"Bearer {TOKEN}"),
        ("{tokenFile: token}", "Bearer of-the-file"),
        ("{username: ann, password: pw}", "Basic YW5uOnB3"),
        ("{username: ann}", "Basic YW5uOg=="),
        ("{}", None),
    ],
)
def test_who_asks(server: FakeServer, tmp_path: Path, user: str, sent: str | None) -> None:
    (tmp_path / "token").write_text("of-the-file\n")
    found = connect(tmp_path, f"https://127.0.0.1:{server.port}", user)
    found.request("GET", "/api/v1")
    found.connection.client.pool_manager.clear()
    assert server.asked[-1].headers.get("authorization") == sent


@pytest.mark.parametrize(
    ("message", "admission"),
    [
        ('pods "x" is forbidden: exceeded quota: q, requested: pods=1', True),
        ('pods "x" is forbidden: violates PodSecurity "restricted:latest"', True),
        ('admission webhook "w.example.org" denied the request: no', True),
        ('pods is forbidden: User "ann" cannot create resource "pods" in API group "" in the namespace "dqm"', False),
        ("<html>forbidden</html>", False),
    ],
)
def test_what_admission_refuses_is_not_a_missing_right(message: str, admission: bool) -> None:
    assert Answer(403, {"message": message}).by_admission is admission


@pytest.mark.parametrize(
    ("body", "summary"),
    [
        ({}, "422"),
        ({"reason": "Invalid", "message": "s3cret"}, "422 Invalid"),
        (
            {
                "reason": "Invalid",
                "details": {
                    "kind": "Deployment",
                    "name": "newdqmgui",
                    "causes": [{"field": "spec.template.spec.containers[0].image", "message": "s3cret"}, {"field": "said s3cret"}],
                },
            },
            "422 Invalid (Deployment newdqmgui, spec.template.spec.containers[0].image)",
        ),
        ({"reason": "what s3cret", "details": {"kind": "a s3cret", "name": "x\ny", "causes": "s3cret"}}, "422"),
        ({"details": ["s3cret"]}, "422"),
    ],
)
def test_a_record_keeps_names_of_an_answer_alone(body: dict[str, Any], summary: str) -> None:
    assert Answer(422, body).summary == summary
