"""A server between the program and a real registry: it passes everything on, except where a test tells it to misbehave."""

from __future__ import annotations

import contextlib
import http.client
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HOP = ("connection", "transfer-encoding", "content-length", "keep-alive")


@dataclass(frozen=True)
class Asked:
    """One request as it came; `path` is raw, with its query."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = field(default=b"", repr=False)


@dataclass
class Reply:
    """One answer. `keep` bytes of the body are sent, all of them where it is negative; each byte `drip` seconds after the last."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    keep: int = -1
    wait: float = 0.0
    drip: float = 0.0
    endless: bool = False
    cut: bool = False


Before = Callable[[Asked], Reply | None]
After = Callable[[Asked, Reply], Reply]


class Meddler:
    """Listens on a free port; `before` may answer instead of the registry, `after` may change what the registry answered."""

    def __init__(self, upstream: str = "", before: Before = lambda asked: None, after: After = lambda asked, reply: reply) -> None:
        self.upstream, self.before, self.after = upstream, before, after
        self.asked: list[Asked] = []
        meddler = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                asked = Asked(self.command, self.path, dict(self.headers.items()), _body(self))
                meddler.asked.append(asked)
                reply = meddler.before(asked) or meddler.after(asked, meddler.pass_on(asked))
                with contextlib.suppress(OSError):
                    meddler.answer(self, reply)

            do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = handle_any

            def log_message(self, *_: Any) -> None:
                pass

        self.server = _Quiet(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server.server_address[1]}"

    def paths(self, method: str) -> list[str]:
        return [asked.path for asked in self.asked if asked.method == method]

    def pass_on(self, asked: Asked) -> Reply:
        if not self.upstream:
            return Reply(404, {"Content-Type": "text/plain"}, b"404 page not found\n")
        connection = http.client.HTTPConnection(self.upstream, timeout=10)
        headers = {key: value for key, value in asked.headers.items() if key.lower() not in HOP}
        connection.request(asked.method, asked.path, asked.body or None, headers)
        answer = connection.getresponse()
        kept = {key: value for key, value in answer.getheaders() if key.lower() not in HOP or asked.method == "HEAD"}
        reply = Reply(answer.status, kept, answer.read())
        connection.close()
        return reply

    @staticmethod
    def answer(handler: BaseHTTPRequestHandler, reply: Reply) -> None:
        time.sleep(reply.wait)
        if reply.cut:
            handler.close_connection = True
            handler.connection.shutdown(2)
            return
        handler.send_response(reply.status)
        for key, value in reply.headers.items():
            handler.send_header(key, value)
        if not reply.endless and handler.command != "HEAD":
            handler.send_header("Content-Length", str(len(reply.body)))
        if reply.endless or reply.keep >= 0:
            handler.send_header("Connection", "close")
            handler.close_connection = True
        handler.end_headers()
        if handler.command == "HEAD":
            return
        for part in _parts(reply):
            handler.wfile.write(part)

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class _Quiet(ThreadingHTTPServer):
    """A client that goes away in the middle is what some tests are about; its traceback would land in the program's stderr."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


def _body(handler: BaseHTTPRequestHandler) -> bytes:
    """The body of a request, in whichever of the two ways it is sent: docker does not know its length before."""
    if not handler.headers.get("Transfer-Encoding"):
        return handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
    parts = []
    while size := int(handler.rfile.readline().partition(b";")[0], 16):
        parts.append(handler.rfile.read(size))
        handler.rfile.readline()
    handler.rfile.readline()
    return b"".join(parts)


def status_for(method: str, part: str, status: int) -> Before:
    """Answers with the status where the method and a part of the path fit."""
    return lambda asked: Reply(status) if asked.method == method and part in asked.path else None


def _parts(reply: Reply) -> Iterator[bytes]:
    body = reply.body if reply.keep < 0 else reply.body[: reply.keep]
    if reply.drip:
        for byte in body:
            yield bytes([byte])
            time.sleep(reply.drip)
        return
    yield body
    while reply.endless:
        yield b" " * 65536
