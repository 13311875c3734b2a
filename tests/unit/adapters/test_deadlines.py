"""A server that sends a byte now and then: each read is in time, and the whole answer never is."""

from __future__ import annotations

import contextlib
import gc
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from helmtool.adapters import connection
from helmtool.adapters.answer import ClusterUnreachable
from helmtool.adapters.cluster import Cluster
from helmtool.adapters.connection import Request
from helmtool.adapters.kubeconfig import read_access
from helmtool.adapters.lease import LeaseStore
from helmtool.adapters.registry import transport
from helmtool.adapters.registry.errors import RegistryUnreachable
from helmtool.adapters.service import through_proxy
from helmtool.adapters.web import public_status
from helmtool.model.lease import Lease

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
ANSWERS = {
    "the first line": b"",
    "a header": b"HTTP/1.1 200 OK\r\nX-Slow: ",
    "the body": HEAD,
    "100 Continue": b"HTTP/1.1 100 Continue\r\n\r\n",
}
SECONDS = 1.0
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # sockets of calls that were given up


@pytest.fixture
def trickling() -> Iterator[Callable[[bytes], int]]:
    """Starts a server that begins with the bytes and goes on with one each 0.2 s, for at most 20 s; returns its port."""
    ended = threading.Event()
    servers = []

    def serve(server: socket.socket, begin: bytes) -> None:
        with contextlib.suppress(OSError):
            client, _ = server.accept()
            with client:
                client.recv(65536)
                client.sendall(begin)
                until = time.monotonic() + 20
                while time.monotonic() < until and not ended.wait(0.2):
                    client.sendall(begin if b"100" in begin else b"x")

    def start(begin: bytes) -> int:
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)
        threading.Thread(target=serve, args=(server, begin), daemon=True).start()
        return int(server.getsockname()[1])

    yield start
    ended.set()
    for server in servers:
        server.close()
    for thread in threading.enumerate():  # calls that were given up end now, and their sockets go here and not in another test
        if thread.name == "request":
            thread.join(20)
    gc.collect()


@pytest.fixture
def cluster(tmp_path: Path, trickling: Callable[[bytes], int]) -> Callable[[str], Cluster]:
    def connect(answer: str) -> Cluster:
        (tmp_path / "config").write_text(
            "current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\n"
            f"clusters: [{{name: c, cluster: {{server: 'http://127.0.0.1:{trickling(ANSWERS[answer])}'}}}}]\n"
        )
        return Cluster(read_access(str(tmp_path / "config")), "dqm")

    return connect


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_that_trickles_is_given_up_in_time(cluster: Callable[[str], Cluster], answer: str) -> None:
    began = time.monotonic()
    with pytest.raises(ClusterUnreachable, match="does not answer"):
        cluster(answer).request("GET", "/api/v1/namespaces/dqm", seconds=SECONDS)
    assert time.monotonic() - began < 5 * SECONDS


def test_one_that_nobody_limits_is_given_up_too(cluster: Callable[[str], Cluster], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "WHOLE", SECONDS)
    with pytest.raises(ClusterUnreachable, match="no complete answer within 1 s"):
        cluster("the body").connection.send(Request("GET", "/api/v1/pods"))


def test_a_renewal_of_the_lock_ends_before_another_may_take_it(cluster: Callable[[str], Cluster]) -> None:
    """The keeper of the lock sees by its clock alone that it is lost: no request holds it up."""
    lease = Lease("ann/1", "ann", "release", "", "", 5, uid="u", version="1")
    for ask in (
        lambda store: store.write(lease, {}, SECONDS),
        lambda store: store.read(SECONDS),
    ):
        began = time.monotonic()
        with pytest.raises(ClusterUnreachable):
            ask(LeaseStore(cluster("a header"), "newdqmgui"))
        assert time.monotonic() - began < 5 * SECONDS


def test_a_service_that_trickles_is_no_answer(cluster: Callable[[str], Cluster], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("helmtool.adapters.service.SECONDS", SECONDS)
    reply = through_proxy(cluster("the body"), "newdqmgui", 8889, "/")
    assert (reply.status, "does not answer" in reply.text) == (0, True)


@pytest.mark.parametrize("answer", ["the first line", "a header", "100 Continue"])
def test_a_registry_or_a_public_address_that_trickles(
    trickling: Callable[[bytes], int], monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setattr(transport, "BODY_TIMEOUT", 0.0)
    monkeypatch.setattr("helmtool.adapters.web.TIMEOUT", SECONDS)
    began = time.monotonic()
    registry = transport.Transport(host := f"127.0.0.1:{trickling(ANSWERS[answer])}")
    registry.patience = SECONDS
    with pytest.raises(RegistryUnreachable):
        registry.send("GET", f"http://{host}/v2/", {}, limit=1000)
    assert public_status(f"http://127.0.0.1:{trickling(ANSWERS[answer])}/")[0] == 0
    assert time.monotonic() - began < 10 * SECONDS
