"""The kubernetes client of one context of a kubeconfig: its configuration, its pool of connections and the headers that sign it in.

The rest of that package (models, logins of every provider) takes a quarter of a second to import, and is loaded only by what uses it.
What the package reads by other rules than client-go (proxies, impersonation, token files) is decided here and in `proxies`.
"""

from __future__ import annotations

import atexit
import os
import posixpath
import re
import ssl
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from helmtool.adapters.alone import module_alone
from helmtool.adapters.credentials import Credentials, CredentialsFailed
from helmtool.adapters.kubeconfig import LARGEST, Access, cluster_of, user_of
from helmtool.adapters.proxies import Proxy, basic, pool_through, proxy_for, proxy_headers
from helmtool.adapters.regular import read_file
from helmtool.adapters.tls import shared
from helmtool.model.kubeconfig import decoded, has_certificate, uses_plugin
from helmtool.model.redaction import protect

PACKAGES = ("kubernetes", "kubernetes.client", "kubernetes.utils")
NOT_EXPECTED = "an entry of its user or cluster is not what kubectl expects"
TOKEN_SECONDS = 60.0
"""How long a token of a file is used before the file is read again (client-go's period)."""
HEADER_KEY = "!#$&'*+-.^_`|~"
"""Characters besides letters and digits that stay as they are in the name of an Impersonate-Extra header (RFC 7230, token)."""


class Client(NamedTuple):
    """kubernetes' `Configuration`, the connections made with it, and the headers of each request.

    `host` is the server with its path prefix, `sign_in` returns the Authorization header (empty if a certificate
    signs in), `impersonation` the Impersonate-* headers.
    """

    configuration: Any
    pool_manager: Any
    host: str
    sign_in: Callable[[], str]
    impersonation: tuple[tuple[str, str], ...] = ()


def made_client(access: Access, credentials: Credentials | None) -> Client:
    """A new client; with what a plugin handed out, else with what the kubeconfig says. Raises CredentialsFailed."""
    where = f"context {access.context} of {access.kubeconfig}"
    hint = f"KUBECONFIG={access.kubeconfig} kubectl config view, or ask for a new kubeconfig"
    try:
        return _client(access, cluster_of(access), user_of(access), credentials)
    except OSError as error:
        raise CredentialsFailed(f"{where} cannot be used: {error.filename}: {error.strerror}", hint=hint) from None
    except (TypeError, AttributeError, KeyError, ValueError):
        raise CredentialsFailed(f"{where} cannot be used: {NOT_EXPECTED}", hint=hint) from None  # their own words may quote the entry


def _client(access: Access, cluster: Mapping[str, Any], user: Mapping[str, Any], credentials: Credentials | None) -> Client:
    server = _base_address(access.server)
    if not server.startswith("https:"):  # as client-go: neither credentials nor certificates over a plain connection
        _require_files(cluster, user)
        cluster = {name: value for name, value in cluster.items() if name in ("server", "proxy-url")}
        user = {name: value for name, value in user.items() if name.startswith("as")}
    configuration = _configuration(server, cluster, user, credentials)
    connections = _connections(configuration, proxy_for(server, cluster.get("proxy-url") or ""))
    sign_in = _account_of_address(cluster["server"]) or _sign_in(access, user, credentials, configuration)
    return Client(configuration, connections, server, sign_in, tuple(_impersonation(user)))


def _require_files(cluster: Mapping[str, Any], user: Mapping[str, Any]) -> None:
    """Raises OSError if a file is missing that client-go opens without using it."""
    names = [cluster.get("certificate-authority")]
    names += [user.get("client-certificate"), user.get("client-key")] if has_certificate(user) else []
    for name in filter(None, names):
        Path(name).stat()


def _base_address(server: str) -> str:
    """The address before the path of each request, as Go joins and escapes it; a `#` is no fragment there."""
    parts = urlsplit(server.replace("#", "%23"))
    path = quote(posixpath.normpath("/" + unquote(parts.path)).lstrip("/"), safe="/$&+,:;=@")
    return f"{parts.scheme}://{parts.netloc}/{path}".rstrip("/")


def _account_of_address(server: str) -> Callable[[], str] | None:
    """The account of an address such as https://NAME:PASSWORD@HOST, which Go prefers to any other; None without one."""
    parts = urlsplit(server)
    if not parts.username:
        return None
    word = basic(unquote(parts.username), unquote(parts.password or ""))
    return lambda: word


def _configuration(server: str, cluster: Mapping[str, Any], user: Mapping[str, Any], credentials: Credentials | None) -> Any:
    made = module_alone("kubernetes.client.configuration", *PACKAGES).Configuration(host=server)
    made.proxy = made.no_proxy = None  # which it has read from the environment, by other rules
    made.verify_ssl = not cluster.get("insecure-skip-tls-verify")
    made.tls_server_name = cluster.get("tls-server-name") or None
    made.ssl_ca_cert = _path(cluster, "certificate-authority")
    if has_certificate(user):
        made.cert_file, made.key_file = (_path(user, name) for name in ("client-certificate", "client-key"))
    if credentials and credentials.certificate and credentials.key:
        made.cert_file, made.key_file = _held(credentials.certificate.encode()), _held(credentials.key.encode())
    return made


