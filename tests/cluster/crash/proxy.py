"""A proxy in front of the API server or a registry that counts what is written, and does something when the wanted write comes by."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

READS = ("GET", "HEAD", "OPTIONS")
IDLE_SECONDS = 20.0
"""How long a connection may have been idle to be used again; servers end theirs after a minute or more."""
HOP_BY_HOP = ("connection", "transfer-encoding", "content-length", "keep-alive")
REFUSAL = b'{"kind":"Status","apiVersion":"v1","status":"Failure","code":503,"reason":"ServiceUnavailable"}'


class Proxy:
    """Passes everything on. `before` is asked for each write by its number (from 1), `after` told once the server has done it.

    What they give is what happens to the answer: nothing (it is passed on), `drop` (the connection ends without it) or
    `refuse` (503; from `before` the write is then not passed on). While `is_cut`, every connection ends at once.
    """

    def __init__(self, connect: Callable[[], http.client.HTTPConnection]) -> None:
        self._connect, self._idle = connect, deque[tuple[float, http.client.HTTPConnection]]()
        self._lock = threading.Lock()
        self.is_cut = False
        self.writes: list[str] = []
        self.before: Callable[[int], str] = lambda _: ""
        self.after: Callable[[int], str] = lambda _: ""
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": self}))
        self._http.daemon_threads = True
        self.host = f"127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def watch(self, before: Callable[[int], str] | None = None, after: Callable[[int], str] | None = None) -> None:
        """Counts anew, with other listeners."""
        with self._lock:
            self.writes = []
            self.before, self.after = before or (lambda _: ""), after or (lambda _: "")

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self.forget()

    def lend(self) -> http.client.HTTPConnection:
        """A connection to the server, one that is open already where there is one: each new one costs both sides milliseconds."""
        with contextlib.suppress(IndexError):
            since, connection = self._idle.pop()
            if time.monotonic() - since < IDLE_SECONDS:
                return connection
            connection.close()
        return self._connect()

    def take_back(self, connection: http.client.HTTPConnection) -> None:
        """Keeps a connection whose last answer was read to its end."""
        self._idle.append((time.monotonic(), connection))

    def forget(self) -> None:
        """Keeps no connection: the server is another one."""
        with contextlib.suppress(IndexError):
            while True:
                self._idle.pop()[1].close()

    def count(self, method: str, path: str, body: bytes) -> int:
        """The number of a write; 0 for what only reads, tries or renews."""
        parts = urlsplit(path)
        renewal = method == "PUT" and "/leases/" in parts.path
        tried = "dryRun" in parts.query or (method == "DELETE" and b'"dryRun"' in body)
        if method in READS or tried or renewal or parts.path.endswith("selfsubjectaccessreviews"):
            return 0
        with self._lock:
            self.writes.append(f"{method} {parts.path}")
            return len(self.writes)


class _Handler(BaseHTTPRequestHandler):
    """One connection for each request, so that an answer may end when its connection does."""

    proxy: Proxy

    def handle_one_request(self) -> None:
        with contextlib.suppress(ConnectionError, TimeoutError, http.client.HTTPException, OSError):
            super().handle_one_request()
        self.close_connection = True

    def pass_on(self) -> None:
        proxy = self.proxy
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) if self.headers.get("Content-Length") else self._chunks()
        number = 0 if proxy.is_cut else proxy.count(self.command, self.path, body)
        verdict = proxy.before(number) if number else ""
        if verdict == "refuse":
            self._answer(503, REFUSAL)
            return
        if proxy.is_cut or verdict == "drop":
            self._end()
            return
        upstream = proxy.lend()
        ended = False
        try:
            headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", *HOP_BY_HOP)}
            upstream.request(self.command, self.path, body or None, headers)
            answer = upstream.getresponse()
            verdict = proxy.after(number) if number else ""
            if verdict == "drop" or proxy.is_cut:
                self._end()
            elif verdict == "refuse":
                self._answer(503, REFUSAL)
            else:
                self._stream(answer)
                ended = answer.isclosed() and not answer.will_close
        finally:
            if ended:
                proxy.take_back(upstream)
            else:
                upstream.close()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = pass_on

    def _chunks(self) -> bytes:
        """A body in chunks, as client-go sends some."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return b""
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _stream(self, answer: http.client.HTTPResponse) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        if self.command == "HEAD" and answer.getheader("Content-Length"):
            self.send_header("Content-Length", str(answer.getheader("Content-Length")))
        self.send_header("Connection", "close")
        self.end_headers()
        for piece in _pieces(answer):
            if self.proxy.is_cut:
                self._end()
                return
            self.wfile.write(piece)
            self.wfile.flush()

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def _end(self) -> None:
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


def _pieces(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    while piece := answer.read1(1 << 16):
        yield piece
