"""A command in a pod, with this process's own standard streams; on a terminal it gets one of its own."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
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

from helmtool.adapters.answer import Answer, decoded
from helmtool.adapters.cluster import Cluster
from helmtool.errors import OperationFailed
from helmtool.model.reading import listing, message_of, text

STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
"""Channels of the exec subresource (Kubernetes' remotecommand protocol); only version 5 can also close stdin."""
V5, V4 = "v5.channel.k8s.io", "v4.channel.k8s.io"
PIECE, LONGEST_STATUS = 1 << 15, 1 << 20
"""Bytes read at once, and those of the Status object that are kept."""
PATIENCE_MS = 1000
"""How long a look for news of either side may take."""


class ExecFailed(OperationFailed):
    """The command could not be started in the pod."""

    code = "exec-failed"


class _Session:
    """The WebSocket of one command: the first byte of each message is its channel."""

    def __init__(self, websocket: Any) -> None:
        self.websocket = websocket
        self.is_open = True
        self.status = b""
        """What the kubelet says of the end: a Status object of the API."""

    def send(self, channel: int, data: bytes) -> None:
        """Sends data on a channel; no data closes it, if the server can."""
        if data:
            self.websocket.send_binary(bytes([channel]) + data)
        elif self.websocket.subprotocol == V5:
            self.websocket.send_binary(bytes([CLOSE, channel]))

    def receive(self) -> None:
        """Takes one message and writes output to this process's own streams."""
        from websocket import ABNF

        opcode, frame = self.websocket.recv_data_frame(True)
        if opcode == ABNF.OPCODE_CLOSE:
            self.is_open = False
        elif opcode in (ABNF.OPCODE_BINARY, ABNF.OPCODE_TEXT) and frame.data:
            channel, data = frame.data[0], frame.data[1:]
            if channel in (STDOUT, STDERR):
                stream = (sys.stdout if channel == STDOUT else sys.stderr).buffer
                stream.write(data)
                stream.flush()
            elif channel == ERROR:
                self.status = (self.status + data)[:LONGEST_STATUS]


def run_in_pod(cluster: Cluster, pod: str, container: str, argv: Sequence[str], hint: str) -> int:
    """Runs a program in a container until it ends, and returns its exit code.

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
        session.websocket.close()
        session.websocket.shutdown()  # of a connection that the other side ended, close() leaves the socket open


def _open(cluster: Cluster, pod: str, container: str, argv: Sequence[str], on_terminal: bool, hint: str) -> _Session:
    # `kubernetes.stream` is not used: it keeps all output in memory, tells the status of a refusal in a sentence alone,
    # and knows neither SOCKS nor impersonation.
    from websocket import WebSocketBadStatusException

    streams = {"stdin": True, "stdout": True, "stderr": not on_terminal, "tty": on_terminal}
    query = [("container", container), *(("command", word) for word in argv), *((name, str(on).lower()) for name, on in streams.items())]
    path = f"/api/v1/namespaces/{cluster.namespace}/pods/{quote(pod, safe='')}/exec"
    try:
        return _Session(cluster.connection.open_websocket(path, query, (V5, V4)))
    except WebSocketBadStatusException as error:
        said = _message(error.resp_body)
        if error.status_code in (401, 403):
            raise cluster.forbidden(Answer(error.status_code, {"message": said})) from None
        raise ExecFailed(f"no command can be started in {pod}: {said or error.status_code}", hint=hint) from None


def _message(body: bytes | None) -> str:
    """The API server's sentence in the body of a refusal."""
    document = decoded(body or b"")
    return message_of(document) if document else (body or b"").decode(errors="replace")[:200]


def _pass_on(session: _Session, cluster: Cluster) -> None:
    """Carries both ways until the program ends."""
    from websocket import WebSocketException

    poll = select.poll()
    server, stdin = session.websocket.sock.fileno(), sys.stdin.fileno()
    poll.register(server, select.POLLIN)
    poll.register(stdin, select.POLLIN)
    try:
        while session.is_open:
            ready = _ready(poll, session)
            if server in ready:
                session.receive()
            if stdin in ready and not _send_on(session, os.read(stdin, PIECE)):
                poll.unregister(stdin)
    except (WebSocketException, OSError) as error:
        if not (session.status or isinstance(error, BrokenPipeError)):  # the goodbye of one that has ended cannot be answered
            raise cluster.connection.unreachable(error) from None


def _send_on(session: _Session, data: bytes) -> bool:
    """Sends input, and returns whether more may follow: not after its end, nor if the command has ended; its last words may be unread."""
    from websocket import WebSocketException

    try:
        session.send(STDIN, data)
    except (WebSocketException, OSError):
        return False
    return bool(data)


def _ready(poll: select.poll, session: _Session) -> set[int]:
    """Which side has something; what TLS has decrypted already shows on no socket."""
    sock = session.websocket.sock
    waiting = isinstance(sock, ssl.SSLSocket) and sock.pending()
    ready = {number for number, _ in poll.poll(0 if waiting else PATIENCE_MS)}
    return ready | ({sock.fileno()} if waiting else set())


def _exit_code(session: _Session, hint: str) -> int:
    """Of the program, as the kubelet's last message has it; a Status object of the API. Raises ExecFailed if it holds none."""
    said = decoded(session.status) or {}
    if text(said, "status") == "Success":
        return 0
    causes = {text(cause, "reason"): message_of(cause) for cause in listing(said, "details", "causes")}
    code = causes.get("ExitCode", "")
    if re.fullmatch("[0-9]{1,3}", code) and 0 < int(code) < 256:
        return int(code)
    if code:
        raise ExecFailed(f"the kubelet says that the command ended with {code[:20]}; expected an exit code from 1 to 255", hint=hint)
    raise ExecFailed(message_of(said) or "the connection to the pod ended before the command did", hint=hint)


@contextlib.contextmanager
def _raw_terminal(session: _Session) -> Iterator[None]:
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


def _on_resize(session: _Session) -> Any:
    def tell(*_: object) -> None:
        rows, columns = struct.unpack("HHHH", fcntl.ioctl(sys.stdout.fileno(), termios.TIOCGWINSZ, bytes(8)))[:2]
        session.send(RESIZE, json.dumps({"Width": columns, "Height": rows}).encode())

    tell()
    return signal.signal(signal.SIGWINCH, tell) if threading.current_thread() is threading.main_thread() else None
