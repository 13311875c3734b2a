"""Proxies: of the cluster's entry, of the environment, and what the environment exempts from them."""

from __future__ import annotations

from clusters import at
from draft import Draft
from users import Change, both

ACCOUNT = "carol:se%40cret@"
"""A name and a password, which holds an @."""


def of_cluster(role: str, scheme: str, account: str = "") -> Change:
    """A `proxy-url`, and a server that only the proxy knows."""
    return lambda draft: draft.cluster.update({"proxy-url": draft.proxied(role, scheme, account)})


def of_environment(name: str, role: str = "proxy", scheme: str = "http", account: str = "", **more: str) -> Change:
    """A variable with a proxy, and a server that only the proxy knows; more variables stand as they are."""
    return lambda draft: draft.environment.update({name: draft.proxied(role, scheme, account), **more})


def text(value: object) -> Change:
    """A `proxy-url` as it stands; PROXY is the port of the HTTP proxy."""

    def change(draft: Draft) -> None:
        draft.host, draft.port = "api.field.test", 6443
        draft.cluster["proxy-url"] = value.replace("PROXY", str(draft.ports["proxy"])) if isinstance(value, str) else value

    return change


def environment_text(name: str, value: str) -> Change:
    """The same in a variable."""

    def change(draft: Draft) -> None:
        draft.host, draft.port = "api.field.test", 6443
        draft.environment[name] = value.replace("PROXY", str(draft.ports["proxy"]))

    return change


def exempt(value: str, host: str = "api.field.test", port: int = 6443, name: str = "NO_PROXY") -> Change:
    """A proxy of the environment with exceptions; the server has no way but the proxy, so that one without it is not reached."""
    return both(of_environment("HTTPS_PROXY", **{name: value}), at(host=host, port=port))


MULTICAST = "224.0.0.1"
"""An address to which no connection can be made: it fails at once."""


def _two(draft: Draft) -> None:
    """The cluster's proxy and another one of the environment."""
    of_environment("HTTPS_PROXY", "tls-proxy", "https")(draft)
    of_cluster("proxy", "http")(draft)


