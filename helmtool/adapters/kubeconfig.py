"""Which cluster a kubeconfig names: read only, and only the context in use is judged."""

from __future__ import annotations

import functools
import hashlib
import os
import re
import shlex
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from helmtool.adapters.regular import read_file
from helmtool.errors import InvalidInput
from helmtool.model.kubeconfig import Entry, cluster_problems, decoded, document_problems, merge, user_problems
from helmtool.model.kubeconfig_secrets import secrets_of_kubeconfig
from helmtool.model.redaction import protect
from helmtool.model.rendered import load_all


class Access(NamedTuple):
    """One context of a kubeconfig: how a cluster is reached, and what the file says of its identity.

    `kubeconfig` may name several files joined by the system's path separator, as KUBECONFIG does.
    `ca_fingerprint` is `sha256:<hex>` of the certificate of the cluster's CA, of all certificates (sorted) if there are several,
    since any of them is trusted; or empty. `insecure` is
    true if the server's certificate is not verified.
    """

    kubeconfig: str
    context: str
    cluster: str
    server: str
    ca_fingerprint: str
    insecure: bool = False


class KubeconfigInvalid(InvalidInput):
    """The kubeconfig is missing, not readable, or does not name a cluster."""

    code = "kubeconfig"


PATHS = ("certificate-authority", "client-certificate", "client-key", "tokenFile")
CERTIFICATE = r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----"
MOST_CONTEXTS = 3
"""Contexts that a hint names."""
LARGEST = 4 << 20
"""Bytes of a kubeconfig, and of a file of certificates."""
NEW_FILE = "ask for a new kubeconfig, or --kubeconfig FILE"


def read_access(kubeconfig: str, context: str | None = None) -> Access:
    """Reads the identity of the context in use (or of `context`) from one kubeconfig or several merged ones.

    Merging and validation are client-go's. A leading `~` is expanded in the returned path, because helm does not expand it.
    Raises KubeconfigInvalid.
    """
    documents = _read_all(kubeconfig)
    kubeconfig = os.pathsep.join(path for path, _ in documents)
    merged = merge(documents)
    chosen = context or merged.current_context
    if not chosen:
        use = [f"--kube-context {shlex.quote(name)}" for name in sorted(merged.contexts)[:MOST_CONTEXTS]]
        raise KubeconfigInvalid(f"{kubeconfig} names no current context", hint=" or ".join(use) or "kubectl config get-contexts")
    if chosen not in merged.contexts:
        known = ", ".join(sorted(merged.contexts)) or "none"
        raise KubeconfigInvalid(f"{kubeconfig} has no context {chosen!r}; it has: {known}", hint="kubectl config get-contexts")
    named = merged.contexts[chosen].body
    cluster = _referenced(merged.clusters, named.get("cluster") or "", "cluster", chosen, kubeconfig)
    if named.get("user"):
        user = _referenced(merged.users, named["user"], "user", chosen, kubeconfig)
        _require_none(user_problems(user.body), f"{user.file}: user {named['user']!r}", user.file)
    server = cluster.body.get("server") or ""
    if not _is_address(server):
        raise KubeconfigInvalid(
            f"{cluster.file}: cluster {named['cluster']!r} has no server that can be used; expected an address such as https://HOST:6443",
            hint=_view(cluster.file),
        )
    _require_none(cluster_problems(cluster.body), f"{cluster.file}: cluster {named['cluster']!r}", cluster.file)
    insecure = bool(cluster.body.get("insecure-skip-tls-verify")) and server.lower().startswith("https:")
    return Access(kubeconfig, chosen, named["cluster"], _without_account(server), _fingerprint(_with_absolute_paths(cluster)), insecure)


def cluster_names(kubeconfig: str) -> list[str]:
    """The clusters that one kubeconfig or several merged ones know, in alphabetical order. Raises KubeconfigInvalid."""
    return sorted(merge(_read_all(kubeconfig)).clusters)


def user_of(access: Access) -> dict[str, Any]:
    """The entry of the context's user with absolute paths; empty if the context names no user. Raises KubeconfigInvalid."""
    merged = merge(_read_all(access.kubeconfig))
    name = _body(merged.contexts, access.context).get("user") or ""
    return _body(merged.users, name)


def cluster_of(access: Access) -> dict[str, Any]:
    """The entry of the context's cluster with absolute paths. Raises KubeconfigInvalid."""
    return _body(merge(_read_all(access.kubeconfig)).clusters, access.cluster)


