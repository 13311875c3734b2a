"""What a kubeconfig may hold, as client-go decodes, merges and validates it: kubectl and helm read the same file.

Source of the rules: k8s.io/client-go, tools/clientcmd (api/v1/types.go, loader.go, validation.go).
"""

from __future__ import annotations

import base64
import binascii
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

SECTIONS = {"clusters": "cluster", "contexts": "context", "users": "user"}
"""The lists of named entries, and the key of an entry's content."""
PROXY_SCHEMES = ("http", "https", "socks5")
INTERACTIVE_MODES = ("Never", "IfAvailable", "Always")
_EXTENSIONS = [{"name": str, "extension": object}]
_EXEC = {
    **dict.fromkeys(("command", "apiVersion", "installHint", "interactiveMode"), str),
    "args": [str],
    "env": [{"name": str, "value": str}],
    "provideClusterInfo": bool,
}
_CLUSTER = {
    **dict.fromkeys(("server", "tls-server-name", "certificate-authority", "proxy-url"), str),
    "certificate-authority-data": bytes,
    "insecure-skip-tls-verify": bool,
    "disable-compression": bool,
    "extensions": _EXTENSIONS,
}
_USER = {
    **dict.fromkeys(("client-certificate", "client-key", "token", "tokenFile", "as", "as-uid", "username", "password"), str),
    **dict.fromkeys(("client-certificate-data", "client-key-data"), bytes),
    "as-groups": [str],
    "as-user-extra": {"*": [str]},
    "auth-provider": {"name": str, "config": {"*": str}},
    "exec": _EXEC,
    "extensions": _EXTENSIONS,
}
_CONTEXT = {**dict.fromkeys(("cluster", "user", "namespace"), str), "extensions": _EXTENSIONS}
SHAPE = {
    **dict.fromkeys(("kind", "apiVersion", "current-context"), str),
    "preferences": {"colors": bool, "extensions": _EXTENSIONS},
    "clusters": [{"name": str, "cluster": _CLUSTER}],
    "contexts": [{"name": str, "context": _CONTEXT}],
    "users": [{"name": str, "user": _USER}],
    "extensions": _EXTENSIONS,
}
"""The type of each field; `{"*": …}` is a map with any keys, `bytes` is base64. Other fields are ignored."""
_WORDS = {str: "text", bool: "true or false", dict: "a map", list: "a list", int: "a number", float: "a number"}


class Entry(NamedTuple):
    """One named cluster, context or user, and the file that it is from."""

    file: str
    body: dict[str, Any]


class Kubeconfig(NamedTuple):
    """The merged files: entries by name."""

    current_context: str
    clusters: dict[str, Entry]
    contexts: dict[str, Entry]
    users: dict[str, Entry]


def document_problems(document: Any) -> list[str]:
    """Why client-go refuses one file: a field of the wrong type, another kind of document, a name given twice.

    No value is quoted, since it may be a secret.
    """
    if wrong := list(_wrong_types(document, SHAPE, "")):
        return wrong
    document = document or {}
    kind, version = document.get("kind") or "Config", document.get("apiVersion") or "v1"
    if (kind, version) != ("Config", "v1"):
        return [f"it is a {kind} of {version}, expected kind Config of apiVersion v1"]
    return [problem for section in SECTIONS for problem in _repeated(section, document.get(section) or [])]


def _wrong_types(value: Any, shape: Any, path: str) -> Iterator[str]:
    if value is None or shape is object:
        return
    if not isinstance(value, expected := _expected(shape)):
        yield f"{path or 'the file'}: expected {_WORDS[expected]}, found {_WORDS.get(type(value), 'something else')}"
    elif isinstance(shape, list):
        for number, item in enumerate(value):
            yield from _wrong_types(item, shape[0], f"{path}[{number}]")
    elif isinstance(shape, dict):
        for key, item in value.items():
            yield from _wrong_types(item, shape.get("*") or shape.get(key, object), f"{path}.{key}".lstrip("."))
    elif shape is bytes and decoded(value) is None:
        yield f"{path}: expected base64"