PROXIES: dict[str, Change] = {
    "url-http": of_cluster("proxy", "http"),
    "url-https": of_cluster("tls-proxy", "https"),
    "url-https-localhost": both(
        of_cluster("tls-proxy", "https"), lambda draft: draft.cluster.update({"proxy-url": f"https://localhost:{draft.ports['tls-proxy']}"})
    ),
    "url-https-account": of_cluster("tls-proxy", "https", ACCOUNT),
    "url-socks5": of_cluster("socks", "socks5"),
    "url-socks5h": of_cluster("socks", "socks5h"),
    "url-socks5-account": of_cluster("socks", "socks5", ACCOUNT),
    "url-socks5-address": both(of_cluster("socks", "socks5"), at(host=MULTICAST)),
    "url-socks5-ipv6": both(of_cluster("socks", "socks5"), at(host="[2001:db8::1]")),
    "url-socks5-localhost": both(of_cluster("socks", "socks5"), at(host="localhost")),
    "url-socks4": of_cluster("socks", "socks4"),
    "url-socks": of_cluster("socks", "socks"),
    "url-ftp": of_cluster("proxy", "ftp"),
    "url-upper-case": of_cluster("proxy", "HTTP"),
    "url-account": of_cluster("proxy", "http", ACCOUNT),
    "url-account-name-alone": of_cluster("proxy", "http", "carol@"),
    "url-slash": text("http://127.0.0.1:PROXY/"),
    "url-path": text("http://127.0.0.1:PROXY/a?b"),
    "url-no-scheme": text("127.0.0.1:PROXY"),
    "url-no-scheme-name": text("localhost:PROXY"),
    "url-name-alone": text("localhost"),
    "url-no-host": text("http://"),
    "url-empty": text(""),
    "url-null": text(None),
    "url-number": text(8080),
    "url-port-wrong": text("http://127.0.0.1:many"),
    "url-spaces": text(" http://127.0.0.1:PROXY "),
    "url-dead": of_cluster("dead", "http"),
    "url-dead-socks": of_cluster("dead", "socks5"),
    "url-loopback": both(of_cluster("proxy", "http"), lambda draft: at(host="127.0.0.1", port=draft.ports["api"])(draft)),
    "url-http-server": both(of_cluster("proxy", "http"), at(scheme="http", port=8080)),
    "url-http-server-account": both(of_cluster("proxy", "http", ACCOUNT), at(scheme="http", port=8080)),
    "url-socks5-http-server": both(of_cluster("socks", "socks5"), at(scheme="http", port=8080)),
    "url-default-port": both(of_cluster("proxy", "http"), lambda draft: setattr(draft, "server", "https://api.field.test")),
    "url-over-environment": _two,
    "url-over-NO_PROXY": both(of_cluster("proxy", "http"), lambda draft: draft.environment.update({"NO_PROXY": "*"})),
    "none-name": at(host="api.field.test", port=6443),
    "HTTPS_PROXY": of_environment("HTTPS_PROXY"),
    "https_proxy": of_environment("https_proxy"),
    "HTTPS_PROXY+https_proxy": of_environment("HTTPS_PROXY", https_proxy="http://127.0.0.1:9"),
    "https_proxy+HTTPS_PROXY-empty": of_environment("https_proxy", HTTPS_PROXY=""),
    "HTTPS_PROXY-tls": of_environment("HTTPS_PROXY", "tls-proxy", "https"),
    "HTTPS_PROXY-socks5": of_environment("HTTPS_PROXY", "socks", "socks5"),
    "HTTPS_PROXY-socks5h": of_environment("HTTPS_PROXY", "socks", "socks5h"),
    "HTTPS_PROXY-account": of_environment("HTTPS_PROXY", account=ACCOUNT),
    "HTTPS_PROXY-no-scheme": environment_text("HTTPS_PROXY", "127.0.0.1:PROXY"),
    "HTTPS_PROXY-no-scheme-name": environment_text("HTTPS_PROXY", "localhost:PROXY"),
    "HTTPS_PROXY-no-scheme-account": environment_text("HTTPS_PROXY", "carol:word@localhost:PROXY"),
    "HTTPS_PROXY-ftp": of_environment("HTTPS_PROXY", scheme="ftp"),
    "HTTPS_PROXY-wrong": environment_text("HTTPS_PROXY", "http://127.0.0.1:many"),
    "HTTPS_PROXY-spaces": environment_text("HTTPS_PROXY", " http://127.0.0.1:PROXY"),
    "HTTPS_PROXY-slash": environment_text("HTTPS_PROXY", "http://127.0.0.1:PROXY/"),
    "HTTP_PROXY": of_environment("HTTP_PROXY"),
    "ALL_PROXY": of_environment("ALL_PROXY"),
    "all_proxy": of_environment("all_proxy"),
    "http-server-HTTP_PROXY": both(of_environment("HTTP_PROXY"), at(scheme="http", port=8080)),
    "http-server-http_proxy": both(of_environment("http_proxy"), at(scheme="http", port=8080)),
    "http-server-HTTPS_PROXY": both(of_environment("HTTPS_PROXY"), at(scheme="http", port=8080)),
    "http-server-HTTP_PROXY-socks5": both(of_environment("HTTP_PROXY", "socks", "socks5"), at(scheme="http", port=8080)),
    "loopback": both(of_environment("HTTPS_PROXY"), lambda draft: at(host="127.0.0.1", port=draft.ports["api"])(draft)),
    "loopback-localhost": both(of_environment("HTTPS_PROXY"), lambda draft: at(host="localhost", port=draft.ports["api"])(draft)),
    "loopback-dot": both(of_environment("HTTPS_PROXY"), lambda draft: at(host="localhost.", port=draft.ports["api"])(draft)),
    "loopback-other": both(of_environment("HTTPS_PROXY"), lambda draft: at(host="127.9.9.9", port=draft.ports["api"])(draft)),
    "address": both(of_environment("HTTPS_PROXY"), at(host=MULTICAST)),
    "default-port": both(of_environment("HTTPS_PROXY"), lambda draft: setattr(draft, "server", "https://api.field.test")),
    "NO_PROXY-host": exempt("api.field.test"),
    "NO_PROXY-host-upper-case": exempt("API.Field.Test"),
    "NO_PROXY-host-of-upper-case": exempt("api.field.test", host="API.Field.Test"),
    "NO_PROXY-domain": exempt("field.test"),
    "NO_PROXY-domain-dot": exempt(".field.test"),
    "NO_PROXY-dot-host": exempt(".api.field.test"),
    "NO_PROXY-star-domain": exempt("*.field.test"),
    "NO_PROXY-star": exempt("*"),
    "NO_PROXY-star-among": exempt("other.test,*"),
    "NO_PROXY-star-inside": exempt("api.*.test"),
    "NO_PROXY-suffix-no-dot": exempt("ield.test"),
    "NO_PROXY-port": exempt("api.field.test:6443"),
    "NO_PROXY-other-port": exempt("api.field.test:443"),
    "NO_PROXY-default-port": both(exempt("api.field.test:443"), lambda draft: setattr(draft, "server", "https://api.field.test")),
    "NO_PROXY-spaces": exempt(" other.test , api.field.test "),
    "NO_PROXY-spaces-alone": exempt("other.test api.field.test"),
    "NO_PROXY-empty-parts": exempt(",,"),
    "NO_PROXY-scheme": exempt("https://api.field.test"),
    "NO_PROXY-dot-at-end": exempt("api.field.test."),
    "NO_PROXY-host-dot-at-end": exempt("api.field.test", host="api.field.test."),
    "NO_PROXY-address": exempt(MULTICAST, host=MULTICAST),
    "NO_PROXY-address-port": exempt(f"{MULTICAST}:6443", host=MULTICAST),
    "NO_PROXY-address-other-port": exempt(f"{MULTICAST}:443", host=MULTICAST),
    "NO_PROXY-cidr": exempt("10.0.0.0/8,224.0.0.0/24", host=MULTICAST),
    "NO_PROXY-cidr-other": exempt("224.0.1.0/24", host=MULTICAST),
    "NO_PROXY-cidr-port": exempt("224.0.0.0/24:6443", host=MULTICAST),
    "NO_PROXY-cidr-wrong": exempt("224.0.0.0/99", host=MULTICAST),
    "NO_PROXY-cidr-host-bits": exempt("224.0.0.9/24", host=MULTICAST),
    "NO_PROXY-address-part": exempt("224.0.0", host=MULTICAST),
    "NO_PROXY-ipv6": exempt("2001:db8::1", host="[2001:db8::1]"),
    "NO_PROXY-ipv6-brackets": exempt("[2001:db8::1]", host="[2001:db8::1]"),
    "NO_PROXY-ipv6-long": exempt("2001:0db8:0:0::1", host="[2001:db8::1]"),
    "NO_PROXY-ipv6-cidr": exempt("2001:db8::/32", host="[2001:db8::1]"),
    "no_proxy": exempt("api.field.test", name="no_proxy"),
    "NO_PROXY+no_proxy": both(exempt("other.test"), lambda draft: draft.environment.update({"no_proxy": "api.field.test"})),
    "no_proxy+NO_PROXY-empty": both(exempt("api.field.test", name="no_proxy"), lambda draft: draft.environment.update({"NO_PROXY": ""})),
}
