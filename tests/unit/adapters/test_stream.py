"""Streams of objects, against a server that does to them all that API servers, proxies and networks do."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from watched import Api, Asked, Behaviour, Handler, connect, event, falls_silent, hold, is_silent, pod, refuses, says, serving, wait_until

from helmtool.adapters import connection as requests
from helmtool.adapters import stream as module
from helmtool.adapters.cluster import Cluster
from helmtool.adapters.stream import Source, Stream, snapshot

ALL = Source("v1", "Pod", labels="app=x")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(module, "POLL", 0.05)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def api() -> Iterator[Api]:
    with serving(Api()) as api:
        api.put("a")
        yield api


@pytest.fixture
def cluster(api: Api, tmp_path: Path) -> Iterator[Cluster]:
    found = connect(tmp_path, api)
    yield found
    found.connection.client.pool_manager.clear()


Follow = Callable[..., Stream]


@pytest.fixture
def follow(cluster: Cluster) -> Iterator[Follow]:
    """Starts a stream; it is closed afterwards, and its thread must be gone."""
    started: list[Stream] = []

    def start(source: Source = ALL, changed: Callable[[], None] = lambda: None, known: dict[str, Any] | None = None) -> Stream:
        started.append(Stream(cluster, source, changed, known))
        started[-1].start()
        return started[-1]

    yield start
    for stream in started:
        stream.close()
        assert stream.join(10)


def names(stream: Stream) -> list[str]:
    return sorted(each["metadata"]["name"] for each in stream.objects)


def sees(stream: Stream, *expected: str) -> None:
    wait_until(lambda: names(stream) == sorted(expected))


def test_what_is_there_and_what_happens(api: Api, follow: Follow) -> None:
    told = threading.Event()
    stream = follow(changed=told.set)
    sees(stream, "a")
    for change, expected in ((lambda: api.put("b"), "ab"), (lambda: api.remove("a"), "b"), (lambda: api.put("c"), "bc")):
        told.clear()
        change()
        assert told.wait(10)
        sees(stream, *expected)
    assert (stream.trouble, stream.denied, stream.settled) == ("", None, True)
    assert [a.query for a in api.listed] == [{"labelSelector": "app=x", "limit": "500"}]
    (asked,) = [a.query for a in api.watched]
    assert asked == {
        "watch": "true",
        "resourceVersion": "2",
        "allowWatchBookmarks": "true",
        "timeoutSeconds": "30",
        "labelSelector": "app=x",
    }


def test_a_watch_that_ends_in_good_order_goes_on_where_it_was(api: Api, follow: Follow) -> None:
    bookmark = event("BOOKMARK", {"metadata": {"resourceVersion": "77"}})
    api.watches.append(says(event("ADDED", pod("b", 5)), bookmark))
    stream = follow()
    wait_until(lambda: len(api.watched) == 2)
    assert api.watched[1].query["resourceVersion"] == "77"
    assert len(api.listed) == 1
    assert names(stream) == ["a", "b"]


def test_what_is_known_already_is_not_asked_for(api: Api, follow: Follow) -> None:
    stream = follow(Source("v1", "Pod", name="a"), known=pod("a", 2))
    assert (names(stream), stream.settled) == (["a"], True)
    api.put("a")
    wait_until(lambda: [o["metadata"]["resourceVersion"] for o in stream.objects] == ["3"])
    assert api.listed == []
    assert [a.query["fieldSelector"] for a in api.watched] == ["metadata.name=a"]


GONE = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}
ADDED = event("ADDED", pod("x", 9))


def unframed(handler: Handler, _: Asked) -> None:
    """An answer without chunks, as an old proxy makes it, which ends within a line."""
    handler.send_response(200)
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.wfile.write(ADDED + ADDED[:20])
    handler.close_connection = True


@pytest.mark.parametrize(
    "misbehaves",
    [
        pytest.param(refuses(410), id="410 as an answer"),
        pytest.param(says(ADDED, event("ERROR", GONE)), id="410 as an event"),
        pytest.param(says(event("ERROR", {"code": 500, "message": "etcd"})), id="another error as an event"),
        pytest.param(says(event("ERROR", None)), id="an error that says nothing"),
        pytest.param(says(ADDED, end=False), id="disconnected"),
        pytest.param(says(end=False), id="disconnected at once"),
        pytest.param(says(ADDED, ADDED[:20]), id="a line that is cut"),
        pytest.param(unframed, id="no chunks and a line that is cut"),
        pytest.param(says(b"<html>please log in</html>\n"), id="no JSON"),
        pytest.param(says(b"[1, 2]\n"), id="no event"),
        pytest.param(says(b'{"type": "ADDED", "object": {"metadata": {}}}\n'), id="an object without a name"),
        pytest.param(says(b'{"type": "ADDED", "object": "x"}\n'), id="no object"),
        pytest.param(says(b"\xff\xfe\n"), id="no text"),
        pytest.param(says(b"x" * 5000), id="a line without an end"),
        pytest.param(refuses(500), id="500"),
        pytest.param(refuses(429), id="429"),
        pytest.param(refuses(204), id="204"),
        pytest.param(lambda handler, _: handler.answer(200, b""), id="nothing, and cut"),
        pytest.param(falls_silent, id="silence"),
        pytest.param(is_silent, id="silence before the answer"),
    ],
)
def test_whatever_a_watch_does_the_objects_are_right_again(
    api: Api, follow: Follow, monkeypatch: pytest.MonkeyPatch, misbehaves: Behaviour
) -> None:
    """`a` vanishes and `b` comes while the watch cannot tell it."""
    monkeypatch.setattr(module, "SILENCE", 0.3)
    monkeypatch.setattr(module, "LONGEST_LINE", 4000)

    def behave(handler: Handler, asked: Asked) -> None:
        monkeypatch.setattr(module, "SILENCE", 40.0)  # of the watches after this one
        api.remove("a")
        api.put("b")
        misbehaves(handler, asked)

    api.watches.append(behave)
    stream = follow()
    sees(stream, "b")
    wait_until(lambda: len(api.watched) >= 2)
    api.put("c")
    sees(stream, "b", "c")
    assert len(api.asked) <= 5
    assert stream.trouble == ""


def test_a_list_that_fails_is_trouble_until_it_works(api: Api, follow: Follow) -> None:
    api.lists += [refuses(503, "starting"), refuses(410), lambda handler, _: handler.answer(200, b"<html>")]
    troubles: list[str] = []
    stream = follow(changed=lambda: troubles.append(stream.trouble))
    sees(stream, "a")
    assert "answered 503: starting" in troubles[0]
    assert stream.trouble == ""
    assert len(api.listed) == 4


def test_pauses_grow_and_have_an_end(api: Api, follow: Follow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_PAUSE", 0.16)
    api.always = refuses(500)
    stream = follow()
    wait_until(lambda: len(api.asked) >= 8)
    gaps = [b.at - a.at for a, b in itertools.pairwise(api.asked)]
    for gap, at_least in zip(gaps, (0.01, 0.02, 0.04, 0.08, 0.16, 0.16, 0.16), strict=False):
        assert gap >= at_least * 0.9
    api.always = None
    sees(stream, "a")


def test_a_watch_that_always_ends_at_once_is_not_asked_for_without_pause(api: Api, follow: Follow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.1)
    api.watches += [says()] * 3
    follow()
    wait_until(lambda: len(api.watched) == 4)
    gaps = [b.at - a.at for a, b in itertools.pairwise(api.watched)]
    assert min(gaps) >= 0.09
    assert len(api.listed) == 1


@pytest.mark.parametrize("kind", ["lists", "watches"])
def test_retry_after_is_obeyed(api: Api, follow: Follow, kind: str) -> None:
    getattr(api, kind).append(refuses(429, Retry_After="1"))
    stream = follow()
    sees(stream, "a")
    wait_until(lambda: len(api.watched) == (1 if kind == "lists" else 2))
    first, second = api.listed[:2]
    assert second.at - first.at >= 0.9


@pytest.mark.parametrize("words", ["Wed, 21 Oct 2026 07:28:00 GMT", "-1", "soon", "9999999"])
def test_retry_after_that_nobody_would_wait_for(api: Api, follow: Follow, monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    monkeypatch.setattr(module, "LONGEST_ASKED", 0.1)
    api.lists.append(refuses(429, Retry_After=words))
    sees(follow(), "a")


FORBIDDEN = refuses(403, 'pods is forbidden: User "ann" cannot do it')


def test_without_the_right_to_watch_it_lists(api: Api, follow: Follow) -> None:
    api.watches.append(FORBIDDEN)
    stream = follow()
    sees(stream, "a")
    wait_until(lambda: stream.denied)
    api.put("b")
    api.remove("a")
    sees(stream, "b")
    assert 'User "ann" cannot do it' in stream.denied.message  # type: ignore[union-attr]
    assert (len(api.watched), stream.blind) == (1, False)


def test_without_the_right_to_list_one_object_is_asked_for_by_its_name(api: Api, follow: Follow) -> None:
    api.lists.append(FORBIDDEN)
    stream = follow(Source("v1", "Pod", name="a"))
    sees(stream, "a")
    api.put("b")
    api.remove("a")
    sees(stream)
    assert (api.watched, stream.blind) == ([], False)


@pytest.mark.parametrize("status", [403, 401])
def test_without_any_right_nobody_is_asked_again(api: Api, follow: Follow, status: int) -> None:
    api.always = refuses(status, 'pods is forbidden: User "ann" cannot do it')
    stream = follow()
    wait_until(lambda: stream.blind)
    assert stream.join(10)
    assert (stream.objects, stream.settled, stream.synced) == ((), True, False)
    assert stream.denied
    assert len(api.asked) == 1


def test_a_server_that_comes_back(api: Api, tmp_path: Path) -> None:
    gone = Api()
    with serving(gone):
        gone.put("a")
        cluster = connect(tmp_path, gone)
        assert len(snapshot(cluster, ALL)) == 1
        stream = Stream(cluster, ALL, lambda: None)
        stream.start()
        wait_until(lambda: gone.watched)
    try:
        wait_until(lambda: "does not answer" in stream.trouble)
        assert names(stream) == ["a"], "what was known stays known"
        gone.pods.clear()
        with serving(gone):
            gone.put("b")
            sees(stream, "b")
            wait_until(lambda: not stream.trouble)
            stream.close()
            assert stream.join(10)
    finally:
        stream.close()
        cluster.connection.client.pool_manager.clear()


@pytest.mark.parametrize("behaviour", [hold, falls_silent])
def test_the_end_of_a_stream_waits_for_no_read(api: Api, follow: Follow, behaviour: Behaviour) -> None:
    api.watches.append(behaviour)
    stream = follow()
    wait_until(lambda: api.watched)
    began = time.monotonic()
    stream.close()
    assert stream.join(10)
    assert time.monotonic() - began < 5, "the server would hold it for twenty, and reads fail after forty"


def test_a_stream_that_waits_for_the_first_byte_ends_by_its_timeout(api: Api, follow: Follow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "READ_TIMEOUT", 0.5)
    api.lists.append(is_silent)
    stream = follow()
    wait_until(lambda: api.listed)
    stream.close()
    assert stream.join(10)


def test_a_stream_that_was_never_started_or_is_closed_twice(cluster: Cluster, follow: Follow) -> None:
    for stream in (Stream(cluster, ALL, lambda: None), follow()):
        stream.close()
        stream.close()
        assert stream.join(10)


def test_of_many_objects_the_newest_are_kept(api: Api, cluster: Cluster, follow: Follow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE", 4)
    monkeypatch.setattr(module, "MOST", 5)
    api.pods = {f"p{i:02}": pod(f"p{i:02}", creationTimestamp=f"2026-01-01T00:00:{59 - i:02}Z") for i in range(12)}
    stream = follow()
    sees(stream, "p00", "p01", "p02", "p03", "p04")
    assert [a.query.get("continue") for a in api.listed] == [None, "4", "8"]
    wait_until(lambda: api.watched)
    for i in range(20, 26):
        api.put(f"p{i}")
    sees(stream, "p21", "p22", "p23", "p24", "p25")


def test_a_list_whose_next_page_has_expired_begins_again(api: Api, follow: Follow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE", 1)
    api.put("b")
    first = {"metadata": {"resourceVersion": "1", "continue": "1"}, "items": [pod("vanished")]}
    api.lists += [lambda handler, _: handler.answer(200, first), refuses(410)]
    sees(follow(), "a", "b")


def test_of_managed_fields_only_who_wrote_and_when_is_kept(api: Api, follow: Follow) -> None:
    written = {"manager": "helm", "operation": "Apply", "time": "2026-05-01T10:00:00Z"}
    api.pods = {"a": pod("a", managedFields=[written | {"fieldsV1": {"f:spec": {}}}], labels={"x": "y"})}
    stream = follow()
    sees(stream, "a")
    assert stream.objects[0]["metadata"] == {"name": "a", "resourceVersion": "1", "labels": {"x": "y"}, "managedFields": [written]}


def test_a_mistake_of_the_program_is_handed_on(cluster: Cluster, follow: Follow, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(Cluster, "watch", fail)
    stream = follow()
    wait_until(lambda: stream.failure)
    assert isinstance(stream.failure, ZeroDivisionError)
    assert stream.join(10)
