"""The kubernetes client of one context of a kubeconfig: its configuration and its pool of connections.

The rest of that package (models, logins of every provider) takes a quarter of a second to import, and is loaded only by what uses it.
"""

from __future__ import annotations

import atexit
import base64
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from helmtool.adapters.alone import module_alone
from helmtool.adapters.credentials import Credentials, CredentialsFailed
from helmtool.adapters.kubeconfig import LARGEST, Access, cluster_of, user_of
from helmtool.adapters.regular import read_file
from helmtool.adapters.tls import shared

PACKAGES = ("kubernetes", "kubernetes.client", "kubernetes.utils")
NOT_EXPECTED = "an entry of its user or cluster is not what kubectl expects"


class Client(NamedTuple):
    """kubernetes' `Configuration`, and the connections that are made as it says."""

    configuration: Any
    pool_manager: Any

    @property
    def authorization(self) -> str:
        """What the header says, empty where a certificate says it all; a login of a provider is renewed here."""
        return str(self.configuration.auth_settings().get("BearerToken", {}).get("value") or "")


def made_client(access: Access, credentials: Credentials | None) -> Client:
    """A new client; with what a plugin handed out, else with what the kubeconfig says. Raises CredentialsFailed."""
    where = f"context {access.context} of {access.kubeconfig}"
    hint = f"KUBECONFIG={access.kubeconfig} kubectl config view, or ask for a new kubeconfig"
    try:
        configuration = _configuration(access, credentials)
        return Client(configuration, _connections(configuration))
    except OSError as error:
        raise CredentialsFailed(f"{where} cannot be used: {error.filename}: {error.strerror}", hint=hint) from None
    except (TypeError, AttributeError, KeyError, ValueError):
        raise CredentialsFailed(f"{where} cannot be used: {NOT_EXPECTED}", hint=hint) from None  # their own words may quote the entry


def _connections(configuration: Any) -> Any:
    """The client's pool, with certificates and key read once: urllib3 would read them for each connection."""
    pool = module_alone("kubernetes.client.rest", *PACKAGES).RESTClientObject(configuration).pool_manager
    if not configuration.host.startswith("https:"):
        return pool
    from ssl import SSLError

    from urllib3.util.ssl_ import create_urllib3_context

    context = create_urllib3_context(cert_reqs=pool.connection_pool_kw["cert_reqs"])
    try:
        if configuration.ssl_ca_cert:
            context.load_verify_locations(configuration.ssl_ca_cert)
        else:
            context.load_default_certs()
        if configuration.cert_file:
            context.load_cert_chain(configuration.cert_file, configuration.key_file)
    except SSLError:
        raise ValueError from None
    read = dict.fromkeys(("ca_certs", "ca_cert_data", "cert_file", "key_file"))
    pool.connection_pool_kw |= {**read, "ssl_context": shared(context)}
    return pool


def _configuration(access: Access, credentials: Credentials | None) -> Any:
    user, home = user_of(access)
    if "auth-provider" in user and not credentials:
        return _of_provider(access)
    cluster, folder = cluster_of(access)
    made = module_alone("kubernetes.client.configuration", *PACKAGES).Configuration(host=access.server.rstrip("/"))
    made.verify_ssl = not cluster.get("insecure-skip-tls-verify")
    made.tls_server_name = cluster.get("tls-server-name")
    made.ssl_ca_cert = _path(cluster, "certificate-authority", folder)
    made.cert_file, made.key_file = (_path(user, name, home) for name in ("client-certificate", "client-key"))
    if cluster.get("proxy-url"):
        made.proxy = str(cluster["proxy-url"])
    if credentials and credentials.certificate and credentials.key:
        made.cert_file, made.key_file = _held(credentials.certificate.encode()), _held(credentials.key.encode())
    if word := _authorization(user, home, credentials):
        made.api_key["BearerToken"] = word
    return made


def _authorization(user: Mapping[str, Any], folder: Path, credentials: Credentials | None) -> str:
    """The header's text, by the order of client-go: a token, a file with one, a name and a password."""
    token = credentials.token if credentials else str(user.get("token") or "")
    if not token and not credentials and user.get("tokenFile"):
        token = read_file(folder / user["tokenFile"], LARGEST).decode().strip()
    if token:
        return f"Bearer {token}"
    if user.get("username") and user.get("password"):
        from urllib3.util import make_headers

        return make_headers(basic_auth=f"{user['username']}:{user['password']}")["authorization"]
    return ""


def _path(entry: Mapping[str, Any], name: str, folder: Path) -> str | None:
    """A file with what the entry names or holds; relative to its kubeconfig, as kubectl reads it."""
    if data := entry.get(f"{name}-data"):
        return _held(base64.b64decode(data, validate=False))
    if not entry.get(name):
        return None
    path = folder / entry[name]
    read_file(path, LARGEST)  # what cannot be read is said here, with its name
    return str(path)


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


def _of_provider(access: Access) -> Any:
    """An `auth-provider` of old kubeconfigs, which only the whole client knows."""
    from kubernetes import config
    from kubernetes.client import Configuration

    made = Configuration()
    load: Any = config.load_kube_config
    try:
        load(config_file=access.kubeconfig, context=access.context, client_configuration=made, persist_config=False)
    except config.ConfigException:
        raise ValueError from None
    return made
