"""A kubeconfig and its environment, as a combination builds it up before its files are written."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from keys import Keys

TOKEN = "token-of-the-file-Q7x"


@dataclass
class Draft:
    """One combination. The dimensions change it in the order users, paths, proxies, clusters, files.

    `server`, if set, is used instead of the address made of `scheme`, `host`, `port` and `prefix`. `secrets` are what no message may hold.
    """

    folder: Path
    ports: dict[str, int]
    keys: Keys
    user: dict[str, Any] = field(default_factory=dict)
    cluster: dict[str, Any] = field(default_factory=dict)
    context: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)
    scheme: str = "https"
    host: str = "127.0.0.1"
    port: int = 0
    prefix: str = ""
    server: str = ""
    kind: str = "get"
    kubeconfig: str = ""
    context_argument: str | None = None

    def secret(self, value: str) -> str:
        """The value, remembered as one that no message may hold."""
        self.secrets.add(value)
        return value

    def write(self, name: str, content: str | bytes, mode: int = 0o600) -> Path:
        """Writes a file below the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)
        return path

    def document(self) -> dict[str, Any]:
        """The kubeconfig with one cluster, user and context."""
        server = self.server or f"{self.scheme}://{self.host}:{self.port or self.ports['api']}{self.prefix}"
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": server, **self.cluster}}],
            "users": [{"name": "u", "user": self.user}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u", **self.context}}],
            "current-context": "x",
        }

    def proxied(self, role: str, scheme: str, account: str = "") -> str:
        """The address of a proxy; the cluster then has a name that only the proxy resolves."""
        self.host, self.port = "api.field.test", 6443
        self.secrets |= {part for part in (account.partition(":")[2].strip("@"),) if part}
        return f"{scheme}://{account}127.0.0.1:{self.ports[role]}"


def encoded(text: str) -> str:
    """Base64, as the -data fields have it."""
    return b64encode(text.encode()).decode()


def as_yaml(document: Any) -> str:
    """A file's text."""
    return yaml.safe_dump(document, sort_keys=False)


def as_json(document: Any) -> str:
    """The same in JSON."""
    return json.dumps(document, indent=1)
