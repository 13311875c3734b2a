"""Which proxy leads to an API server or a registry, by the rules of Go's net/http: kubectl, helm and docker take the same way.

Source: golang.org/x/net/http/httpproxy. Unlike there, curl, requests and urllib also read ALL_PROXY, and send loopback through a proxy.
"""

from __future__ import annotations

import base64
import contextlib
import ipaddress
import os
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

if TYPE_CHECKING:
    from urllib3 import PoolManager

DEFAULT_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}


class Proxy(NamedTuple):
    """`address` is SCHEME://HOST:PORT without the account, which may be empty."""

    address: str
    username: str = ""
    password: str = ""

    @property
    def is_socks(self) -> bool:
        """Whether it speaks SOCKS5 and not HTTP."""
        return self.address.startswith("socks5")


def proxy_for(server: str, proxy_url: str = "", environment: Mapping[str, str] | None = None) -> Proxy | None:
    """The proxy to an API server: the kubeconfig's `proxy-url` if given, else the environment's; None for a direct connection."""
    variables = os.environ if environment is None else environment
    target = urlsplit(server)
    chosen = proxy_url or _variable(variables, "HTTPS_PROXY" if target.scheme == "https" else "HTTP_PROXY")
    parsed = _parsed(chosen) if chosen else None
    if parsed is None or not (proxy_url or _uses_proxy(target, _variable(variables, "NO_PROXY").split(","))):
        return None
    # Go has a SOCKS5 proxy resolve the names, which PySocks calls socks5h.
    scheme = "socks5h" if parsed.scheme.startswith("socks5") else parsed.scheme if parsed.scheme in DEFAULT_PORTS else "http"
    host = f"[{parsed.hostname}]" if ":" in (parsed.hostname or "") else parsed.hostname
    address = f"{scheme}://{host}:{parsed.port or DEFAULT_PORTS.get(scheme, 80)}"
    return Proxy(address, unquote(parsed.username or ""), unquote(parsed.password or ""))


def pool_through(proxy: Proxy | None, **options: Any) -> PoolManager:
    """urllib3's connections through the proxy, or direct ones; a password is in a header and not in an address, which errors quote."""
    import urllib3

    if proxy is None:
        return urllib3.PoolManager(**options)
    if proxy.is_socks:
        from urllib3.contrib.socks import SOCKSProxyManager

        return SOCKSProxyManager(proxy.address, proxy.username or None, proxy.password or None, **options)
    return urllib3.ProxyManager(proxy.address, proxy_headers=proxy_headers(proxy), **options)


def proxy_headers(proxy: Proxy | None) -> dict[str, str] | None:
    """The header with the account for an HTTP proxy; None without an account."""
    return {"Proxy-Authorization": basic(proxy.username, proxy.password)} if proxy and (proxy.username or proxy.password) else None


def basic(username: str, password: str) -> str:
    """A header's value for a name and a password (RFC 7617, in UTF-8 as Go)."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def _variable(variables: Mapping[str, str], name: str) -> str:
    return variables.get(name) or variables.get(name.lower()) or ""


def _parsed(address: str) -> SplitResult | None:
    """As Go: an address without a scheme and a host is tried with http:// before it; one with white space is none."""
    for attempt in () if re.search(r"\s", address) else (address, f"http://{address}"):
        with contextlib.suppress(ValueError):
            found = urlsplit(attempt)
            if found.scheme and found.hostname and found.port != 0:
                return found
    return None


def _uses_proxy(target: SplitResult, excluded: Iterable[str]) -> bool:
    host, port = target.hostname or "", target.port or DEFAULT_PORTS.get(target.scheme, 80)
    address = _ip(host)
    if host == "localhost" or (address and address.is_loopback):
        return False
    return not any(_matches(entry.strip().lower(), host.lower(), port, address) for entry in excluded)


def _matches(entry: str, host: str, port: int, address: ipaddress.IPv4Address | ipaddress.IPv6Address | None) -> bool:
    """Whether one entry of NO_PROXY names the host: `*`, a network, or an address or domain with or without a port."""
    if entry in ("", "*"):
        return entry == "*"
    if "/" in entry:
        return bool(address and _contains(entry, address))
    name, own_port = _split_port(entry)
    if not name or (own_port and own_port != str(port)):
        return False
    if own_address := _ip(name):
        return own_address == address
    suffix = name.removeprefix("*")
    return host.endswith(suffix if suffix.startswith(".") else f".{suffix}") or host == suffix


def _split_port(entry: str) -> tuple[str, str]:
    """An entry as name and port; an IPv6 address has a port only behind brackets."""
    name, _, port = entry.rpartition(":")
    return (name.strip("[]"), port) if name and (":" not in name or name.endswith("]")) else (entry, "")


def _contains(network: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    try:
        return address in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
