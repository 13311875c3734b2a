"""What threads share does not change while one of them connects."""

from __future__ import annotations

import ssl
from typing import Any

import pytest
from urllib3.util.ssl_ import ssl_wrap_socket

from helmtool.adapters.tls import shared


class Context(ssl.SSLContext):
    """Counts how often OpenSSL is told which protocols there are."""

    told = 0

    def _set_alpn_protocols(self, protocols: Any) -> None:
        self.told += 1
        super()._set_alpn_protocols(protocols)  # type: ignore[misc]

    def wrap_socket(self, *_args: Any, **_options: Any) -> Any:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        with pytest.raises(ssl.SSLWantReadError):
            self.wrap_bio(incoming, outgoing, server_hostname="dqm.example.org").do_handshake()
        return outgoing.read()


def test_openssl_is_told_the_protocols_once() -> None:
    context = Context(ssl.PROTOCOL_TLS_CLIENT)
    assert shared(context) is context
    for _ in range(3):
        hello: Any = ssl_wrap_socket(None, ssl_context=context)  # type: ignore[arg-type]
        assert b"\x08http/1.1" in hello
    assert context.told == 1


def test_without_it_each_connection_tells_them() -> None:
    context = Context(ssl.PROTOCOL_TLS_CLIENT)
    for _ in range(3):
        ssl_wrap_socket(None, ssl_context=context)  # type: ignore[arg-type]
    assert context.told == 3
