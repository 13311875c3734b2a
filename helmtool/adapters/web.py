"""Whether a server on this machine answers."""

from __future__ import annotations

import http.client
import socket
import urllib.error
import urllib.request
from functools import partial

from helmtool.adapters.deadline import within

TIMEOUT = 5.0


def listens(port: int) -> bool:
    """Whether a program on this machine takes connections at the port."""
    with socket.socket() as client:
        client.settimeout(TIMEOUT)
        return client.connect_ex(("127.0.0.1", port)) == 0


def answers(url: str) -> bool:
    """Whether the address gives any answer but a failure of the server; never through a proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(url, timeout=TIMEOUT).close()
    except urllib.error.HTTPError as error:
        error.close()
        return error.code < 500
    except (OSError, http.client.HTTPException):
        return False
    return True


class _Stay(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer too: where it leads is not asked."""

    def redirect_request(self, *_: object) -> None:
        return None


def public_status(url: str) -> tuple[int, str]:
    """The status with which an address answers, through the proxy that the environment names; 0 and the reason where it does not."""
    opener = urllib.request.build_opener(_Stay())
    opener.addheaders = [("User-Agent", "helmtool")]
    try:
        with within(2 * TIMEOUT, partial(opener.open, url, timeout=TIMEOUT)) as answer:
            return int(answer.status), ""
    except urllib.error.HTTPError as error:
        error.close()
        return error.code, ""
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        return 0, str(getattr(reason, "strerror", "") or reason or type(error).__name__)
