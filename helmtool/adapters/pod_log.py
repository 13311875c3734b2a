"""The log of a container, from the kubelet through the API server."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from helmtool.adapters.answer import Answer, decoded
from helmtool.adapters.cluster import FIRST_TIMEOUT, Cluster
from helmtool.adapters.connection import Request

PIECE = 1 << 16
"""Bytes that are read at once."""


def last_lines(cluster: Cluster, pod: str, container: str, *, lines: int, limit: int, previous: bool = False) -> Sequence[str]:
    """The last lines of a container, at most `limit` bytes of them; with `previous` of the one before its last restart.

    Raises ClusterForbidden, ClusterUnreachable, and OperationFailed where the kubelet has none.
    """
    query = {"tailLines": str(lines), "limitBytes": str(limit)}
    response = _ask(cluster, pod, container, query, previous=previous, seconds=FIRST_TIMEOUT)
    return str(response.data.decode(errors="replace")).splitlines()


def log_lines(
    cluster: Cluster, pod: str, container: str, *, silence: float, lines: int | None = None, previous: bool = False, follow: bool = False
) -> Iterator[str]:
    """The lines of a container's log as they come: all of it, or from the last `lines` on.

    Raises as `last_lines` does, and ClusterUnreachable where it breaks off, or nothing came for `silence` seconds.
    """
    query = ({"tailLines": str(lines)} if lines is not None else {}) | ({"follow": "true"} if follow else {})
    with contextlib.closing(_ask(cluster, pod, container, query, previous=previous, silence=silence)) as response:
        rest = b""
        for piece in _pieces(cluster, response):
            *whole, rest = (rest + piece).split(b"\n")
            yield from (line.decode(errors="replace") for line in whole)
        if rest:
            yield rest.decode(errors="replace")


def _pieces(cluster: Cluster, response: Any) -> Iterator[bytes]:
    import urllib3

    try:
        while piece := response.read1(PIECE):
            yield piece
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise cluster.connection.unreachable(error) from None


def _ask(
    cluster: Cluster,
    pod: str,
    container: str,
    query: Mapping[str, str],
    *,
    previous: bool,
    seconds: float | None = None,
    silence: float | None = None,
) -> Any:
    path = f"/api/v1/namespaces/{cluster.namespace}/pods/{quote(pod, safe='')}/log"
    query = {"container": container, **query} | ({"previous": "true"} if previous else {})
    response = cluster.connection.send(Request("GET", path, query), seconds, silence)
    if response.status >= 400:
        answer = Answer(response.status, decoded(response.data) or {})
        if answer.status in (401, 403):
            raise cluster.forbidden(answer)
        cluster.require(answer)
    return response
