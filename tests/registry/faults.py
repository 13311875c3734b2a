"""A way to a real registry that goes wrong where a test wants it to."""

from __future__ import annotations

import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from images import RealRegistry

Fault = Callable[[Any], bool]


class FaultyWay:
    """Hands requests on to a registry; `fault` may answer one itself, and says whether it did."""

    def __init__(self, registry: RealRegistry) -> None:
        self.fault: Fault = lambda handler: False
        self.asked: list[str] = []
        way = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                way.asked.append(f"{self.command} {self.path}")
                self.content = self._chunked() if self.headers.get("Transfer-Encoding") else self._sized()
                if way.fault(self):
                    return
                hop = {"connection", "content-length", "transfer-encoding"}
                headers = {name: value for name, value in self.headers.items() if name.lower() not in hop}
                headers.setdefault("Content-Type", "application/octet-stream")  # urllib would name a form
                body = self.content if self.command in ("POST", "PATCH", "PUT") else None
                request = urllib.request.Request(f"http://{registry.host}{self.path}", body, headers, method=self.command)
                try:
                    answer = urllib.request.urlopen(request, timeout=20)
                except urllib.error.HTTPError as error:
                    answer = error
                with answer:
                    self.reply(answer.status, answer.read(), {k: v for k, v in answer.headers.items() if k.lower() not in hop})

            def _sized(self) -> bytes:
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))

            def _chunked(self) -> bytes:
                parts = []
                while size := int(self.rfile.readline().partition(b";")[0], 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(parts)

            def reply(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> bool:
                self.send_response_only(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                if self.command != "HEAD" or "Content-Length" not in (headers or {}):
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)
                return True

            def hang(self, seconds: float) -> bool:
                time.sleep(seconds)
                self.close_connection = True
                return True

            do_GET = do_HEAD = do_POST = do_PATCH = do_PUT = do_DELETE = _answer

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                pass  # a client that is ended in the middle

        self.server = Server(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def status_for(method: str, part: str, status: int) -> Fault:
    """Answers with the status where method and a part of the path fit."""
    return lambda handler: handler.command == method and part in handler.path and handler.reply(status)