def _expected(shape: Any) -> Any:
    return type(shape) if isinstance(shape, (dict, list)) else str if shape is bytes else shape


def decoded(text: str) -> bytes | None:
    """The bytes of a base64 text; None if it is not base64. Line breaks are ignored, as Go does."""
    try:
        return base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError):
        return None


def _repeated(section: str, entries: Sequence[Mapping[str, Any] | None]) -> Iterator[str]:
    names = Counter((entry or {}).get("name") or "" for entry in entries)
    yield from (f"{section} has {count} entries named {name!r}; each name may stand once" for name, count in names.items() if count > 1)


def merge(documents: Sequence[tuple[str, Mapping[str, Any] | None]]) -> Kubeconfig:
    """Files in the order of KUBECONFIG as one: the first that names an entry or a current context wins."""
    merged: dict[str, dict[str, Entry]] = {section: {} for section in SECTIONS}
    for file, document in documents:
        for section, key in SECTIONS.items():
            for entry in (document or {}).get(section) or []:
                merged[section].setdefault((entry or {}).get("name") or "", Entry(file, (entry or {}).get(key) or {}))
    current = next((d["current-context"] for _, d in documents if d and d.get("current-context")), "")
    return Kubeconfig(current, **merged)


def cluster_problems(cluster: Mapping[str, Any]) -> list[str]:
    """The rules between the fields of a cluster."""
    found = []
    if cluster.get("proxy-url") and not _is_proxy(cluster["proxy-url"]):
        found.append(f"proxy-url is not an address that starts with {'://, '.join(PROXY_SCHEMES)}://")
    if cluster.get("certificate-authority") and cluster.get("certificate-authority-data"):
        found.append("certificate-authority and certificate-authority-data are both given")
    if cluster.get("insecure-skip-tls-verify") and (cluster.get("certificate-authority") or cluster.get("certificate-authority-data")):
        found.append("insecure-skip-tls-verify stands beside a certificate authority")
    return found


def user_problems(user: Mapping[str, Any]) -> list[str]:
    """The rules between the fields of a user."""
    found = [
        f"client-{name} and client-{name}-data are both given"
        for name in ("certificate", "key")
        if user.get(f"client-{name}") and user.get(f"client-{name}-data") and has_certificate(user)
    ]
    if has_certificate(user) and not (user.get("client-key") or user.get("client-key-data")):
        found.append("a client certificate is given, and no client-key")
    if (user.get("token") or user.get("tokenFile")) and (user.get("username") or user.get("password")):
        found.append("a token and a user name or password are both given")
    if any(user.get(name) for name in ("as-uid", "as-groups", "as-user-extra")) and not user.get("as"):
        found.append("as-uid, as-groups or as-user-extra is given without as")
    return found + _exec_problems(user)


def _exec_problems(user: Mapping[str, Any]) -> list[str]:
    if (plugin := user.get("exec")) is None:
        return []
    found = ["exec and auth-provider are both given"] if user.get("auth-provider") is not None else []
    found += [f"exec.{name} is missing" for name in ("command", "apiVersion") if not plugin.get(name)]
    if any(not (variable or {}).get("name") for variable in plugin.get("env") or []):
        found.append("exec.env has an entry without a name")
    mode = plugin.get("interactiveMode") or ("" if plugin.get("apiVersion", "").endswith("/v1") else "IfAvailable")
    if plugin.get("apiVersion") and mode not in INTERACTIVE_MODES:
        found.append(f"exec.interactiveMode is {'not one of' if mode else 'missing; expected one of'} {', '.join(INTERACTIVE_MODES)}")
    return found


def has_certificate(user: Mapping[str, Any]) -> bool:
    """Whether the user signs in with a certificate of the kubeconfig."""
    return bool(user.get("client-certificate") or user.get("client-certificate-data"))


def uses_plugin(user: Mapping[str, Any]) -> bool:
    """Whether the credentials come from a plugin: client-go runs it only if the kubeconfig has no token, password or certificate."""
    others = user.get("token") or user.get("tokenFile") or user.get("username") or has_certificate(user)
    return user.get("exec") is not None and not others


def _is_proxy(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return parts.scheme in PROXY_SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
