"""The way to one API server: its client, the credentials that it takes, and one request."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit, urlunsplit

from helmtool.adapters.answer import AnswerTooLarge, ClusterUnreachable
from helmtool.adapters.client import Client, made_client
from helmtool.adapters.credentials import Credentials, plugin_of
from helmtool.adapters.deadline import within
from helmtool.adapters.kubeconfig import Access
from helmtool.model.redaction import redact_text
from helmtool.model.values import yaml_safe

CONNECT_TIMEOUT, READ_TIMEOUT = 5.0, 30.0
"""Seconds to connect, and for an answer of which nobody says how long it may take."""
WHOLE = 60.0
"""Seconds for a whole answer of which nobody says how long it may take."""
LARGEST, PIECE = 32 << 20, 1 << 20
"""Bytes of a whole answer, and those read at once. A history of ten revisions has at most 15 MiB."""
EMBEDDED = "kwok-helmtool"
"""What the embedded cluster is called in its kubeconfig."""


class Request(NamedTuple):
    """What is asked of an API server; the body becomes JSON."""

    method: str
    path: str
    query: Mapping[str, str] | None = None
    body: Mapping[str, Any] | Sequence[Any] | None = None
    headers: Mapping[str, str] = {"Accept": "*/*"}


class Response(NamedTuple):
    """A whole answer: HTTP status, headers as urllib3 holds them, and the body."""

    status: int
    headers: Any
    data: bytes

    def close(self) -> None:
        """Does nothing: all of it was read."""


class Connection:
    """One API server, through one context of a kubeconfig. Methods block; they are safe to call from several threads."""

    def __init__(self, access: Access) -> None:
        self.plugin = plugin_of(access)
        self._access = access
        self._made_client: Client | None = None
        self._certificate = ""
        self._making_client = threading.Lock()

    @property
    def client(self) -> Client:
        """The kubernetes client, made with the first request."""
        return self._made_client or self._client_with(self.plugin.credentials() if self.plugin else None)

    def _client_with(self, credentials: Credentials | None) -> Client:
        """The client of these credentials; another one where a plugin has handed out another certificate, which a client has for life."""
        certificate = credentials.certificate if credentials else ""
        with self._making_client:
            if self._made_client is None or self._certificate != certificate:
                self._made_client, self._certificate = made_client(self._access, credentials), certificate
            return self._made_client

    def wait_for_credentials(self) -> None:
        """Gives a credentials plugin the time that it needs, before a request that is given little. Raises CredentialsFailed."""
        if self.plugin:
            self.plugin.credentials()

    def send(self, request: Request, seconds: float | None = None, silence: float | None = None) -> Any:
        """Sends one request and returns the Response. Raises ClusterUnreachable, AnswerTooLarge and CredentialsFailed.

        `seconds` limits the whole of it. With `silence` it returns urllib3's response, whose body is left unread, and reading it fails
        when nothing came for that many seconds. What is refused for its credentials was not done: it is sent once more where a plugin has
        other ones.
        """
        _ = self.client  # making it takes its own time
        until = time.monotonic() + seconds if seconds else None
        response, used = self._sent(request, until, silence)
        if response.status == 401 and self.plugin and used:
            response.close()
            self.plugin.refused(used)
            response, _ = self._sent(request, until, silence)
        return response

    def _sent(self, request: Request, until: float | None, silence: float | None) -> tuple[Any, Credentials | None]:
        """The response, and the plugin's credentials that it was asked with."""
        import urllib3

        # The client's own request() takes no server-side-apply body, so its pool is used directly.
        used = self.plugin.credentials(_left(until)) if self.plugin else None
        client = self._client_with(used)
        timeout = urllib3.Timeout(total=_left(until)) if until else urllib3.Timeout(connect=CONNECT_TIMEOUT, read=silence or READ_TIMEOUT)
        ask = partial(
            self._exchange,
            silence is None,
            client.pool_manager,
            request.method,
            client.host + request.path + ("?" + urlencode(request.query) if request.query else ""),
            body=None if request.body is None else _encoded(request.body),
            headers=urllib3.HTTPHeaderDict([*request.headers.items(), *_account_headers(client, used)]),
            timeout=timeout,
            preload_content=False,
            retries=False,
        )
        try:
            return within(_left(until) or WHOLE, ask), used
        except (urllib3.exceptions.HTTPError, TimeoutError) as error:
            raise self.unreachable(error) from None

    def _exchange(self, whole: bool, pool: Any, method: str, url: str, **options: Any) -> Any:
        """A Response with all of the body, else urllib3's with none of it read."""
        response = pool.request(method, url, **options)
        if not whole:
            return response
        content = bytearray()
        while piece := response.read1(PIECE):
            content += piece
            if len(content) > LARGEST:
                response.close()
                asked = url.removeprefix(self.client.host)
                said = f"the API server {self._access.server} sends more than {LARGEST >> 20} MiB for {method} {asked.partition('?')[0]}"
                raise AnswerTooLarge(said, hint=self._by_hand(f"get --raw '{asked}' | wc -c"))
        response.release_conn()
        return Response(response.status, response.headers, bytes(content))

    def open_websocket(self, path: str, query: Sequence[tuple[str, str]], protocols: Sequence[str]) -> Any:
        """A WebSocket to the API server over the same proxy, TLS and account as `send`; reading from it may block for ever.

        Raises ClusterUnreachable, CredentialsFailed and websocket.WebSocketBadStatusException if the server refuses it.
        """
        import urllib3
        from websocket import WebSocket, WebSocketBadStatusException, WebSocketException

        used = self.plugin.credentials() if self.plugin else None
        client = self._client_with(used)
        address = urlsplit(client.host + path)
        url = urlunsplit(address._replace(scheme="wss" if address.scheme == "https" else "ws", query=urlencode(query)))
        opened: Any = WebSocket(skip_utf8_validation=False)
        try:
            header = [f"{name}: {value.encode('latin-1').decode()}" for name, value in _account_headers(client, used) if name != "Host"]
            within(READ_TIMEOUT, partial(_upgrade, opened, client, url, header=header, subprotocols=list(protocols)))
        except WebSocketBadStatusException:
            opened.shutdown()
            raise
        except (urllib3.exceptions.HTTPError, WebSocketException, OSError) as error:
            opened.shutdown()
            raise self.unreachable(error) from None
        opened.settimeout(None)
        return opened

    def unreachable(self, error: Exception) -> ClusterUnreachable:
        """What is raised where nothing answers, with what the transport said."""
        reason = getattr(error, "reason", None)
        cause = reason if isinstance(reason, Exception) else error
        while cause.args and isinstance(cause.args[-1], Exception):  # urllib3 wraps what the socket said
            cause = cause.args[-1]
        text = str(cause).rsplit(": ", 1)[-1]
        silent = f"the API server {self._access.server} (cluster {self._access.cluster}) does not answer"
        return ClusterUnreachable(
            f"{silent}: {redact_text(text)}",
            recorded=silent,
            hint="helmtool local up" if self._access.cluster == EMBEDDED else self.health_check,
        )

    @property
    def health_check(self) -> str:
        """The command that asks the API server for its health in the same way, without this program."""
        return self._by_hand("get --raw /healthz")

    def _by_hand(self, command: str) -> str:
        return f"KUBECONFIG={self._access.kubeconfig} kubectl --context {self._access.context} {command}"


