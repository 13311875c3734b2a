"""With what a context's user signs in, and until when that holds."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from helmtool.adapters.credentials import plugin_of
from helmtool.adapters.kubeconfig import Access, user_of
from helmtool.adapters.regular import read_file
from helmtool.model.certificate import CertificateInvalid, parse_certificates
from helmtool.model.kubeconfig import decoded

LARGEST = 1 << 20


class Account(NamedTuple):
    """`kind` is plugin, token, certificate or none; `program` the plugin's; `expires` is not known where nothing says it."""

    kind: str
    program: str = ""
    expires: datetime | None = None


def account_of(access: Access) -> Account:
    """What the kubeconfig says, without the API server; a plugin is asked, for only it knows. Raises CredentialsFailed."""
    user = user_of(access)
    plugin = plugin_of(access)
    if plugin:
        return Account("plugin", str(user["exec"].get("command") or ""), plugin.credentials().expires)
    token = _file(user, "tokenFile").decode(errors="replace").strip() or user.get("token") or ""
    if token:
        return Account("token", expires=_expiry(token))
    certificate = decoded(user.get("client-certificate-data") or "") or _file(user, "client-certificate")
    return Account("certificate", expires=_end(certificate)) if certificate else Account("none")


def _file(user: Mapping[str, Any], key: str) -> bytes:
    try:
        return read_file(Path(user[key]), LARGEST) if user.get(key) else b""
    except OSError:
        return b""


def _end(certificate: bytes) -> datetime | None:
    try:
        found = parse_certificates(certificate)
    except CertificateInvalid:
        return None
    return found.ends if found else None


def _expiry(token: str) -> datetime | None:
    """The claim `exp` of a JSON Web Token (RFC 7519); nothing where the token is of another kind, or has none."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return datetime.fromtimestamp(claims["exp"], UTC)
    except (IndexError, KeyError, TypeError, ValueError, OverflowError, OSError):
        return None
