"""Token authentication, TLS with an authority of its own, and a proxy: the real registry, and a small service and proxy beside it."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from authority import SERVICE, TokenService
from images import PATH, RealRegistry
from meddler import Meddler
from named import NAME, Authority, Proxy

from helmtool.adapters.registry import auth
from helmtool.model.redaction import redact_text

Start = Callable[..., RealRegistry]
Meddle = Callable[..., Meddler]
Tool = Callable[..., Any]
PASSWORD = "canary-of-the-token-service"
BASIC = "Basic " + base64.b64encode(f"dqm:{PASSWORD}".encode()).decode()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority")).make()


@pytest.fixture
def known_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """NAME as this machine's own address, as a line in /etc/hosts would have it."""
    original = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest, **more: original("127.0.0.1" if host == NAME else host, *rest, **more))


def write_login(folder: Path, host: str, **entry: str) -> dict[str, str]:
    file = folder / "auth.json"
    file.write_text(json.dumps({"auths": {host: entry}}))
    return {"REGISTRY_AUTH_FILE": str(file)}


def guarded(start: Start, meddle: Meddle, service: TokenService) -> RealRegistry:
    """A registry that takes only this service's tokens, with one image that another registry on the same storage has put there."""
    open_one = start()
    open_one.push("HG0105a")
    return start(extra=service.config(meddle(before=service).host), data=open_one.folder / "data")


def test_nobodys_token_is_enough_to_read(start: Start, meddle: Meddle, tool: Tool, authority: Authority, tmp_path: Path) -> None:
    service = TokenService(authority, BASIC)
    registry = guarded(start, meddle, service)
    ran = tool(registry.host, "check", "HG0105a", "-o", "json", env=write_login(tmp_path, registry.host, username="dqm", password=PASSWORD))
    assert ran.code == 0, ran.out
    (asked,) = service.asked  # one token serves all requests
    assert parse_qs(urlsplit(asked.path).query) == {"service": [SERVICE], "scope": [f"repository:{PATH}:pull"]}
    assert "Authorization" not in asked.headers
    assert tool(registry.host, "next", "--date", "2026-05-01").out == "HG0105b\n"


def test_a_write_takes_the_credentials_and_shows_nothing_of_them(
    start: Start, meddle: Meddle, tool: Tool, authority: Authority, tmp_path: Path
) -> None:
    service = TokenService(authority, BASIC)
    registry = guarded(start, meddle, service)
    refused = tool(registry.host, "stable", "HG0105a", "--yes", "-o", "json")
    assert (refused.code, refused.document["error"]["code"]) == (5, "registry-login")
    login = write_login(tmp_path, registry.host, username="dqm", password=PASSWORD)
    ran = tool(registry.host, "-vv", "stable", "HG0105a", "--yes", env=login)
    assert ran.code == 0, ran.err
    assert tool(registry.host, "check", "HG0105a", "-o", "json").document["keptAsStable"] == "yes"
    given = [asked for asked in service.asked if asked.headers.get("Authorization") == BASIC]
    assert [parse_qs(urlsplit(asked.path).query)["scope"] for asked in given] == [[f"repository:{PATH}:pull,push"]]
    assert not [secret for secret in (PASSWORD, BASIC.split()[1], "eyJ") if secret in ran.out + ran.err]
    assert not [secret for secret in (PASSWORD, BASIC.split()[1]) if secret in redact_text(f"helm says {secret}")]


def test_a_private_repository_is_read_with_credentials(
    start: Start, meddle: Meddle, tool: Tool, authority: Authority, tmp_path: Path
) -> None:
    service = TokenService(authority, BASIC, private=True)
    registry = guarded(start, meddle, service)
    ran = tool(registry.host, "check", "HG0105a", env=write_login(tmp_path, registry.host, username="dqm", password=PASSWORD))
    assert ran.code == 0, ran.err
    wrong = tool(
        registry.host, "check", "HG0105a", "-o", "json", env=write_login(tmp_path, registry.host, username="dqm", password="wrong")
    )
    assert (wrong.code, wrong.document["error"]["code"]) == (5, "registry-login")
    assert "auth.json" in wrong.document["error"]["message"]


def test_an_identity_token_is_traded_for_one_that_works(
    start: Start, meddle: Meddle, tool: Tool, authority: Authority, tmp_path: Path
) -> None:
    service = TokenService(authority, BASIC, identity="canary-identity", private=True)
    registry = guarded(start, meddle, service)
    ran = tool(registry.host, "-vv", "check", "HG0105a", env=write_login(tmp_path, registry.host, identitytoken="canary-identity"))
    assert ran.code == 0, ran.err
    assert [asked.method for asked in service.asked] == ["GET", "POST"]
    assert "canary" not in ran.out + ran.err


def test_a_token_that_has_become_old_is_asked_for_anew(
    start: Start, meddle: Meddle, tool: Tool, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "FRESH", 0.0)
    service = TokenService(authority, BASIC, expired=1)
    registry = guarded(start, meddle, service)
    assert tool(registry.host, "check", "HG0105a").code == 0
    assert len(service.asked) == 2


@pytest.mark.parametrize("realm", ["http://registry.example/service/token", "ftp://127.0.0.1/", ""])
def test_a_token_service_without_tls_gets_nothing(meddle: Meddle, tool: Tool, realm: str) -> None:
    from meddler import Reply

    challenge = Reply(401, {"WWW-Authenticate": f'Bearer realm="{realm}",service="x"'})
    ran = tool(meddle(before=lambda asked: challenge).host, "check", "HG0105a", "-o", "json")
    assert (ran.code, ran.document["error"]["code"]) == (5, "registry-answer")
    assert "without TLS" in ran.document["error"]["message"]


