"""A server on loopback that records what arrives: API server (TLS and plain), HTTP proxy, HTTPS proxy and SOCKS5 proxy.

Each connection becomes one record, a tuple of steps such as `at proxy`, `CONNECT api.field.test:6443`, `TLS to api.field.test …`,
`GET /api/…`. The proxies connect every target to this server itself, so names need not resolve.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

VERSION: dict[str, Any] = {"major": "1", "minor": "37", "gitVersion": "v1.37.2"}
NAMESPACE: dict[str, Any] = {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "dqm"}}
POD = {
    "kind": "Pod",
    "apiVersion": "v1",
    "metadata": {"name": "dqm-0", "namespace": "dqm"},
    "spec": {"containers": [{"name": "dqm"}]},
    "status": {"phase": "Running"},
}
PODS = {"name": "pods", "singularName": "pod", "namespaced": True, "kind": "Pod", "verbs": ["get"]}
ANSWERS: dict[str, dict[str, Any]] = {
    "/version": VERSION,
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
    "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": [PODS]},
    "/api/v1/namespaces/dqm/pods/dqm-0": POD,
    "/api/v1/namespaces/dqm/secrets": {"kind": "SecretList", "apiVersion": "v1", "items": []},
}
"""By the end of the path, after which the kubeconfig's own prefix is unknown; any other one is answered with a namespace."""
STATUS = b'\x03{"metadata":{},"status":"Success"}'
"""The last message of the exec subresource: channel 3 and a Status object."""
ROLES = ("api", "proxy", "tls-proxy", "socks", "dead")
"""What each address is for. All but `dead`, which closes each connection, speak whatever protocol the client begins with."""
FENCE = b"\xff"
TIMEOUT = 10.0
Record = tuple[str, ...]


