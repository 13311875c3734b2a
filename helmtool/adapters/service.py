"""Asks the running service itself, by ways that need no address of it."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import quote

from helmtool.adapters.answer import ClusterUnreachable
from helmtool.adapters.cluster import Cluster
from helmtool.adapters.connection import Request
from helmtool.adapters.deadline import within
from helmtool.errors import Unreachable

V4 = "v4.channel.k8s.io"
SECONDS = 30.0
CLOSING = 4.0


class Reply(NamedTuple):
    """What the service answered: HTTP status, 0 where nothing came through; `text` then says why."""

    status: int
    text: str = ""


def through_proxy(cluster: Cluster, service: str, port: int, path: str) -> Reply:
    """A GET through the API server's service proxy; status 0 where the API server itself cannot get through or forbids it."""
    where = f"/api/v1/namespaces/{cluster.namespace}/services/{service}:{port}/proxy{path}"
    try:
        answer = cluster.connection.send(Request("GET", where), SECONDS)
    except ClusterUnreachable as error:
        return Reply(0, error.message)
    own = _status_object(answer.data) if answer.status >= 400 else {}
    return Reply(0, str(own.get("message"))) if own else Reply(int(answer.status))


def through_port_forward(cluster: Cluster, pod: str, port: int, path: str) -> Reply:
    """A GET through a port-forward to a pod, which no NetworkPolicy keeps out."""
    try:
        with _forwarded(cluster, pod, port) as connection:
            return within(SECONDS, partial(_asked, connection, path))
    except (OSError, http.client.HTTPException, Unreachable) as error:
        return Reply(0, f"no port-forward to {pod}: {error}" if str(error) else f"no answer through a port-forward to {pod}")


def _asked(connection: http.client.HTTPConnection, path: str) -> Reply:
    connection.request("GET", path, headers={"Host": "localhost", "Connection": "close", "User-Agent": "helmtool"})
    with contextlib.closing(connection.getresponse()) as answer:
        return Reply(answer.status)


@contextlib.contextmanager
def _forwarded(cluster: Cluster, pod: str, port: int) -> Iterator[http.client.HTTPConnection]:
    from kubernetes.stream.ws_client import PortForward
    from websocket import WebSocketBadStatusException

    path = f"/api/v1/namespaces/{cluster.namespace}/pods/{quote(pod, safe='')}/portforward"
    try:
        websocket = cluster.connection.open_websocket(path, [("ports", str(port))], (V4,))
    except WebSocketBadStatusException as error:
        raise OSError(f"the API server answered {error.status_code}") from None
    make: Any = PortForward
    forward = make(websocket, [port])
    connection = http.client.HTTPConnection("localhost", port, timeout=SECONDS)
    connection.sock = forward.socket(port)
    connection.sock.settimeout(SECONDS)
    try:
        yield connection
    finally:
        connection.close()
        forward.close()
        _await_end(forward, port)


def _await_end(forward: Any, port: int) -> None:
    """Its thread says goodbye to the API server once both sides have let go; after a failure it leaves the connection open."""
    for thread in threading.enumerate():
        if thread.name == f"Kubernetes port forward proxy: {port}":
            thread.join(CLOSING)
    forward.websocket.shutdown()


def _status_object(data: bytes) -> dict[str, Any]:
    """The API server's own error, which the service's answer cannot be taken for; empty where it is the service's."""
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) and body.get("kind") == "Status" and body.get("apiVersion") == "v1" else {}