@pytest.fixture
def over_tls(start: Start, authority: Authority) -> RealRegistry:
    plain = start()
    plain.push("HG0105a")
    served: RealRegistry = start(tls=authority.tls, data=plain.folder / "data")
    return served


@pytest.mark.usefixtures("known_name")
def test_an_authority_of_its_own_is_named_by_ssl_cert_file(over_tls: RealRegistry, tool: Tool, authority: Authority) -> None:
    host = f"{NAME}:{over_tls.port}"
    assert tool(host, "stable", "HG0105a", "--yes", env={"SSL_CERT_FILE": str(authority.ca)}).code == 0
    ran = tool(host, "check", "HG0105a", "-o", "json")
    assert (ran.code, ran.document["error"]["code"]) == (5, "registry-unreachable")
    assert "certificate is not trusted" in ran.document["error"]["message"]
    assert "SSL_CERT_FILE" in ran.document["error"]["message"]


@pytest.mark.usefixtures("known_name")
def test_a_server_without_tls_where_tls_is_expected(registry: RealRegistry, tool: Tool) -> None:
    ran = tool(f"{NAME}:{registry.port}", "check", "HG0105a", "-o", "json")
    assert (ran.code, ran.document["error"]["code"]) == (5, "registry-unreachable")
    assert "TLS" in ran.document["error"]["message"]


@pytest.fixture
def proxies(over_tls: RealRegistry) -> Iterator[Callable[..., Proxy]]:
    started: list[Proxy] = []

    def begin(port: int = over_tls.port, **options: Any) -> Proxy:
        started.append(Proxy(port, **options))
        return started[-1]

    yield begin
    for proxy in started:
        proxy.stop()


def test_a_proxy_of_the_environment_is_used(
    over_tls: RealRegistry, tool: Tool, authority: Authority, proxies: Callable[..., Proxy]
) -> None:
    proxy = proxies()
    env = {"SSL_CERT_FILE": str(authority.ca), "HTTPS_PROXY": f"http://dqm:canary-proxy@127.0.0.1:{proxy.port}"}
    ran = tool(f"{NAME}:{over_tls.port}", "-vv", "check", "HG0105a", env=env)  # the proxy alone knows the name
    assert ran.code == 0, ran.err
    assert proxy.asked[0].startswith(f"CONNECT {NAME}:{over_tls.port} ".encode())
    assert b"Basic " + base64.b64encode(b"dqm:canary-proxy") in proxy.asked[0]
    assert "canary" not in ran.out + ran.err


@pytest.fixture
def backup(start: Start, image_tool: Tool, authority: Authority, proxies: Callable[..., Proxy]) -> Callable[[str], Any]:
    """A backup to NAME, whose registry names itself by another address, as behind a proxy that tells it `Host: $host:$server_port`."""

    def run(external: str) -> Any:
        registry, source = start(tls=authority.tls, external=external), start()
        source.push("HG0105a")
        env = {"SSL_CERT_FILE": str(authority.ca), "HTTPS_PROXY": f"http://127.0.0.1:{proxies(registry.port).port}"}
        return image_tool(source.host, "backup", "HG0105a", "--to", f"{NAME}/cmsweb/copies", "-o", "json", env=env)

    return run


@pytest.mark.parametrize(
    "external", [f"https://{NAME}:443", f"http://{NAME}:80", f"http://{NAME}:443", f"https://{NAME.upper()}", f"http://{NAME}"]
)
def test_a_registry_that_names_the_default_port(backup: Callable[[str], Any], external: str) -> None:
    ran = backup(external)
    assert (ran.code, ran.document.get("written")) == (0, True), ran


def test_a_registry_at_another_port_is_another_one(backup: Callable[[str], Any]) -> None:
    assert "continues an upload at" in backup(f"https://{NAME}:8443").error(5)["message"]


@pytest.mark.usefixtures("known_name")
@pytest.mark.parametrize("exception", [NAME, ".test", "*"])
def test_no_proxy_goes_past_it(
    over_tls: RealRegistry, tool: Tool, authority: Authority, proxies: Callable[..., Proxy], exception: str
) -> None:
    proxy = proxies()
    env = {"SSL_CERT_FILE": str(authority.ca), "HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}", "NO_PROXY": exception}
    assert tool(f"{NAME}:{over_tls.port}", "check", "HG0105a", env=env).code == 0
    assert proxy.asked == []


@pytest.mark.parametrize("address", ["", "http://127.0.0.1:1", "socks5://127.0.0.1:1", "http://"])
def test_a_proxy_that_does_not_help(over_tls: RealRegistry, tool: Tool, proxies: Callable[..., Proxy], address: str) -> None:
    refusing = proxies(refuses=True)
    env = {"HTTPS_PROXY": address or f"http://u:canary-proxy@127.0.0.1:{refusing.port}"}
    ran = tool(f"{NAME}:{over_tls.port}", "check", "HG0105a", "-o", "json", env=env)
    assert (ran.code, ran.document["error"]["code"]) == (5, "registry-unreachable")
    assert "proxy" in ran.document["error"]["message"]
    assert "canary" not in ran.out + ran.err
