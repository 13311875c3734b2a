"""Which cluster a kubeconfig names: read only, and only the context in use is looked at."""

from __future__ import annotations

import base64
import functools
import hashlib
import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from helmtool.adapters.regular import read_file
from helmtool.errors import InvalidInput, Unreachable
from helmtool.model.extent import require_bounded
from helmtool.model.reading import text


class Access(NamedTuple):
    """One context of a kubeconfig: how a cluster is reached, and what the file says of its identity.

    `kubeconfig` may name several files joined by the system's path separator, as KUBECONFIG does.
    `ca_fingerprint` is `sha256:<hex>` of the first certificate of the cluster's CA, or empty.
    """

    kubeconfig: str
    context: str
    cluster: str
    server: str
    ca_fingerprint: str


class KubeconfigInvalid(InvalidInput):
    """The kubeconfig is missing, not readable, or does not name a cluster."""

    code = "kubeconfig"


class UserInvalid(Unreachable):
    """The user of the context is nothing that credentials could be read from."""

    code = "credentials"


MOST_CONTEXTS = 3
"""Contexts that a hint names."""
LARGEST = 4 << 20
"""Bytes of a kubeconfig, and of a file of certificates."""
NEW_FILE = "ask for a new kubeconfig, or --kubeconfig FILE"


def read_access(kubeconfig: str, context: str | None = None) -> Access:
    """Reads the identity of the context in use (or of `context`) from one kubeconfig or several merged ones.

    Merging is kubectl's: the first file that names a cluster, context or current-context wins, and of several files some
    may be missing. A leading `~` is expanded in what is given back, because helm does not do it. Raises KubeconfigInvalid.
    """
    documents = _read_all(kubeconfig)
    kubeconfig = os.pathsep.join(path for path, _ in documents)
    chosen = context or next((d["current-context"] for _, d in documents if d.get("current-context")), None)
    if not chosen or not isinstance(chosen, str):
        contexts = sorted(_names(documents, "contexts"))[:MOST_CONTEXTS]
        use = [f"--kube-context {shlex.quote(name)}" for name in contexts]
        raise KubeconfigInvalid(f"{kubeconfig} names no current context", hint=" or ".join(use) or "kubectl config get-contexts")
    entry = _named(documents, "contexts", chosen)
    if entry is None:
        known = ", ".join(sorted(_names(documents, "contexts"))) or "none"
        raise KubeconfigInvalid(f"{kubeconfig} has no context {chosen!r}; it has: {known}", hint="kubectl config get-contexts")
    cluster_name = text(entry[1], "context", "cluster")
    cluster = _named(documents, "clusters", cluster_name)
    if cluster is None:
        raise KubeconfigInvalid(
            f"{kubeconfig}: context {chosen!r} names cluster {cluster_name!r}, which is not in it", hint=_view(kubeconfig)
        )
    body = _inner(cluster[1], "cluster")
    server = body.get("server")
    if not isinstance(server, str) or not _is_address(server):
        raise KubeconfigInvalid(
            f"{cluster[0]}: cluster {cluster_name!r} has no server that can be used; expected an address such as https://HOST:6443",
            hint=_view(cluster[0]),
        )
    return Access(kubeconfig, chosen, cluster_name, server, _fingerprint(body, Path(cluster[0]).parent))


def cluster_names(kubeconfig: str) -> list[str]:
    """The clusters that one kubeconfig or several merged ones know, in alphabetical order. Raises KubeconfigInvalid."""
    return sorted(_names(_read_all(kubeconfig), "clusters"))


def user_of(access: Access) -> tuple[dict[str, Any], Path]:
    """The entry of the context's user, empty where there is none, and the folder that its relative paths count from.

    Raises KubeconfigInvalid and UserInvalid.
    """
    documents = _read_all(access.kubeconfig)
    context = _named(documents, "contexts", access.context)
    name = str(_inner(context[1], "context").get("user") or "") if context else ""
    found = _named(documents, "users", name)
    if found and not isinstance(found[1].get("user") or {}, Mapping):
        raise UserInvalid(f"{found[0]}: the entry of user {name!r} is no map", hint=_view(found[0]))
    return (dict(_inner(found[1], "user")), Path(found[0]).absolute().parent) if found else ({}, Path())


