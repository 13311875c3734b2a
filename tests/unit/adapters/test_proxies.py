"""Which proxy leads to an API server; `tests/proofs/kubeconfig` compares the same rules with kubectl."""

from __future__ import annotations

import pytest

from helmtool.adapters.proxies import Proxy, proxy_for

SERVER = "https://api.cern.ch:6443"
PROXY = Proxy("http://proxy.cern.ch:3128")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://proxy.cern.ch:3128"}, PROXY),
        ({"https_proxy": "http://proxy.cern.ch:3128"}, PROXY),
        ({"HTTPS_PROXY": "proxy.cern.ch:3128"}, PROXY),
        ({"HTTPS_PROXY": "http://proxy.cern.ch"}, Proxy("http://proxy.cern.ch:80")),
        ({"HTTPS_PROXY": "https://[::1]"}, Proxy("https://[::1]:443")),
        ({"HTTPS_PROXY": "socks5://127.0.0.1"}, Proxy("socks5h://127.0.0.1:1080")),
        ({"HTTPS_PROXY": "http://ann:p%40ss@proxy.cern.ch:3128"}, PROXY._replace(username="ann", password="p@ss")),
        ({"HTTP_PROXY": "http://proxy.cern.ch:3128"}, None),
        ({"ALL_PROXY": "http://proxy.cern.ch:3128"}, None),
        ({"HTTPS_PROXY": "http://proxy.cern.ch:nonsense"}, Proxy("http://http:80")),
        ({"HTTPS_PROXY": "http://first:1", "https_proxy": "http://second:2"}, Proxy("http://first:1")),
    ],
)
def test_the_proxy_of_the_environment(environment: dict[str, str], expected: Proxy | None) -> None:
    assert proxy_for(SERVER, environment=environment) == expected


@pytest.mark.parametrize(
    ("excluded", "server", "direct"),
    [
        ("*", SERVER, True),
        ("cern.ch", SERVER, True),
        (".cern.ch", SERVER, True),
        ("*.cern.ch", SERVER, True),
        ("api.cern.ch", SERVER, True),
        (".api.cern.ch", SERVER, False),
        ("API.CERN.CH:6443", SERVER, True),
        ("api.cern.ch:443", SERVER, False),
        ("cern.ch:443", "https://api.cern.ch", True),
        ("rn.ch", SERVER, False),
        (" other , cern.ch ", SERVER, True),
        ("", SERVER, False),
        (":6443", SERVER, False),
        ("188.184.0.0/16", "https://188.184.1.2:6443", True),
        ("188.184.1.2", "https://188.184.1.2:6443", True),
        ("188.184.1.2:443", "https://188.184.1.2:6443", False),
        ("188.184.1", "https://188.184.1.2:6443", False),
        ("2001:1458::/32", "https://[2001:1458::1]:6443", True),
        ("[2001:1458::1]:6443", "https://[2001:1458::1]:6443", True),
        ("2001:1458::1", "https://[2001:1458::1]:6443", True),
        ("1.2.3.4/99", SERVER, False),
        ("", "https://localhost:6443", True),
        ("", "https://127.1.2.3:6443", True),
        ("", "https://[::1]:6443", True),
        ("", "https://localhost.cern.ch:6443", False),
    ],
)
def test_no_proxy(excluded: str, server: str, direct: bool) -> None:
    environment = {"HTTPS_PROXY": "http://proxy.cern.ch:3128", "NO_PROXY": excluded}
    assert proxy_for(server, environment=environment) == (None if direct else PROXY)


def test_the_kubeconfigs_own_proxy_is_used_whatever_the_environment_says() -> None:
    environment = {"HTTPS_PROXY": "http://other:1", "NO_PROXY": "*"}
    assert proxy_for("https://127.0.0.1:6443", "http://proxy.cern.ch:3128", environment) == PROXY


def test_a_plain_server_has_the_other_variable() -> None:
    assert (
        proxy_for("http://api.cern.ch", environment={"HTTP_PROXY": "http://proxy.cern.ch:3128", "HTTPS_PROXY": "http://other:1"}) == PROXY
    )
