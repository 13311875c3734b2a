"""What is secret in a kubeconfig, and what must stay readable in a message about it."""

from __future__ import annotations

import base64
from typing import Any

import pytest
import yaml

from helmtool.model.kubeconfig_secrets import secret_values, secrets_of_kubeconfig

KEY = b"-----BEGIN PRIVATE KEY-----\nMIGHAgEA\n-----END PRIVATE KEY-----\n"
KEY_DATA = base64.b64encode(KEY).decode()
CERTIFICATE = base64.b64encode(b"-----BEGIN CERTIFICATE-----\nMIIB9TCC0123\n-----END CERTIFICATE-----\n").decode()
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl"


def of_user(user: dict[str, Any], cluster: dict[str, Any] | None = None) -> set[str]:
    return {value.decode() for value in secret_values(user, cluster or {})}


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ({"token": "t0k"}, {"t0k"}),
        ({"token": 12345678}, {"12345678"}),
        ({"username": "ann", "password": "pw"}, {"pw", "ann:pw"}),
        ({"client-key-data": KEY_DATA}, {KEY_DATA, KEY.decode()}),
        ({"client-key-data": "not base64!"}, {"not base64!"}),
        ({"client-key": "/keys/admin.key", "tokenFile": "/run/token", "client-certificate": "/c"}, set()),
        ({"client-certificate-data": CERTIFICATE}, set()),
        (
            {"exec": {"command": "get-token", "env": [{"name": "OS_PASSWORD", "value": "pw"}, {"name": "OS_USERNAME", "value": "ann"}]}},
            {"pw"},
        ),
        ({"exec": {"env": [{"name": "OS_AUTH_URL", "value": "https://keystone.cern.ch/v3"}, {"name": "X", "value": JWT}]}}, {JWT}),
        ({"exec": {"env": [{"name": "AWS_SECRET_ACCESS_KEY", "value": "k3y"}, {"name": "API_KEY", "value": 5}]}}, {"k3y", "5"}),
        ({"exec": {"args": ["--token", "t", "--password=pw", "-p", "p2", "--user", "ann"]}}, {"t", "pw", "p2"}),
        ({"exec": {"args": ["--oidc-client-secret=s", "--token-cache-dir", "/cache", "get-token", "--token", "--verbose"]}}, {"s"}),
        ({"exec": {"args": ["CLIENT_SECRET=s", "https://me:pw@host/"]}}, {"s", "pw", "me:pw"}),
        (
            {"auth-provider": {"name": "oidc", "config": {"id-token": "i", "refresh-token": "r", "client-secret": "c", "client-id": "me"}}},
            {"i", "r", "c"},
        ),
        ({"auth-provider": {"config": {"idp-issuer-url": "https://auth.cern.ch", "access-token": "a", "expiry": "2026"}}}, {"a"}),
        ({"token": {"nested": ["x", None, True]}}, {"x"}),
        ({"exec": "nonsense", "password": None}, set()),
    ],
)
def test_what_a_user_holds(user: dict[str, Any], expected: set[str]) -> None:
    assert of_user(user) == expected


@pytest.mark.parametrize(
    ("cluster", "expected"),
    [
        ({"server": "https://h:6443", "certificate-authority-data": CERTIFICATE, "certificate-authority": "/ca"}, set()),
        ({"server": "https://ann:p%40w@h:6443"}, {"ann:p%40w", "p%40w", "ann:p@w", "p@w"}),
        ({"proxy-url": "http://ann:a@b@proxy:3128"}, {"ann:a@b", "a@b"}),
        ({"proxy-url": "http://t0ken@proxy:3128"}, {"t0ken"}),
        ({"extensions": [{"name": "client.authentication.k8s.io/exec", "extension": {"audience": "a", "clientSecret": "c"}}]}, {"c"}),
    ],
)
def test_what_a_cluster_holds(cluster: dict[str, Any], expected: set[str]) -> None:
    assert of_user({}, cluster) == expected


def test_every_entry_of_a_file_counts() -> None:
    file = f"""
apiVersion: v1
kind: Config
current-context: Some-Cluster-With-A-Long-Name-2026
clusters: [{{name: Some-Cluster-With-A-Long-Name-2026, cluster: {{server: "https://h", proxy-url: "http://a:proxy-pw@p"}}}}]
users:
- name: admin
  user: {{client-key-data: {KEY_DATA}}}
- name: admin
  user: {{username: ops, password: second}}
- name: other
  user: &shared {{token: third}}
- {{name: again, user: *shared}}
- nonsense
"""
    found = list(secrets_of_kubeconfig(yaml.safe_load(file)))
    assert {KEY, b"second", b"ops:second", b"third", b"proxy-pw"} <= set(found)
    assert not [value for value in found if b"Some-Cluster" in value or value in (b"admin", b"ops", b"v1", b"Config")]


@pytest.mark.parametrize("document", [None, [], "text", 5, {"users": None}, {"users": {"a": 1}}, {"clusters": [5, [None]]}])
def test_any_document_is_read(document: Any) -> None:
    assert list(secrets_of_kubeconfig(document)) == []


def test_a_document_that_holds_itself_ends() -> None:
    document: dict[str, Any] = {"token": "t"}
    document["self"] = [document] * 50
    assert list(secrets_of_kubeconfig(document)) == [b"t"]
