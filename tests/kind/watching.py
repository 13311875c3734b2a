"""The pods of the service as a watch shows them: every change there was, none left out between two looks."""

from __future__ import annotations

import json
import threading
from typing import Any

from helmtool.adapters.answer import ClusterUnreachable
from helmtool.adapters.cluster import Cluster
from helmtool.adapters.connection import Request

Pod = dict[str, Any]
ROUND_SECONDS = "1"
"""How long the API server keeps one watch open; the next goes on from the version that this one has reached."""
SILENT_ROUNDS = 5
ENDED = ("Succeeded", "Failed")


class PodWatch:
    """From `with` to the end of its block; then `seen` has every change, in the API server's order."""

    def __init__(self, cluster: Cluster, selector: str) -> None:
        self._cluster, self._selector = cluster, selector
        self._path = f"/api/v1/namespaces/{cluster.namespace}/pods"
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._go_on)
        self._problem: BaseException | None = None
        self._silent = 0
        self.seen: list[tuple[str, Pod]] = []

    def __enter__(self) -> PodWatch:
        found = self._cluster.request("GET", self._path, {"labelSelector": self._selector}).body
        self.seen += [("ADDED", pod) for pod in found["items"]]
        self._version = found["metadata"]["resourceVersion"]
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()
        assert self._problem is None, self._problem

    def _go_on(self) -> None:
        try:
            done = False
            while not done:
                # Asked before the round: all that happened until then is in it.
                ending = self._ending.is_set()
                done = self._watch_once() and ending
        except BaseException as error:
            self._problem = error

    def _watch_once(self) -> bool:
        """Whether the round came to its end; the next one of a server that did not answer begins where this one did."""
        query = {"watch": "1", "labelSelector": self._selector, "allowWatchBookmarks": "true"}
        query |= {"resourceVersion": self._version, "timeoutSeconds": ROUND_SECONDS}
        try:
            reply = self._cluster.connection.send(Request("GET", self._path, query, headers={"Accept": "application/json"}))
        except ClusterUnreachable:
            self._silent += 1
            assert self._silent < SILENT_ROUNDS, "the API server does not answer"
            return False
        for line in reply.data.decode().splitlines():
            event = json.loads(line)
            assert event["type"] != "ERROR", event
            self._version = event["object"]["metadata"]["resourceVersion"]
            if event["type"] != "BOOKMARK":
                self.seen.append((event["type"], event["object"]))
        return True

    @property
    def names(self) -> list[str]:
        """The pods, in the order in which they came."""
        return list(dict.fromkeys(pod["metadata"]["name"] for _, pod in self.seen))

    @property
    def most_at_once(self) -> int:
        """How many pods there were at one moment, at most; a pod whose containers have ended is none."""
        there: set[str] = set()
        most = 0
        for event, pod in self.seen:
            if event == "DELETED" or pod["status"].get("phase") in ENDED:
                there.discard(pod["metadata"]["uid"])
            else:
                there.add(pod["metadata"]["uid"])
            most = max(most, len(there))
        return most

    def end_of(self, name: str) -> dict[str, Any]:
        """How the container of a pod ended: `exitCode`, `finishedAt`, …; empty where nobody saw it."""
        states = [s["state"] for _, pod in self.seen if pod["metadata"]["name"] == name for s in pod["status"].get("containerStatuses", [])]
        ends: list[dict[str, Any]] = [state["terminated"] for state in states if "terminated" in state]
        return ends[-1] if ends else {}

    def begin_of(self, name: str) -> str:
        """When the container of a pod started to run; RFC 3339."""
        states = [s["state"] for _, pod in self.seen if pod["metadata"]["name"] == name for s in pod["status"].get("containerStatuses", [])]
        return next(str(state["running"]["startedAt"]) for state in states if "running" in state)
