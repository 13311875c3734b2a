"""The service proxy's answers: what is the service's own, and what only says that nothing came through."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from helmtool.adapters.answer import ClusterUnreachable
from helmtool.adapters.connection import Request
from helmtool.adapters.service import Reply, through_proxy

STATUS = {"kind": "Status", "apiVersion": "v1", "message": "no endpoints available for service", "code": 503}


@dataclass
class Proxy:
    """A Cluster, and its connection, that has one answer."""

    status: int
    data: bytes
    asked: str = ""
    namespace: str = "dqm"

    @property
    def connection(self) -> Proxy:
        return self

    def send(self, request: Request, _seconds: float) -> Proxy:
        self.asked = f"{request.method} {request.path}"
        if not self.status:
            raise ClusterUnreachable("timed out")
        return self


@pytest.mark.parametrize(
    ("status", "data", "reply"),
    [
        (200, b"<html>", Reply(200)),
        (200, json.dumps(STATUS).encode(), Reply(200)),
        (500, b"", Reply(500)),
        (503, b'{"kind": "Status"}', Reply(503)),
        (503, b"[]", Reply(503)),
        (503, json.dumps(STATUS).encode(), Reply(0, STATUS["message"])),
        (0, b"", Reply(0, "timed out")),
    ],
)
def test_an_answer_of_the_proxy(status: int, data: bytes, reply: Reply) -> None:
    proxy: Any = Proxy(status, data)
    assert through_proxy(proxy, "newdqmgui", 8889, "/api/v1/latest_runs") == reply
    assert proxy.asked == "GET /api/v1/namespaces/dqm/services/newdqmgui:8889/proxy/api/v1/latest_runs"
