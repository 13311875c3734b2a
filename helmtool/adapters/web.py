"""Whether a server on this machine answers."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request

TIMEOUT = 5.0


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