class Recorder:
    """The server. `ports` are by role, `take` returns what has arrived since the last call."""

    def __init__(self, certificate: Path, client_ca: Path, names: dict[str, str]) -> None:
        """`names` are what certificates of clients are called, by the SHA-256 of their DER."""
        self._names = names
        self._records: list[Record] = []
        self._changed = threading.Condition()
        self._active = 0
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._context.verify_mode = ssl.CERT_OPTIONAL
        self._context.load_verify_locations(client_ca)
        self._context.sni_callback = _keep_name
        self._listeners: list[tuple[str, socket.socket]] = []
        for role in ROLES:
            self._listen(role, ("127.0.0.1", 0), socket.AF_INET)
        self.ports = {role: listener.getsockname()[1] for role, listener in self._listeners}
        self._listen("api", ("::1", self.ports["api"]), socket.AF_INET6)

    def _listen(self, role: str, address: tuple[str, int], family: socket.AddressFamily) -> None:
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(64)
        self._listeners.append((role, listener))
        threading.Thread(target=self._accept, args=(role, listener), daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for _, listener in self._listeners:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    def take(self) -> set[Record]:
        """The records of all connections of a program that has ended."""
        for _, listener in self._listeners:  # a listener accepts in order: once its fence arrives, all before it have
            with socket.create_connection(listener.getsockname()[:2]) as fence:
                fence.sendall(FENCE)
                fence.recv(1)
        with self._changed:
            assert self._changed.wait_for(lambda: not self._active, TIMEOUT), f"{self._active} connections have not ended"
            records, self._records = set(self._records), []
        return {tuple(self._normal(step) for step in record) for record in records}

    def _normal(self, step: str) -> str:
        """The server's port by its role, and a name without the dot of the root."""
        return re.sub(r"\b(test|localhost)\.(?=[:, ]|$)", r"\1", re.sub(rf":{self.ports['api']}\b", ":API", step))

    def _accept(self, role: str, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with self._changed:
                    self._active += 1
                threading.Thread(target=self._serve, args=(role, connection), daemon=True).start()

    def _serve(self, role: str, connection: socket.socket) -> None:
        steps = [f"at {role}"]
        connection.settimeout(TIMEOUT)
        try:
            with connection, contextlib.suppress(OSError):
                if connection.recv(1, socket.MSG_PEEK) == FENCE:
                    connection.recv(1)
                    steps = []
                elif role == "dead":
                    connection.recv(1 << 16)  # a connection that ends with unread bytes is reset, and client-go tries a reset one again
                else:
                    self._speak(connection, steps)
        finally:
            with self._changed:
                self._active -= 1
                self._records += [tuple(steps)] if steps else []
                self._changed.notify_all()

    def _speak(self, connection: socket.socket, steps: list[str]) -> None:
        """Serves one connection in the protocol that the client begins with."""
        first = b"" if isinstance(connection, ssl.SSLSocket) else connection.recv(1, socket.MSG_PEEK)
        if first == b"\x16":
            self._tls(connection, steps)
        elif first == b"\x05":
            _socks(connection, steps)
            self._speak(connection, steps)
        else:
            self._http(connection, steps)

    def _tls(self, connection: socket.socket, steps: list[str]) -> None:
        try:
            secured = self._context.wrap_socket(connection, server_side=True)
        except ssl.SSLError:
            steps.append("TLS refused")
            return
        with secured:
            der = secured.getpeercert(binary_form=True)
            certificate = self._names[hashlib.sha256(der).hexdigest()] if der else "none"
            steps.append(f"TLS to {getattr(secured, 'asked_name', None)}, certificate {certificate}")
            self._speak(secured, steps)

    def _http(self, connection: socket.socket, steps: list[str]) -> None:
        head = _read_head(connection)
        if not head:
            return
        request, *lines = head.split("\r\n")
        method, target, _ = request.split(" ", 2)
        headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        if method == "CONNECT":
            steps.append(f"CONNECT {target.lower()}{_shown(headers, 'proxy-authorization')}")
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            self._through(connection, steps)
            return
        path = target.partition("?")[0]
        steps.append(f"{method} {path}{_shown(headers, 'host', 'authorization', 'proxy-authorization', 'impersonate-')}")
        _answer(connection, path, dict(headers))

    def _through(self, connection: socket.socket, steps: list[str]) -> None:
        """What follows a CONNECT. Inside TLS it passes a pair of sockets, because ssl cannot wrap a TLS connection again."""
        if not isinstance(connection, ssl.SSLSocket):
            self._speak(connection, steps)
            return
        near, far = socket.socketpair()
        far.settimeout(TIMEOUT)
        pump = threading.Thread(target=_pump, args=(connection, near), daemon=True)
        pump.start()
        with far:
            self._speak(far, steps)
        pump.join(TIMEOUT)


def _keep_name(connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
    connection.asked_name = name.lower() if name else None  # type: ignore[union-attr]


def _read_exactly(connection: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        piece = connection.recv(count - len(found))
        if not piece:
            raise ConnectionResetError
        found += piece
    return found


def _read_head(connection: socket.socket) -> str:
    """Request line and headers, read byte by byte so that nothing after them is taken; empty if the client sends nothing."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        piece = connection.recv(1)
        if not piece:
            return ""
        head += piece
    return head[:-4].decode("latin-1")


def _shown(headers: list[tuple[str, str]], *wanted: str) -> str:
    found = sorted(f"{name}: {value.lower() if name == 'host' else value}" for name, value in headers if name.startswith(wanted))
    return "".join(f" | {line}" for line in found)


def _socks(connection: socket.socket, steps: list[str]) -> None:
    """SOCKS5 (RFC 1928, 1929). A client that offers a name and password is asked for them."""
    methods = _read_exactly(connection, _read_exactly(connection, 2)[1])
    account = "no account"
    connection.sendall(b"\x05" + (b"\x02" if b"\x02" in methods else b"\x00"))
    if b"\x02" in methods:
        user = _read_exactly(connection, _read_exactly(connection, 2)[1])
        password = _read_exactly(connection, _read_exactly(connection, 1)[0])
        account = f"account {user.decode()}:{password.decode()}"
        connection.sendall(b"\x01\x00")
    kind = _read_exactly(connection, 4)[3]
    if kind == 3:
        target = "name " + _read_exactly(connection, _read_exactly(connection, 1)[0]).decode().lower()
    else:
        family, size = (socket.AF_INET, 4) if kind == 1 else (socket.AF_INET6, 16)
        target = "address " + socket.inet_ntop(family, _read_exactly(connection, size))
    (port,) = struct.unpack(">H", _read_exactly(connection, 2))
    steps.append(f"SOCKS {target}:{port}, {account}")
    connection.sendall(b"\x05\x00\x00\x01" + bytes(6))


def _answer(connection: socket.socket, path: str, headers: dict[str, str]) -> None:
    if headers.get("upgrade", "").lower() == "websocket":
        key = hashlib.sha1(headers["sec-websocket-key"].encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
        accept = base64.b64encode(key).decode()
        protocol = headers["sec-websocket-protocol"].split(",")[0]
        connection.sendall(
            f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: {protocol}\r\n\r\n".encode()
        )
        connection.sendall(b"\x82" + bytes([len(STATUS)]) + STATUS + b"\x88\x02\x03\xe8")
        while connection.recv(4096):
            pass
        return
    body = json.dumps(next((answer for end, answer in ANSWERS.items() if path.endswith(end)), NAMESPACE)).encode()
    connection.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    )


def _pump(secured: ssl.SSLSocket, near: socket.socket) -> None:
    """Carries both ways until either side ends."""

    def carry(read: Callable[[int], bytes], write: Callable[[bytes], object], end: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := read(1 << 16):
                write(piece)
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)

    with near:
        back = threading.Thread(target=carry, args=(near.recv, secured.sendall, secured), daemon=True)
        back.start()
        carry(secured.recv, near.sendall, near)
        back.join(TIMEOUT)
