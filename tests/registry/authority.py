"""What a registry with TLS and tokens needs, made for one test: an authority, a certificate, a token service, a proxy."""

from __future__ import annotations

import base64
import contextlib
import json
import select
import socket
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from meddler import Asked, Reply

NAME = "registry.test"
SERVICE = "harbor-registry"


@dataclass(frozen=True)
class Authority:
    """A certificate authority of its own and a server's certificate for NAME, made by openssl."""

    folder: Path

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    def make(self) -> Authority:
        new = ("req", "-newkey", "rsa:2048", "-nodes")
        self._openssl(*new, "-x509", "-days", "2", "-subj", "/CN=test authority", "-keyout", "ca.key", "-out", "ca.pem")
        self._openssl(*new, "-subj", f"/CN={NAME}", "-keyout", "server.key", "-out", "server.csr")
        (self.folder / "names").write_text(f"subjectAltName=DNS:{NAME}\n")
        by = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names")
        self._openssl("x509", "-req", "-in", "server.csr", *by, "-days", "2", "-out", "server.pem")
        return self

    @property
    def tls(self) -> dict[str, str]:
        return {"certificate": str(self.folder / "server.pem"), "key": str(self.folder / "server.key")}

    def sign(self, content: bytes) -> bytes:
        return self._openssl("dgst", "-sha256", "-sign", "ca.key", input=content)

    def _openssl(self, *arguments: str, input: bytes = b"") -> bytes:
        return subprocess.run(["openssl", *arguments], cwd=self.folder, input=input, capture_output=True, check=True, timeout=30).stdout


@dataclass
class TokenService:
    """Gives tokens as Harbor's service does: pull to everybody unless `private`, push to who has the password or the identity token."""

    authority: Authority
    basic: str
    identity: str = ""
    private: bool = False
    expired: int = 0
    asked: list[Asked] = field(default_factory=list)

    def __call__(self, asked: Asked) -> Reply | None:
        if not asked.path.startswith("/service/token"):
            return None
        self.asked.append(asked)
        form = parse_qs(asked.body.decode()) if asked.method == "POST" else parse_qs(urlsplit(asked.path).query)
        known = asked.headers.get("Authorization") == self.basic or (self.identity and form.get("refresh_token") == [self.identity])
        if ("Authorization" in asked.headers or asked.method == "POST") and not known:
            return Reply(401, {}, b'{"errors": [{"code": "UNAUTHORIZED"}]}')
        _, name, actions = form["scope"][0].split(":")
        allowed = actions.split(",") if known else [] if self.private else [action for action in actions.split(",") if action == "pull"]
        return Reply(200, {"Content-Type": "application/json"}, json.dumps({"token": self._token(name, allowed)}).encode())

    def _token(self, name: str, actions: list[str]) -> str:
        now, lasts = int(time.time()), 300
        if self.expired > 0:
            self.expired, now = self.expired - 1, now - 86400
        der = "".join((self.authority.ca).read_text().split("-----")[2].split())
        access = [{"type": "repository", "name": name, "actions": actions}]
        claims = {"iss": "test", "sub": "x", "aud": SERVICE, "exp": now + lasts, "nbf": now - 5, "iat": now, "jti": "1", "access": access}
        signed = f"{_part({'typ': 'JWT', 'alg': 'RS256', 'x5c': [der]})}.{_part(claims)}"
        return f"{signed}.{_base64(self.authority.sign(signed.encode()))}"

    def config(self, host: str) -> dict[str, Any]:
        token = {"realm": f"http://{host}/service/token", "service": SERVICE, "issuer": "test", "rootcertbundle": str(self.authority.ca)}
        return {"auth": {"token": token}}


def _part(document: dict[str, Any]) -> str:
    return _base64(json.dumps(document).encode())


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


class Proxy:
    """An HTTP proxy that knows CONNECT alone and sends every name to one port of this machine."""

    def __init__(self, port: int, refuses: bool = False) -> None:
        self.target, self.refuses = port, refuses
        self.asked: list[bytes] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self._handle, args=(client,), daemon=True).start()

    def _handle(self, client: socket.socket) -> None:
        request = b""
        while b"\r\n\r\n" not in request and (part := client.recv(65536)):
            request += part
        self.asked.append(request)
        if self.refuses or not request.startswith(b"CONNECT "):
            client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            client.close()
            return
        with socket.create_connection(("127.0.0.1", self.target)) as server, client, contextlib.suppress(OSError):
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            ends = {client: server, server: client}
            while True:
                for end in select.select(list(ends), [], [], 30)[0]:
                    part = end.recv(65536)
                    if not part:
                        return
                    ends[end].sendall(part)

    def stop(self) -> None:
        self.listener.close()
