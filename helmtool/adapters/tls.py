"""One TLS context for connections that several threads make at the same time."""

from __future__ import annotations

from collections.abc import Iterable
from ssl import SSLContext


def shared(context: SSLContext) -> SSLContext:
    """The context, with the protocols of urllib3 set once and for all.

    urllib3 sets them again for each connection, which frees the text that OpenSSL holds, and CPython lets other threads run while OpenSSL
    copies it for theirs (`SSL_new` without the interpreter's lock): now and then a connection began with what was in memory there, and the
    server said `decode error`.
    """
    from urllib3.util.ssl_ import ALPN_PROTOCOLS

    context.set_alpn_protocols(ALPN_PROTOCOLS)
    context.set_alpn_protocols = _already_set  # type: ignore[method-assign]
    return context


def _already_set(alpn_protocols: Iterable[str]) -> None:
    """Does nothing."""
