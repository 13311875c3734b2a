"""The objects of one kind, kept up to date by a watch of the API server.

`kubernetes.watch` is not used: after a 410 it goes on once without saying which objects are gone, it raises for a second one and
for every other error of the server, it has no pauses, and it makes every object a class that is made a dictionary again.
"""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from helmtool.adapters.answer import ClusterForbidden, ClusterUnreachable, VersionExpired
from helmtool.adapters.cluster import Cluster
from helmtool.adapters.credentials import CredentialsFailed, CredentialsRefused
from helmtool.errors import HelmtoolError, OperationFailed
from helmtool.model.kinds import is_object
from helmtool.model.manifest import Manifest, ObjectKey
from helmtool.model.reading import listing, text

log = logging.getLogger(__name__)

SERVED, SILENCE = 30, 40.0
"""Seconds after which the server ends a watch, and those after which one that it did not end is taken for dead."""
FIRST_PAUSE, GROWTH, LONGEST_PAUSE = 0.2, 2.0, 5.0
"""Seconds between attempts that fail, and what each pause grows by."""
LONGEST_ASKED = 30.0
"""Seconds that a Retry-After header is obeyed at most."""
HEALTHY = 5.0
"""Seconds that a watch must have lived for the pauses to be short again."""
POLL = 2.0
"""Seconds between two lists, where watching is forbidden."""
PAGE, MOST = 500, 1000
"""Objects in one answer, and those that are kept: the newest, of a namespace full of events."""
PIECE, LONGEST_LINE = 1 << 16, 1 << 23
"""Bytes: read at once, and of one line at most; the API server stores no object larger than 1.5 MiB."""


class StreamBroken(OperationFailed):
    """A watch that cannot be gone on with: it ended in the middle, or what came is no event."""

    code = "stream-broken"


class Source(NamedTuple):
    """What is followed: the objects of one kind that the labels select, or the one with the name."""

    api_version: str
    kind: str
    labels: str = ""
    name: str = ""

    @property
    def query(self) -> dict[str, str]:
        """The selectors of a list or a watch."""
        fields = f"metadata.name={self.name}" if self.name else ""
        return {k: v for k, v in (("labelSelector", self.labels), ("fieldSelector", fields)) if v}


