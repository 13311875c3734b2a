"""Answers of an API server that are larger, longer or of another shape than anything that it may be asked for."""

from __future__ import annotations

import json
import os
import struct
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from watched import Api, connect, has_no_end, pod, serving

from helmtool.adapters import cluster, connection
from helmtool.adapters.answer import AnswerTooLarge, ClusterUnreachable
from helmtool.adapters.attach import ExecFailed, run_in_pod
from helmtool.adapters.cluster import Cluster
from helmtool.adapters.stream import Source, Stream, snapshot

PODS = Source("v1", "Pod")


@pytest.fixture
def api() -> Iterator[Api]:
    with serving(Api()) as found:
        yield found


def test_a_large_answer_is_not_read_to_its_end(tmp_path: Path, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "LARGEST", 1 << 20)
    api.pods = {f"pod-{number}": pod(f"pod-{number}", padding="x" * 1000) for number in range(2000)}
    api.always = lambda handler, _: handler.answer(200, {"items": list(api.pods.values())})
    with pytest.raises(AnswerTooLarge) as raised:
        connect(tmp_path, api).list("v1", "Pod")
    assert raised.value.message.endswith(f":{api.port} sends more than 1 MiB for GET /api/v1/namespaces/dqm/pods")
    assert raised.value.hint.endswith("kubectl --context x get --raw '/api/v1/namespaces/dqm/pods' | wc -c")


def test_a_list_without_end_ends(tmp_path: Path, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "LIST_SECONDS", 1.0)
    api.always = has_no_end
    began = time.monotonic()
    with pytest.raises(ClusterUnreachable, match="the list of Pod objects has no end within 1 s"):
        snapshot(connect(tmp_path, api), PODS)
    assert 1.0 <= time.monotonic() - began < 3.0
    assert len({asked.query.get("continue") for asked in api.asked}) == len(api.asked) > 10


def test_a_stream_of_a_list_without_end_is_in_trouble_and_ends(tmp_path: Path, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "LIST_SECONDS", 0.5)
    api.always = has_no_end
    changed = threading.Event()
    stream = Stream(connect(tmp_path, api), PODS, changed.set)
    stream.start()
    assert changed.wait(10)
    assert "no end" in stream.trouble
    assert not stream.settled
    stream.close()
    assert stream.join(10)


NO_PODS: dict[str, Any] = {
    "no map": 5,
    "without metadata": {},
    "without a name": {"metadata": {"name": ""}, "spec": {"containers": [{"name": "c"}]}},
    "without containers": {"metadata": {"name": "a"}, "spec": {"containers": []}},
    "a container that is a text": {"metadata": {"name": "a"}, "spec": {"containers": ["c"]}},
    "labels that are a list": {"metadata": {"name": "a", "labels": []}, "spec": {"containers": [{"name": "c"}]}},
    "restarts that are a text": {**pod("a"), "status": {"containerStatuses": [{"restartCount": "4"}]}},
    "a state that is a text": {**pod("a"), "status": {"containerStatuses": [{"state": {"waiting": "x"}}]}},
}


@pytest.mark.parametrize("found", NO_PODS.values(), ids=NO_PODS)
def test_what_is_no_pod_is_none(found: Any, tmp_path: Path, api: Api) -> None:
    api.always = lambda handler, _: handler.answer(200, {"metadata": {"resourceVersion": "1"}, "items": [pod("good"), found]})
    for read in (lambda reached: snapshot(reached, PODS), lambda reached: reached.list("v1", "Pod")):
        with pytest.raises(ClusterUnreachable, match="no objects of the kind Pod"):
            read(connect(tmp_path, api))


Ends = Callable[[bytes], Cluster]


@pytest.fixture
def ends_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ends]:
    """A cluster whose kubelet ends every command with these bytes on the channel of the status, while input is still sent."""
    servers = []
    source, target = os.pipe()
    os.write(target, b"x" * 4000)
    monkeypatch.setattr(sys, "stdin", os.fdopen(source))

    def start(status: bytes) -> Cluster:
        handler = type("Bound", (Kubelet,), {"status": status})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return connect(tmp_path, Api(port=server.server_port))

    yield start
    os.close(target)
    sys.stdin.close()
    for server in servers:
        server.shutdown()
        server.server_close()


class Kubelet(BaseHTTPRequestHandler):
    """Accepts a command, says `status` and goodbye."""

    status: bytes

    def do_GET(self) -> None:
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response_only(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", b64encode(sha1(key.encode()).digest()).decode())
        self.send_header("Sec-WebSocket-Protocol", "v5.channel.k8s.io")
        self.end_headers()
        content = b"\x03" + self.status
        self.wfile.write(b"\x82\x7e" + struct.pack(">H", len(content)) + content + b"\x88\x02\x03\xe8")

    def log_message(self, *_: Any) -> None:
        """Silent."""


def failure(code: str) -> bytes:
    return json.dumps({"status": "Failure", "details": {"causes": [{"reason": "ExitCode", "message": code}]}}).encode()


STATUS = {"success": (b'{"status":"Success"}', 0), "1": (failure("1"), 1), "255": (failure("255"), 255)}
NO_STATUS = {"0": failure("0"), "256": failure("256"), "two": failure("²"), "huge": failure("9" * 5000), "negative": failure("-1")}
NO_STATUS |= {"text": b"oops", "list": b"[1]", "deep": b"[" * 50_000, "null": b"null", "nothing": b"", "not UTF-8": b"\xff\xfe"}


@pytest.mark.parametrize(("said", "code"), STATUS.values(), ids=STATUS)
def test_the_exit_code_is_the_kubelets(said: bytes, code: int, ends_with: Ends) -> None:
    assert run_in_pod(ends_with(said), "pod", "newdqmgui", ["true"], "next") == code


@pytest.mark.parametrize("said", NO_STATUS.values(), ids=NO_STATUS)
def test_a_status_without_an_exit_code_is_a_failure(said: bytes, ends_with: Ends) -> None:
    with pytest.raises(ExecFailed, match=r"expected an exit code from 1 to 255|ended before the command did") as raised:
        run_in_pod(ends_with(said), "pod", "newdqmgui", ["true"], "helmtool describe prod")
    assert len(raised.value.message) < 200
