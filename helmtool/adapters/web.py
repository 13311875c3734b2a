"""Whether a server on this machine answers."""

from __future__ import annotations

import http.client
import socket
import urllib.error
import urllib.request

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