class Stream:
    """The objects of a source as they are now; `changed` is called, from a thread of the stream, when they may be others.

    `start` begins and `close` ends it. Whatever fails is tried again with growing pauses, from a new list, so that what vanished
    meanwhile is dropped. What may not be watched is listed again and again; what may not be listed either, and has no name, stays unknown.
    """

    def __init__(self, cluster: Cluster, source: Source, changed: Callable[[], None], known: Manifest | None = None) -> None:
        self.source = source
        self.trouble = ""
        """Why what is known may be old; empty while all is well."""
        self.denied: ClusterForbidden | CredentialsRefused | None = None
        """The last right that is missing, or the credentials that are refused for good."""
        self.blind = False
        """Whether the objects cannot be known at all, for want of rights."""
        self.failure: Exception | None = None
        """A mistake of this program, for who waits to raise: the thread has ended."""
        self.synced = known is not None
        """Whether the objects were read once."""
        self._cluster, self._changed = cluster, changed
        self._objects = _Objects([known] if known else [])
        self._version = _version(known) if known else ""
        self._polled = self._by_name = False
        self._pause = FIRST_PAUSE
        self._ended, self._lock = threading.Event(), threading.Lock()
        self._response: Any = None
        # A daemon: one that a silent server holds must not hold the end of the program.
        self._thread = threading.Thread(target=self._run, name=f"watch {source.kind}", daemon=True)

    @property
    def objects(self) -> tuple[Manifest, ...]:
        """The objects as last seen; of their managedFields only who wrote and when, for the fields are most of an object."""
        return self._objects.all()

    @property
    def settled(self) -> bool:
        """Whether there is nothing to wait for: the objects were read, or cannot be."""
        return self.synced or self.blind

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def close(self) -> None:
        """Ends it at once, also where a read is under way; `join` waits for its thread."""
        self._ended.set()
        with self._lock, contextlib.suppress(OSError, ValueError, RuntimeError):  # it has ended by itself just now
            if self._response:
                self._response.shutdown()

    def join(self, seconds: float) -> bool:
        """Whether the thread has ended within the seconds; one that waits for a silent server's first byte ends by its timeout."""
        if self._thread.ident is not None:
            self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not (self._ended.is_set() or self.blind or self.failure):
            before = self.trouble
            pause = self._turn()
            if self.trouble != before or self.blind or self.failure:
                self._changed()
            self._ended.wait(pause)

    def _turn(self) -> float:
        """A list where one is needed, and a watch until it ends; gives the seconds to wait after it."""
        try:
            if not self._version:
                self._list()
            return POLL if self._polled else self._watch()
        except ClusterForbidden as error:
            return self._go_on_without(error)
        except CredentialsRefused as error:
            if self._cluster.connection.plugin:  # which may have better ones in a while; who holds the lock says when that is too late
                return self._try_again(error)
            self.denied, self.blind, self._version = error, True, ""
            return 0.0
        except Exception as error:
            # The socket of a watch that is closed from another thread fails in more ways than urllib3 has names for.
            if not (self._ended.is_set() or isinstance(error, HelmtoolError) or _is_transport(error)):
                self.failure = error
            return self._try_again(error)

    def _list(self) -> None:
        version = ""
        if self._by_name:
            found = self._cluster.get(ObjectKey(self.source.api_version, self.source.kind, self._cluster.namespace, self.source.name))
            objects = _Objects([found] if found else [])
        else:
            objects, version = _read(self._cluster, self.source)
        self._objects.replace(objects)
        self._version = "" if self._polled else version
        self.trouble, self.synced = "", True
        self._changed()

    def _watch(self) -> float:
        """Follows until the server ends it in good order; the next watch then goes on where this one ended."""
        began = time.monotonic()
        query = {
            "resourceVersion": self._version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(SERVED),
            **self.source.query,
        }
        response = self._cluster.watch(self.source.api_version, self.source.kind, query, SILENCE)
        try:
            if not self._hold(response):
                return 0.0
            self.trouble = ""
            for line in _lines(response):
                self._take(line)
        finally:
            self._hold(None)
            response.close()
            if time.monotonic() - began >= HEALTHY:
                self._pause = FIRST_PAUSE
        return self._next_pause() if time.monotonic() - began < FIRST_PAUSE else 0.0

    def _hold(self, response: Any) -> bool:
        """Keeps the response within reach of `close`; false where that was faster."""
        with self._lock:
            self._response = response
            return not self._ended.is_set()

    def _take(self, line: bytes) -> None:
        change, found = _event(self.source.kind, line)
        if change == "ERROR":
            raise _error(found)
        self._version = _version(found) or self._version
        if change == "BOOKMARK":
            return
        if change == "DELETED":
            self._objects.drop(found)
        else:
            self._objects.put(found)
        self._changed()

    def _go_on_without(self, error: ClusterForbidden) -> float:
        """A right is missing: another way to know the objects, the next worse one each time."""
        self.denied = error
        if not self._polled and self._version:
            self._polled = True  # the list was allowed, the watch is not
        elif self.source.name and not self._by_name:
            self._polled = self._by_name = True
        else:
            self.blind = True
        self._version = ""
        return 0.0

    def _try_again(self, error: Exception) -> float:
        log.debug("watch of %s: %s", self.source.kind, error)
        self._version = ""
        if isinstance(error, CredentialsFailed):
            self.trouble = error.message
        if isinstance(error, ClusterUnreachable):
            self.trouble = error.message
            return max(self._next_pause(), min(error.retry_after, LONGEST_ASKED))
        return self._next_pause()

    def _next_pause(self) -> float:
        pause, self._pause = self._pause, min(self._pause * GROWTH, LONGEST_PAUSE)
        return pause


