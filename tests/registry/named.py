"""A registry under a name of its own, made for a test: an authority, the server's certificate, a proxy that leads to it."""

from __future__ import annotations

import contextlib
import select
import socket
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

NAME = "registry.test"


@dataclass(frozen=True)
class Authority:
    """A certificate authority of its own and a certificate for the server of that name, made by openssl."""

    folder: Path
    name: str = NAME

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    def make(self) -> Authority:
        new = ("req", "-newkey", "rsa:2048", "-nodes")
        self._openssl(*new, "-x509", "-days", "2", "-subj", "/CN=test authority", "-keyout", "ca.key", "-out", "ca.pem")
        self._openssl(*new, "-subj", f"/CN={self.name}", "-keyout", "server.key", "-out", "server.csr")
        (self.folder / "names").write_text(f"subjectAltName=DNS:{self.name}\n")
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