def _account_headers(client: Client, used: Credentials | None) -> list[tuple[str, str]]:
    """Who asks: this program, the account, and as whom it acts. `used` is not the client's token, which another thread may be replacing."""
    word = f"Bearer {used.token}" if used and used.token else client.sign_in()
    # The host too: behind a proxy urllib3 puts an IPv6 address into brackets twice.
    return [
        ("Host", urlsplit(client.host).netloc),
        ("User-Agent", "helmtool"),
        *([("Authorization", word)] if word else []),
        *client.impersonation,
    ]


def _upgrade(websocket: Any, client: Client, url: str, **options: Any) -> None:
    """Opens the WebSocket over a connection of the client: websocket-client has other proxy rules, and speaks HTTP to a SOCKS proxy."""
    websocket.connect(url, socket=_connected(client).sock, **options)


def _connected(client: Client) -> Any:
    """A connection of its own, made as the client's pool makes them. Raises urllib3's errors."""
    manager = client.pool_manager
    pool = manager.connection_from_url(client.host)
    transport = pool._new_conn()
    transport.timeout = READ_TIMEOUT
    if manager.proxy and client.host.startswith("http:"):  # a pool of the proxy itself, to which a WebSocket must not speak
        parts = urlsplit(client.host)
        transport.set_tunnel(parts.hostname, parts.port or 80, manager.proxy_headers)
    if manager.proxy and client.host.startswith("https:"):
        pool._prepare_proxy(transport)
    else:
        transport.connect()
    return transport


def _left(until: float | None) -> float | None:
    """The seconds until then; a moment where it is over, so that what waits for them fails as late."""
    return None if until is None else max(until - time.monotonic(), 0.01)


def _encoded(body: Any) -> bytes:
    """JSON that is YAML as well: the API server reads a server-side apply as YAML, which has no escape of two halves of a character."""
    return yaml_safe(json.dumps(body, ensure_ascii=False))