def snapshot(cluster: Cluster, source: Source) -> tuple[Manifest, ...]:
    """The objects of a source now, the newest MOST of them. Raises ClusterUnreachable, ClusterForbidden and VersionExpired."""
    return _read(cluster, source)[0].all()


def _read(cluster: Cluster, source: Source) -> tuple[_Objects, str]:
    """The objects, and the version from which a watch goes on."""
    found: list[Manifest] = []
    version = ""
    for page in cluster.pages(source.api_version, source.kind, source.query, PAGE):
        found = _newest([*found, *(page.get("items") or [])])
        version = _version(page)
    return _Objects(found), version


def _newest(objects: list[Manifest]) -> list[Manifest]:
    """A list is in the order of names, so that those which were made last are looked for."""
    if len(objects) <= MOST:
        return objects
    return sorted(objects, key=lambda each: str(each["metadata"].get("creationTimestamp") or ""))[-MOST:]


class _Objects:
    """At most MOST objects by their names; those that changed last stay. Safe to use from several threads."""

    def __init__(self, objects: Iterable[Manifest] = ()) -> None:
        self._lock = threading.Lock()
        self._by_name: dict[str, Manifest] = {}
        for each in objects:
            self.put(each)

    def all(self) -> tuple[Manifest, ...]:
        with self._lock:
            return tuple(self._by_name.values())

    def replace(self, others: _Objects) -> None:
        """Takes all of them over at once: nobody sees a part."""
        with self._lock:
            self._by_name = others._by_name

    def put(self, found: Manifest) -> None:
        writers = [{k: v for k, v in entry.items() if k != "fieldsV1"} for entry in listing(found, "metadata", "managedFields")]
        metadata = {**found["metadata"], **({"managedFields": writers} if writers else {})}
        with self._lock:
            self._by_name.pop(metadata["name"], None)
            self._by_name[metadata["name"]] = {**found, "metadata": metadata}
            if len(self._by_name) > MOST:
                del self._by_name[next(iter(self._by_name))]

    def drop(self, found: Manifest) -> None:
        with self._lock:
            self._by_name.pop(found["metadata"]["name"], None)


def _lines(response: Any) -> Iterator[bytes]:
    """The lines of a watch as they come. Raises StreamBroken where it ends within one, or one is too long."""
    rest = b""
    for piece in _pieces(response):
        *whole, rest = (rest + piece).split(b"\n")
        yield from (line for line in whole if line.strip())
        if len(rest) > LONGEST_LINE:
            raise StreamBroken(f"a line of the watch is longer than {LONGEST_LINE} bytes")
    if rest.strip():
        raise StreamBroken("the watch ended within a line")


def _pieces(response: Any) -> Iterator[bytes]:
    """What has come, without waiting for more of it; a proxy may have taken the chunks away."""
    if response.chunked:
        yield from response.stream(PIECE)
        return
    while piece := response.read1(PIECE):
        yield piece


def _event(kind: str, line: bytes) -> tuple[str, dict[str, Any]]:
    """The type of an event and its object, of the kind. Raises StreamBroken for anything else."""
    with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
        event = json.loads(line)
        change, found = event["type"], event["object"]
        if change == "ERROR" or is_object(kind, found) or (change == "BOOKMARK" and isinstance(found["metadata"], dict)):
            return str(change), found
    raise StreamBroken("what came through the watch is no event")


def _error(status: Any) -> HelmtoolError:
    """What the server says within a watch that it ends so."""
    said = status if isinstance(status, Mapping) else {}
    message = f"the API server ended the watch: {said.get('code')} {said.get('message') or said.get('reason')}"
    return VersionExpired(message) if said.get("code") == 410 else StreamBroken(message)


def _version(found: Mapping[str, Any]) -> str:
    return text(found, "metadata", "resourceVersion")


def _is_transport(error: Exception) -> bool:
    """Whether the connection failed, not this program."""
    import http.client

    import urllib3

    return isinstance(error, (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError))