def cluster_of(access: Access) -> tuple[dict[str, Any], Path]:
    """The entry of the context's cluster, and the folder that its relative paths count from."""
    documents = _read_all(access.kubeconfig)
    found = _named(documents, "clusters", access.cluster)
    return (dict(_inner(found[1], "cluster")), Path(found[0]).absolute().parent) if found else ({}, Path())


def expand(path: str) -> str:
    """The path with a leading `~` as the home directory. Raises KubeconfigInvalid where there is no home."""
    try:
        return str(Path(path).expanduser())
    except RuntimeError:
        raise KubeconfigInvalid(f"{path}: there is no home directory", hint="export HOME=DIR, or --kubeconfig FILE") from None


def _read_all(kubeconfig: str) -> list[tuple[str, dict[str, Any]]]:
    paths = [expand(path) for path in kubeconfig.split(os.pathsep) if path]
    there = [path for path in paths if Path(path).exists()] if len(paths) > 1 else paths
    return [(path, _read(path)) for path in there or paths[:1]]


def _read(path: str) -> dict[str, Any]:
    try:
        content = read_file(Path(path), LARGEST)
    except FileNotFoundError:
        raise KubeconfigInvalid(f"no kubeconfig at {path}", hint="--kubeconfig FILE, or export KUBECONFIG=FILE") from None
    except OSError as error:
        raise KubeconfigInvalid(f"the kubeconfig {path} cannot be read: {error.strerror}", hint=f"ls -l {path}") from None
    return _parsed(path, content)


@functools.lru_cache(maxsize=64)
def _parsed(path: str, content: bytes) -> dict[str, Any]:
    """What a file says, to be read only: context, cluster, user and plugin are asked for one by one. Known by its content, for a login in
    another terminal may change it."""
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        require_bounded(content, loader)
        data = yaml.load(content, Loader=loader)  # noqa: S506 - a safe loader, in C where there is one
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise KubeconfigInvalid(f"{path}{where}: the kubeconfig is not YAML", hint=NEW_FILE) from None
    if not isinstance(data, dict):
        raise KubeconfigInvalid(
            f"{path}: the kubeconfig holds no settings; expected a map with clusters, contexts and users", hint=NEW_FILE
        )
    return data


def _is_address(server: str) -> bool:
    try:
        parts = urlsplit(server)
        return parts.scheme in ("https", "http") and bool(parts.hostname) and parts.port != 0 and not re.search(r"\s", server)
    except ValueError:
        return False


def _view(kubeconfig: str) -> str:
    return f"KUBECONFIG={kubeconfig} kubectl config view, or --kubeconfig FILE"


def _entries(document: Mapping[str, Any], section: str) -> list[Mapping[str, Any]]:
    items = document.get(section)
    return [item for item in items if isinstance(item, Mapping)] if isinstance(items, list) else []


def _named(documents: list[tuple[str, dict[str, Any]]], section: str, name: str) -> tuple[str, Mapping[str, Any]] | None:
    return next(((path, item) for path, document in documents for item in _entries(document, section) if item.get("name") == name), None)


def _names(documents: list[tuple[str, dict[str, Any]]], section: str) -> set[str]:
    return {text(item, "name") for _, document in documents for item in _entries(document, section)}


def _inner(entry: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = entry.get(key)
    return value if isinstance(value, Mapping) else {}


def _fingerprint(cluster: Mapping[str, Any], folder: Path) -> str:
    import ssl

    try:
        if cluster.get("certificate-authority-data"):
            pem = base64.b64decode(str(cluster["certificate-authority-data"])).decode()
        elif cluster.get("certificate-authority"):
            pem = read_file(folder / str(cluster["certificate-authority"]), LARGEST).decode()
        else:
            return ""
        first = pem[pem.index("-----BEGIN CERTIFICATE") : pem.index("-----END CERTIFICATE-----")] + "-----END CERTIFICATE-----"
        return "sha256:" + hashlib.sha256(ssl.PEM_cert_to_DER_cert(first)).hexdigest()
    except (OSError, ValueError):
        return ""
