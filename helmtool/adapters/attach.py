"""A command in a pod, with this process's own standard streams; on a terminal it gets one of its own."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import ssl
import struct
import sys
import termios
import threading
import tty
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from helmtool.adapters.answer import Answer
from helmtool.adapters.cluster import Cluster
from helmtool.errors import OperationFailed
from helmtool.model.reading import listing, text

STDIN, STDOUT, STDERR, RESIZE = 0, 1, 2, 4
"""Channels of the exec subresource (Kubernetes' remotecommand protocol, version 5, which can also close stdin)."""
PIECE = 1 << 15
PATIENCE_MS = 1000
"""How long a look for news of either side may take."""


class ExecFailed(OperationFailed):
    """The command could not be started in the pod."""

    code = "exec-failed"


def run_in_pod(cluster: Cluster, pod: str, container: str, argv: Sequence[str], hint: str) -> int:
    """Runs a program in a container until it ends, and gives its exit code.

    With a terminal on stdin and stdout the program has one too, which follows this one's size and gets its keys, Ctrl-C among
    them. Raises ExecFailed (with `hint`), ClusterForbidden and ClusterUnreachable.
    """
    on_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    session = _open(cluster, pod, container, argv, on_terminal, hint)
    try:
        with _raw_terminal(session) if on_terminal else contextlib.nullcontext():
            _pass_on(session, cluster)
        return _exit_code(session, hint)
    finally:
        session.close()
        session.sock.shutdown()  # of a connection that the other side ended, close() leaves the socket open


def _open(cluster: Cluster, pod: str, container: str, argv: Sequence[str], on_terminal: bool, hint: str) -> Any:
    # `kubernetes.stream.stream` would keep all output in memory, and tell the status of a refusal in a sentence alone.
    from kubernetes.stream import ws_client
    from websocket import WebSocketBadStatusException, WebSocketException

    streams = {"stdin": True, "stdout": True, "stderr": not on_terminal, "tty": on_terminal}
    query = [("container", container), *(("command", word) for word in argv), *((name, str(on).lower()) for name, on in streams.items())]
    client = cluster.connection.client
    headers = {"authorization": client.authorization} if client.authorization else {}
    path = f"/api/v1/namespaces/{cluster.namespace}/pods/{quote(pod, safe='')}/exec"
    connect: Any = ws_client.WSClient
    address: Any = ws_client.get_websocket_url
    try:
        return connect(client.configuration, address(client.configuration.host + path, query), headers, False, binary=True)
    except WebSocketBadStatusException as error:
        said = _message(error.resp_body)
        if error.status_code in (401, 403):
            raise cluster.forbidden(Answer(error.status_code, {"message": said})) from None
        raise ExecFailed(f"no command can be started in {pod}: {said or error.status_code}", hint=hint) from None
    except (WebSocketException, OSError) as error:
        raise cluster.connection.unreachable(error) from None


def _message(body: bytes | None) -> str:
    """The API server's sentence in the body of a refusal."""
    with contextlib.suppress(ValueError):
        return text(json.loads(body or b""), "message")
    return (body or b"").decode(errors="replace")[:200]


def _pass_on(session: Any, cluster: Cluster) -> None:
    """Carries both ways until the program ends."""
    from websocket import WebSocketException

    poll = select.poll()
    poll.register(session.sock.sock, select.POLLIN)
    poll.register(sys.stdin.fileno(), select.POLLIN)
    try:
        while session.is_open():
            ready = _ready(poll, session)
            if session.sock.sock and session.sock.sock.fileno() in ready:
                session.update(timeout=0)
            _write_out(session)
            if sys.stdin.fileno() in ready and not _send_input(session):
                poll.unregister(sys.stdin.fileno())
    except (WebSocketException, OSError) as error:
        raise cluster.connection.unreachable(error) from None
    _write_out(session)


def _ready(poll: select.poll, session: Any) -> set[int]:
    """Which side has something; what TLS has decrypted already shows on no socket."""
    waiting = isinstance(session.sock.sock, ssl.SSLSocket) and session.sock.sock.pending()
    ready = {number for number, _ in poll.poll(0 if waiting else PATIENCE_MS)}
    return ready | ({session.sock.sock.fileno()} if waiting else set())


def _send_input(session: Any) -> bool:
    """Whether stdin goes on."""
    data = os.read(sys.stdin.fileno(), PIECE)
    if data:
        session.write_channel(STDIN, data)
    else:
        session.close_channel(STDIN)
    return bool(data)


def _write_out(session: Any) -> None:
    for channel, stream in ((STDOUT, sys.stdout), (STDERR, sys.stderr)):
        if data := session.read_channel(channel) if channel in session._channels else b"":
            stream.buffer.write(data)
            stream.buffer.flush()


def _exit_code(session: Any, hint: str) -> int:
    """Of the program, as the kubelet's last message has it; a Status object of the API."""
    said = json.loads(session.read_channel(3) or b"{}")
    if said.get("status") == "Success":
        return 0
    causes = {text(cause, "reason"): text(cause, "message") for cause in listing(said, "details", "causes")}
    if causes.get("ExitCode", "").isdigit():
        return int(causes["ExitCode"])
    raise ExecFailed(text(said, "message") or "the connection to the pod ended before the command did", hint=hint)


@contextlib.contextmanager
def _raw_terminal(session: Any) -> Iterator[None]:
    """Every key goes to the pod, until the end; the pod's terminal has this one's size, also where that changes."""
    number = sys.stdin.fileno()
    before = termios.tcgetattr(number)
    handler = _on_resize(session)
    try:
        tty.setraw(number, termios.TCSANOW)  # keeps what was typed ahead
        yield
    finally:
        termios.tcsetattr(number, termios.TCSADRAIN, before)
        if handler is not None:
            signal.signal(signal.SIGWINCH, handler)


def _on_resize(session: Any) -> Any:
    def tell(*_: object) -> None:
        rows, columns = struct.unpack("HHHH", fcntl.ioctl(sys.stdout.fileno(), termios.TIOCGWINSZ, bytes(8)))[:2]
        session.write_channel(RESIZE, json.dumps({"Width": columns, "Height": rows}))

    tell()
    return signal.signal(signal.SIGWINCH, tell) if threading.current_thread() is threading.main_thread() else None
