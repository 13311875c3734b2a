"""HTTP to a registry: time limits, bounded retries, redirects and sizes, a proxy where the environment names one."""

from __future__ import annotations

import contextlib
import logging
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import urllib3

from helmtool import __version__
from helmtool.adapters.deadline import within
from helmtool.adapters.proxies import Proxy, pool_through, proxy_for
from helmtool.adapters.registry.errors import RateLimited, RegistryFailed, RegistryUnreachable
from helmtool.adapters.tls import shared
from helmtool.model.registry import UnexpectedAnswer, is_loopback, joined_address, same_origin

log = logging.getLogger(__name__)

CONNECT_TIMEOUT, READ_TIMEOUT, BODY_TIMEOUT = 5.0, 20.0, 60.0
SLOWEST = 100_000
"""Bytes a second with which a part of a blob is written at least."""
ATTEMPTS, REDIRECTS = 3, 5
LONGEST_WAIT = 10.0
"""Seconds that a `Retry-After` may ask for before the command ends instead of waiting."""
THREADS = 8
NO_WAY = "the proxy of the environment does not let the request through"
READS = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `body` is not shown by repr, for a token may be in it."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    challenges: tuple[str, ...] = ()


class _Broken(Exception):
    """The connection broke in the middle: worth another try."""


class Transport:
    """Sends requests for one registry; may be used by several threads. `patience` is in seconds without a byte of an answer."""

    def __init__(self, host: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self.host = host
        self.patience = READ_TIMEOUT
        self._sleep = sleep
        self._pools: dict[Proxy | None, urllib3.PoolManager] = {}

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        *,
        limit: int,
        body: bytes | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request, tried again where that can help: a broken or failing read, and a short pause that was asked for.

        `limit` is the largest body in bytes. Raises RegistryUnreachable, RateLimited, RegistryFailed and UnexpectedAnswer.
        """
        what = f"{method} {urlsplit(url).path}"
        for attempt in range(1, ATTEMPTS + 1):
            last = attempt == ATTEMPTS
            try:
                answer = self._follow(method, url, headers, limit, body, fields)
            except _Broken as broken:
                if last or method not in READS:
                    raise RegistryUnreachable(self.host, str(broken)) from None
                self._sleep(0.5 * attempt)
                continue
            if answer.status == 429:
                self._sleep(self._pause(answer, last=last))
            elif answer.status >= 500 and (last or method not in READS):
                raise RegistryFailed(self.host, answer.status, what)
            elif answer.status >= 500:
                asked = _seconds(answer.headers.get("Retry-After"))
                self._sleep(min(0.5 * attempt if asked is None else asked, LONGEST_WAIT))
            else:
                return answer
        raise RateLimited(self.host, None)

    def _pause(self, answer: Answer, *, last: bool) -> float:
        """How long to wait after a 429. Raises RateLimited where that is too long, or was done often enough."""
        asked = _seconds(answer.headers.get("Retry-After"))
        if last or (asked or 0) > LONGEST_WAIT:
            raise RateLimited(self.host, asked or None)
        return 1.0 if asked is None else asked

    def _follow(
        self, method: str, url: str, headers: Mapping[str, str], limit: int, body: bytes | None, fields: Mapping[str, str] | None
    ) -> Answer:
        """Follows redirects of reads; credentials stay with the host that they are for, and another host's challenge does not count."""
        first, sent = url, {"User-Agent": f"helmtool/{__version__}", **headers}
        for _ in range(REDIRECTS + 1):
            answer = self._once(method, url, sent, limit, body, fields)
            target = answer.headers.get("Location")
            if answer.status not in (301, 302, 303, 307, 308) or not target or method not in READS:
                return answer if same_origin(first, url) else replace(answer, challenges=())
            before, url = url, joined_address(url, target, self.host)
            after = urlsplit(url)
            if after.scheme != "https" and not (after.scheme == "http" and is_loopback(after.netloc)):
                raise UnexpectedAnswer(
                    f"{self.host} sends on to an address without TLS, {after.scheme}://{after.hostname}", hint="tell its operators"
                )
            if not same_origin(before, url):
                sent.pop("Authorization", None)
        raise UnexpectedAnswer(f"{self.host} redirects more than {REDIRECTS} times", hint=f"curl -IL https://{self.host}/v2/")

    def _once(
        self, method: str, url: str, headers: Mapping[str, str], limit: int, body: bytes | None, fields: Mapping[str, str] | None
    ) -> Answer:
        log.debug("%s %s", method, url.partition("?")[0])
        host = urlsplit(url).hostname or self.host
        form: dict[str, Any] = {"fields": dict(fields), "encode_multipart": False} if fields else {}
        proxy = proxy_for(url)
        with self._named(host, proxy):
            ask = partial(
                self._pool(proxy).request,
                method,
                url,
                headers=dict(headers),
                body=body,
                **form,
                redirect=False,
                retries=False,
                preload_content=False,
                timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT, read=self.patience),
            )
            response = within(CONNECT_TIMEOUT + self.patience + len(body or b"") / SLOWEST, ask)
            try:
                content = b"" if method == "HEAD" else self._read(response, limit, host)
            finally:
                response.drain_conn() if method == "HEAD" else None
                response.release_conn()
        challenges = tuple(response.headers.getlist("WWW-Authenticate"))
        return Answer(response.status, response.headers, content, challenges)

    def _read(self, response: urllib3.BaseHTTPResponse, limit: int, host: str) -> bytes:
        """The body, as long as it is no larger than the limit and comes in time."""
        until, parts, size = time.monotonic() + BODY_TIMEOUT, [], 0
        while part := response.read1(65536):  # what has come, for a read of a given size waits as long as the other side likes
            parts.append(part)
            size += len(part)
            if size > limit:
                response.close()
                raise UnexpectedAnswer(f"{host} sends more than {limit // 1024} KiB where less is expected", hint="tell its operators")
            if time.monotonic() > until:
                response.close()
                raise RegistryUnreachable(host, f"its answer is not complete after {BODY_TIMEOUT:.0f} s")
        return b"".join(parts)

    @contextlib.contextmanager
    def _named(self, host: str, proxy: Proxy | None) -> Iterator[None]:
        """urllib3's errors in words; their own text may hold an address with a query."""
        errors = urllib3.exceptions
        try:
            yield
        except errors.ReadTimeoutError:
            raise RegistryUnreachable(host, f"no answer within {self.patience:.0f} s") from None
        except errors.NameResolutionError:
            raise RegistryUnreachable(host, "its name is not known") from None
        except errors.SSLError as error:
            raise RegistryUnreachable(host, _tls_reason(error)) from None
        except errors.ProxyError:
            raise RegistryUnreachable(host, NO_WAY) from None
        except errors.NewConnectionError as error:
            raise RegistryUnreachable(host, NO_WAY if proxy else _os_reason(error)) from None
        except errors.ConnectTimeoutError:  # which the two above are as well
            raise RegistryUnreachable(host, f"no connection within {CONNECT_TIMEOUT:.0f} s") from None
        except errors.ProtocolError:
            raise _Broken("the connection broke before the answer was complete") from None
        except errors.DecodeError:
            raise _Broken("the answer is compressed, and damaged") from None
        except TimeoutError:
            raise RegistryUnreachable(host, "its answer does not begin in time") from None
        except errors.HTTPError as error:
            raise RegistryUnreachable(host, f"the request failed ({type(error).__name__})") from None

    def _pool(self, proxy: Proxy | None) -> urllib3.PoolManager:
        if proxy not in self._pools:
            self._pools[proxy] = pool_through(proxy, maxsize=THREADS, ssl_context=shared(ssl.create_default_context()))
        return self._pools[proxy]


def _seconds(text: str | None) -> float | None:
    """How long a `Retry-After` asks for: seconds, or a date."""
    if not text:
        return None
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(parsedate_to_datetime(text).timestamp() - time.time(), 0.0)
    except (ValueError, TypeError, OverflowError):
        return None


def _tls_reason(error: Exception) -> str:
    cause = error.args[0] if error.args else error
    verify = getattr(cause, "verify_message", "")
    return f"its certificate is not trusted ({verify}); SSL_CERT_FILE names further authorities" if verify else "TLS could not be agreed on"


def _os_reason(error: Exception) -> str:
    cause: Any = error.__cause__ or error.__context__
    return str(getattr(cause, "strerror", "") or "no connection").lower()