def _connections(configuration: Any, proxy: Proxy | None) -> Any:
    """The client's pool, with certificates and key read once: urllib3 would read them for each connection."""
    import urllib3

    context = _tls_context(configuration) if configuration.host.startswith("https:") else None
    if not configuration.verify_ssl:
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # the guard has said so, once
    if proxy and proxy.is_socks:
        pool: Any = pool_through(proxy, **({"server_hostname": configuration.tls_server_name} if configuration.tls_server_name else {}))
    else:
        configuration.proxy = proxy.address if proxy else None
        configuration.proxy_headers = proxy_headers(proxy)
        configuration.proxy_ssl_context = context  # as Go: one set of authorities for the proxy and for the server
        pool = module_alone("kubernetes.client.rest", *PACKAGES).RESTClientObject(configuration).pool_manager
    if context:
        read = dict.fromkeys(("ca_certs", "ca_cert_data", "cert_file", "key_file"))
        pool.connection_pool_kw |= {**read, "cert_reqs": context.verify_mode, "ssl_context": context}
    return pool


def _tls_context(configuration: Any) -> ssl.SSLContext:
    """TLS as Go verifies it: an intermediate certificate may be the root, and extensions that newer Pythons require may be missing."""
    from urllib3.util.ssl_ import create_urllib3_context

    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED if configuration.verify_ssl else ssl.CERT_NONE)
    context.verify_flags = (context.verify_flags | ssl.VERIFY_X509_PARTIAL_CHAIN) & ~ssl.VERIFY_X509_STRICT
    try:
        if configuration.ssl_ca_cert:
            context.load_verify_locations(configuration.ssl_ca_cert)
        else:
            context.load_default_certs()
        if configuration.cert_file:
            context.load_cert_chain(configuration.cert_file, configuration.key_file)
    except ssl.SSLError:
        raise ValueError from None
    return shared(context)


def _impersonation(user: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The headers that have the API server judge the request as another user (client-go, transport/round_trippers.go)."""
    if not user.get("as"):
        return []
    found = [("Impersonate-User", user["as"])]
    found += [("Impersonate-Uid", user["as-uid"])] if user.get("as-uid") else []
    found += [("Impersonate-Group", group or "") for group in user.get("as-groups") or []]
    for key, values in (user.get("as-user-extra") or {}).items():
        found += [(f"Impersonate-Extra-{quote(key, safe=HEADER_KEY)}", value or "") for value in values or []]
    return [(name, _header_value(value)) for name, value in found]


def _header_value(value: str | bytes) -> str:
    """As Go sends it: the bytes as they are (urllib3 takes Latin-1), without spaces around. Raises ValueError for control characters."""
    text = (value.encode() if isinstance(value, str) else value).decode("latin-1").strip(" \t")
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", text):
        raise ValueError
    return text


def _sign_in(access: Access, user: Mapping[str, Any], credentials: Credentials | None, configuration: Any) -> Callable[[], str]:
    """What returns the Authorization header, by the order of client-go: a token file, a token, a name and a password, a provider."""
    if credentials and uses_plugin(user):
        word = f"Bearer {credentials.token}" if credentials.token else ""
        configuration.api_key |= {"BearerToken": word} if word else {}
        return lambda: word
    if user.get("tokenFile"):
        return TokenFile(Path(user["tokenFile"]), user.get("token") or "").authorization
    if user.get("token"):
        token = _header_value(f"Bearer {user['token']}")
        return lambda: token
    if user.get("username"):
        return lambda: basic(user["username"], user.get("password") or "")
    return _provider(access) if user.get("auth-provider") is not None else str


class TokenFile:
    """A token in a file, which is read again every minute: a login or the kubelet replaces it. `otherwise` is used if that fails."""

    def __init__(self, path: Path, otherwise: str = "") -> None:
        self._path, self._token, self._read_at = path, _header_value(otherwise), 0.0
        if not otherwise:
            self._read()

    def authorization(self) -> str:
        """The Authorization header with the token as the file has it."""
        if not self._read_at or time.monotonic() - self._read_at > TOKEN_SECONDS:
            try:
                self._read()
            except (OSError, ValueError):
                self._read_at = time.monotonic()
        return f"Bearer {self._token}"

    def _read(self) -> None:
        content = read_file(self._path, LARGEST).strip()
        if not content:
            raise OSError(0, "it holds no token", str(self._path))
        protect(content)
        self._token, self._read_at = _header_value(content), time.monotonic()


def _path(entry: Mapping[str, Any], name: str) -> str | None:
    """A file with what the entry names or holds."""
    if data := entry.get(f"{name}-data"):
        return _held(decoded(data) or b"")
    if not entry.get(name):
        return None
    content = read_file(Path(entry[name]), LARGEST)  # what cannot be read is said here, with its name
    if name == "client-key":
        protect(content)
    return str(entry[name])


def _held(content: bytes) -> str:
    """A path to what TLS only reads from files: of memory, so that no key is on a disk; where there is none of a file that nobody else
    may read, until the end of the process."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("helmtool")
        path = f"/proc/self/fd/{descriptor}"
    else:
        descriptor, path = tempfile.mkstemp(prefix="helmtool-")
        atexit.register(Path(path).unlink, missing_ok=True)
    with os.fdopen(descriptor, "wb", closefd=False) as file:
        file.write(content)
    return path


def _provider(access: Access) -> Callable[[], str]:
    """The login of an `auth-provider` of old kubeconfigs, which only the whole client knows and renews."""
    from kubernetes import config
    from kubernetes.client import Configuration

    made = Configuration()
    load: Any = config.load_kube_config
    try:
        load(config_file=access.kubeconfig, context=access.context, client_configuration=made, persist_config=False)
    except config.ConfigException:
        raise ValueError from None
    return lambda: str(made.auth_settings().get("BearerToken", {}).get("value") or "")
