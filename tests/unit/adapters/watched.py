"""A small API server on the loopback address that has pods, and whose lists and watches misbehave as a test says."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from helmtool.adapters.cluster import Cluster
from helmtool.adapters.kubeconfig import read_access

PODS = "/api/v1/namespaces/dqm/pods"
RESOURCES = {"resources": [{"kind": "Pod", "name": "pods", "namespaced": True}]}
Manifest = dict[str, Any]
PATIENCE = 20.0


def pod(name: str, version: int = 1, **metadata: Any) -> Manifest:
    metadata = {"name": name, "resourceVersion": str(version), **metadata}
    return {"metadata": metadata, "spec": {"containers": [{"name": "newdqmgui"}]}}


@dataclass
class Asked:
    """One request: when it came, its path and its query."""

    at: float
    path: str
    query: dict[str, str]

    @property
    def is_watch(self) -> bool:
        return "watch" in self.query


@dataclass
class Api:
    """The pods by name, what was asked, and the behaviours of the next lists and watches; well-behaved without one."""

    port: int = 0
    pods: dict[str, Manifest] = field(default_factory=dict)
    version: int = 1
    asked: list[Asked] = field(default_factory=list)
    lists: deque[Behaviour] = field(default_factory=deque)
    watches: deque[Behaviour] = field(default_factory=deque)
    always: Behaviour | None = None
    ended: threading.Event = field(default_factory=threading.Event)
    changed: threading.Condition = field(default_factory=threading.Condition)
    log: list[tuple[int, bytes]] = field(default_factory=list)

    def put(self, name: str) -> None:
        """Makes or changes a pod; watches that are held tell it."""
        self._tell("MODIFIED" if name in self.pods else "ADDED", name)

    def remove(self, name: str) -> None:
        self._tell("DELETED", name)

    def bookmark(self) -> None:
        with self.changed:
            self.version += 1
            self._log({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": str(self.version)}}})

    def _tell(self, kind: str, name: str) -> None:
        with self.changed:
            self.version += 1
            found = pod(name, self.version)
            self.pods[name] = found
            if kind == "DELETED":
                del self.pods[name]
            self._log({"type": kind, "object": found})

    def _log(self, event: Manifest) -> None:
        self.log.append((self.version, json.dumps(event).encode() + b"\n"))
        self.changed.notify_all()

    @property
    def listed(self) -> list[Asked]:
        return [a for a in self.asked if a.path.startswith(PODS) and not a.is_watch]

    @property
    def watched(self) -> list[Asked]:
        return [a for a in self.asked if a.is_watch]


class Handler(BaseHTTPRequestHandler):
    """Answers discovery by itself, everything else by the next behaviour."""

    protocol_version = "HTTP/1.1"
    api: Api

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        asked = Asked(time.monotonic(), url.path, dict(parse_qsl(url.query)))
        if url.path == "/api/v1":
            self.answer(200, RESOURCES)
            return
        self.api.asked.append(asked)
        queue, usual = (self.api.watches, hold) if asked.is_watch else (self.api.lists, snapshot)
        behaviour = queue.popleft() if queue else self.api.always or usual
        with contextlib.suppress(OSError):  # the client may leave at any time
            behaviour(self, asked)

    def answer(self, status: int, body: Any, **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def begin(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def chunk(self, data: bytes) -> None:
        """An empty one ends the answer in good order."""
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def log_message(self, *_: Any) -> None:
        """Silent."""


Behaviour = Callable[[Handler, Asked], None]


def snapshot(handler: Handler, asked: Asked) -> None:
    api = handler.api
    name = asked.path.removeprefix(PODS).lstrip("/")
    if name:
        found = api.pods.get(name)
        handler.answer(200 if found else 404, found or {"kind": "Status", "reason": "NotFound"})
        return
    with api.changed:
        names = [n for n in sorted(api.pods) if asked.query.get("fieldSelector", f"metadata.name={n}") == f"metadata.name={n}"]
        first, size = int(asked.query.get("continue", 0)), int(asked.query["limit"])
        more = {"continue": str(first + size)} if first + size < len(names) else {}
        metadata = {"resourceVersion": str(api.version), **more}
        handler.answer(200, {"metadata": metadata, "items": [api.pods[n] for n in names[first : first + size]]})


def has_no_end(handler: Handler, asked: Asked) -> None:
    """A page after which there is always another."""
    following = str(int(asked.query.get("continue", 0)) + 1)
    handler.answer(200, {"metadata": {"resourceVersion": "1", "continue": following}, "items": []})


def hold(handler: Handler, asked: Asked) -> None:
    """A watch as it should be: what came after the version, and then what comes."""
    api, told = handler.api, int(asked.query["resourceVersion"])
    handler.begin()
    handler.wfile.flush()
    while not api.ended.is_set():
        with api.changed:
            news = [(version, line) for version, line in api.log if version > told]
            if not news:
                api.changed.wait(0.05)
        for version, line in news:
            handler.chunk(line)
            told = version
    handler.close_connection = True


def says(*lines: bytes, end: bool = True) -> Behaviour:
    """A watch that tells these lines and ends, in good order or not."""

    def behave(handler: Handler, _: Asked) -> None:
        handler.begin()
        for line in lines:
            handler.chunk(line)
        if end:
            handler.chunk(b"")
        else:
            handler.close_connection = True

    return behave


def event(kind: str, found: Any) -> bytes:
    return json.dumps({"type": kind, "object": found}).encode() + b"\n"


def refuses(status: int, message: str = "no", **headers: str) -> Behaviour:
    return lambda handler, _: handler.answer(status, {"kind": "Status", "code": status, "message": message}, **headers)


def is_silent(handler: Handler, _: Asked) -> None:
    """Takes the request and never answers."""
    handler.api.ended.wait(PATIENCE)
    handler.close_connection = True


def falls_silent(handler: Handler, _: Asked) -> None:
    handler.begin()
    handler.wfile.flush()
    is_silent(handler, _)


@contextlib.contextmanager
def serving(api: Api) -> Iterator[Api]:
    """The server, until the block is left; on the port that it has already, where it has one."""
    api.ended.clear()
    handler = type("Bound", (Handler,), {"api": api})
    server = ThreadingHTTPServer(("127.0.0.1", api.port), handler)
    server.daemon_threads = True
    api.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield api
    finally:
        api.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()


def connect(folder: Path, api: Api) -> Cluster:
    file = folder / "config"
    file.write_text(
        "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
        f"clusters: [{{name: c, cluster: {{server: 'http://127.0.0.1:{api.port}'}}}}]\nusers: [{{name: u, user: {{token: t}}}}]\n"
    )
    return Cluster(read_access(str(file)), "dqm")


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
