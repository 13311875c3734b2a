"""A server at a loopback address that answers what a test says, byte for byte: half, slowly, for ever, or not at all."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit


@dataclass
class Reply:
    """An answer. `cut` sends only so many bytes of the body, though the length says more; `drip` is seconds between single bytes."""

    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    cut: int | None = None
    drip: float = 0.0
    raw: bytes | None = None
    """Sent instead of everything else."""
    repeat: int = 1
    """How many times the body is sent, for one that need not be kept whole."""


@dataclass(frozen=True)
class Request:
    """What was asked."""

    method: str
    path: str
    query: str
    headers: Any
    body: bytes


Answering = Callable[[Request], Reply]


class Hostile:
    """The server; `begin` says how it answers from now on."""

    def __init__(self) -> None:
        self._answering: Answering | None = None
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hostile": self}))
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._http.server_port}"

    def begin(self, answers: Any) -> None:
        """The answers of the next input: something with a method `answering`, which gets the server's address."""
        self._answering = answers.answering(self.address) if answers else None

    def reply(self, request: Request) -> Reply:
        """The answer to a request."""
        return self._answering(request) if self._answering else Reply(404)

    def close(self) -> None:
        """Ends it."""
        self._http.shutdown()
        self._http.server_close()


class _Handler(BaseHTTPRequestHandler):
    """One connection for each request."""

    hostile: Hostile
    timeout = 30

    def handle_one_request(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().handle_one_request()
        self.close_connection = True

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        parts = urlsplit(self.path)
        reply = self.hostile.reply(Request(self.command, unquote(parts.path), parts.query, self.headers, self.rfile.read(length)))
        if reply.raw is not None:
            self.wfile.write(reply.raw)
            return
        self.wfile.write(_head(reply))
        if self.command != "HEAD":
            self._send_body(reply)
        self.wfile.flush()
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

    def _send_body(self, reply: Reply) -> None:
        body = reply.body if reply.cut is None else reply.body[: reply.cut]
        if not reply.drip:
            for _ in range(reply.repeat):
                self.wfile.write(body)
            return
        for position in range(len(body)):
            self.wfile.write(body[position : position + 1])
            self.wfile.flush()
            time.sleep(reply.drip)

    def log_message(self, *_: Any) -> None:
        pass


def _head(reply: Reply) -> bytes:
    """Status line and headers as they are, whatever is in them."""
    headers = list(reply.headers)
    if not any(name.lower() == "content-length" for name, _ in headers):
        headers.append(("Content-Length", str(len(reply.body) * reply.repeat)))
    lines = [f"HTTP/1.1 {reply.status} X", *(f"{name}: {value}" for name, value in headers), "Connection: close"]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n"