def expand(path: str) -> str:
    """The path with a leading `~` as the home directory. Raises KubeconfigInvalid if there is no home directory."""
    try:
        return str(Path(path).expanduser())
    except RuntimeError:
        raise KubeconfigInvalid(f"{path}: there is no home directory", hint="export HOME=DIR, or --kubeconfig FILE") from None


def _body(entries: dict[str, Entry], name: str) -> dict[str, Any]:
    return _with_absolute_paths(entries[name]) if name in entries else {}


def _with_absolute_paths(entry: Entry) -> dict[str, Any]:
    """A relative path counts from the file that holds it; a plugin's command only if it is a path and not a name."""
    body, folder = entry.body, Path(entry.file).absolute().parent
    named: dict[str, Any] = {name: str(folder / body[name]) for name in PATHS if body.get(name)}
    plugin = body.get("exec") or {}
    if os.sep in (plugin.get("command") or ""):
        named["exec"] = {**plugin, "command": str(folder / plugin["command"])}
    return body | named


def _referenced(entries: dict[str, Entry], name: str, kind: str, context: str, kubeconfig: str) -> Entry:
    if name not in entries:
        raise KubeconfigInvalid(f"{kubeconfig}: context {context!r} names {kind} {name!r}, which is not in it", hint=_view(kubeconfig))
    return entries[name]


def _require_none(problems: list[str], where: str, file: str) -> None:
    # Not `kubectl config view`: kubectl's own error would print the entries, secrets included.
    if problems:
        raise KubeconfigInvalid(f"{where}: {'; '.join(problems)}", hint=f"correct {file}, or --kubeconfig FILE")


def _read_all(kubeconfig: str) -> list[tuple[str, dict[str, Any] | None]]:
    paths = [expand(path) for path in kubeconfig.split(os.pathsep) if path]
    there = [path for path in paths if Path(path).exists()] if len(paths) > 1 else paths
    found = [(path, _read(path)) for path in there or paths[:1]]
    if all(document is None for _, document in found):
        raise KubeconfigInvalid(
            f"{kubeconfig}: the kubeconfig holds no settings; expected a map with clusters, contexts and users", hint=NEW_FILE
        )
    return found


def _read(path: str) -> dict[str, Any] | None:
    try:
        content = read_file(Path(path), LARGEST)
    except FileNotFoundError:
        raise KubeconfigInvalid(f"no kubeconfig at {path}", hint="--kubeconfig FILE, or export KUBECONFIG=FILE") from None
    except OSError as error:
        raise KubeconfigInvalid(f"the kubeconfig {path} cannot be read: {error.strerror}", hint=f"ls -l {path}") from None
    return _parsed(path, content)


@functools.lru_cache(maxsize=64)
def _parsed(path: str, content: bytes) -> dict[str, Any] | None:
    """What a file says: of several YAML documents the first, None if it is empty.

    Cached by its content, since a login in another terminal may change the file.
    """
    import yaml

    try:
        data = next(load_all(content), None)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise KubeconfigInvalid(f"{path}{where}: the kubeconfig is not YAML", hint=NEW_FILE) from None
    for secret in secrets_of_kubeconfig(data):  # before helm or kubectl may quote the file
        protect(secret)
    _require_none(document_problems(data), f"{path}: kubectl and helm refuse this kubeconfig", path)
    return data


def _is_address(server: str) -> bool:
    try:
        parts = urlsplit(server)
        return parts.scheme in ("https", "http") and bool(parts.hostname) and parts.port != 0 and not re.search(r"\s", parts.netloc)
    except ValueError:
        return False


def _without_account(server: str) -> str:
    """The address as it may be shown: a password may stand in it."""
    parts = urlsplit(server)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl() if "@" in parts.netloc else server


def _view(kubeconfig: str) -> str:
    return f"KUBECONFIG={kubeconfig} kubectl config view, or --kubeconfig FILE"


def _fingerprint(cluster: dict[str, Any]) -> str:
    import ssl

    try:
        if cluster.get("certificate-authority-data"):
            pem = (decoded(cluster["certificate-authority-data"]) or b"").decode()
        elif cluster.get("certificate-authority"):
            pem = read_file(Path(cluster["certificate-authority"]), LARGEST).decode()
        else:
            return ""
        found = sorted({ssl.PEM_cert_to_DER_cert(one) for one in re.findall(CERTIFICATE, pem, re.DOTALL)})
        return "sha256:" + hashlib.sha256(b"".join(found)).hexdigest() if found else ""
    except (OSError, ValueError):
        return ""
