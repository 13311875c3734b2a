"""The API server, through the kubernetes client: identity, objects, server-side-apply dry runs."""

from __future__ import annotations

import builtins
import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from typing import Any
from urllib.parse import quote

from helmtool.adapters.answer import (
    Answer,
    ClusterForbidden,
    ClusterUnreachable,
    VersionExpired,
    decoded,
    seconds_to_wait,
    warnings_in,
)
from helmtool.adapters.connection import Connection, Request
from helmtool.adapters.credentials import NEW_TOKEN, CredentialsRefused
from helmtool.adapters.kubeconfig import Access
from helmtool.errors import OperationFailed
from helmtool.model.kinds import KNOWN, is_object
from helmtool.model.manifest import Manifest, ObjectKey, key_of
from helmtool.model.reading import at, listing, text
from helmtool.model.redaction import redact_text

log = logging.getLogger(__name__)

HELM_MANAGER = "helm"
"""The field manager of Helm's server-side apply: the base name of its binary."""
PARALLEL_REQUESTS = 8
LIST_SECONDS = 30.0
"""Seconds for all pages of a list: thousands of objects."""
FIRST_TIMEOUT = 5.0
"""Seconds for the first answer: something may take connections and never answer."""
ACCESS = "authorization.k8s.io/v1"


KIND_UNKNOWN = "KindUnknown"
"""The reason in the answer about an object whose kind the API server does not know."""


class KindUnknown(OperationFailed):
    """The API server does not know a kind: its CustomResourceDefinition is not there, or the version of its API is not served."""

    code = "kind-unknown"


class Cluster:
    """One API server, through one context of a kubeconfig. Methods block; they are safe to call from several threads."""

    def __init__(self, access: Access, namespace: str) -> None:
        self.access = access
        self.namespace = namespace
        self.connection = Connection(access)
        self._resources: dict[str, dict[str, tuple[str, bool]]] = {}
        self._lock = threading.Lock()

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | Sequence[Any] | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        seconds: float | None = None,
    ) -> Answer:
        """Sends one request and gives the answer, whatever its status, unless the credentials are refused or lack a right.

        `seconds` limits the whole of it. Raises ClusterUnreachable, ClusterForbidden and CredentialsFailed.
        """
        asked = Request(method, path, query, body, {"Accept": accept, "Content-Type": content_type})
        return self._answer(asked, self.connection.send(asked, seconds))

    def _answer(self, asked: Request, response: Any) -> Answer:
        document = decoded(response.data)
        if document is None and (response.status < 400 or response.data.lstrip()[:1] == b"<"):
            # A proxy's login page, or another service at this address: never to be taken for an object.
            raise self.connection.unreachable(ValueError(f"what answers there ({response.status}) is not a Kubernetes API server"))
        answer = Answer(
            response.status,
            document or {"message": redact_text(response.data.decode(errors="replace"))[:200]},
            warnings_in(response.headers),
            seconds_to_wait(response.headers),
        )
        log.debug("%s %s: %s", asked.method, asked.path, response.status)
        if answer.status == 401 or (answer.status == 403 and not answer.by_admission):
            raise self.forbidden(answer)
        return answer

    def get(self, key: ObjectKey, seconds: float | None = None) -> Manifest | None:
        """The live object, or None if there is none, or no such kind."""
        try:
            answer = self.request("GET", self.path(key), seconds=seconds)
        except KindUnknown:
            return None
        if answer.status == 404:
            return None
        return self._objects(key.kind, [self.require(answer).body])[0]

    def apply(self, manifest: Manifest, *, manager: str, dry_run: bool = False, force: bool = False) -> Answer:
        """Server-side apply of one object under a field manager; the caller judges a 404 (KIND_UNKNOWN), 409 or 422."""
        query = {"fieldManager": manager, "force": "true" if force else "false"} | ({"dryRun": "All"} if dry_run else {})
        if unknown := self.unknown_kind(key_of(manifest)):
            return Answer(404, {"reason": KIND_UNKNOWN, "message": unknown})
        return self.request("PATCH", self.path(key_of(manifest)), query, manifest, "application/apply-patch+yaml")

    def create(self, manifest: Manifest, seconds: float | None = None) -> Answer:
        """Creates an object; a 409 says that it is there already."""
        return self.request("POST", self._collection(key_of(manifest)), {"fieldManager": "helmtool"}, manifest, seconds=seconds)

    def replace(self, manifest: Manifest, seconds: float | None = None) -> Answer:
        """Replaces an object; with a resourceVersion in it, a 409 says that somebody was faster."""
        return self.request("PUT", self.path(key_of(manifest)), {"fieldManager": "helmtool"}, manifest, seconds=seconds)

    def delete(self, key: ObjectKey, *, uid: str, version: str = "", grace_seconds: int | None = None, dry_run: bool = False) -> bool:
        """Deletes exactly this object, with `version` only in this state; false where it is gone, or has changed since.

        With `dry_run` it only says whether it could.
        """
        preconditions = {"uid": uid} | ({"resourceVersion": version} if version else {})
        grace = {} if grace_seconds is None else {"gracePeriodSeconds": grace_seconds}
        # In the body: where there is one, the API server does not look at the query, and would really delete.
        tried = {"dryRun": ["All"]} if dry_run else {}
        answer = self.request("DELETE", self.path(key), body={"preconditions": preconditions, **grace, **tried})
        if answer.status in (404, 409):
            return False
        self.require(answer)
        return True

    def patch(self, key: ObjectKey, operations: Sequence[Mapping[str, Any]], manager: str, *, dry_run: bool = False) -> Answer:
        """A JSON patch of one object."""
        query = {"fieldManager": manager} | ({"dryRun": "All"} if dry_run else {})
        return self.request("PATCH", self.path(key), query, operations, "application/json-patch+json")

    def create_dry_run(self, manifest: Manifest) -> Answer:
        """Asks whether the API server would create the object: admission, quota and pod security included."""
        key = key_of(manifest)
        return self.request("POST", self._collection(key), {"dryRun": "All"}, manifest)

    def in_parallel(self, calls: Sequence[Any]) -> list[Any]:
        """The results of several calls (functions without arguments), in their order; all have ended before an error is raised."""
        begun = self.begin(calls)
        wait(begun)
        return [future.result() for future in begun]

    def begin(self, calls: Sequence[Any], at_once: int = PARALLEL_REQUESTS) -> builtins.list[Future[Any]]:
        """Starts several calls, `at_once` of them and the others when one has ended; each future holds the result of one.

        The threads are daemons, which those of a pool are not: a server that hangs does not hold up the end of the program.
        """
        begun = [(Future[Any](), call) for call in calls]
        left = iter(begun)
        taking = threading.Lock()

        def work() -> None:
            while True:
                with taking:
                    future, call = next(left, (None, None))
                if future is None or call is None:
                    return
                try:
                    future.set_result(call())
                except BaseException as error:
                    future.set_exception(error)

        for _ in calls[:at_once]:
            threading.Thread(target=work, daemon=True, name="request").start()
        return [future for future, _ in begun]

    def list(self, api_version: str, kind: str, label_selector: str = "", field_selector: str = "") -> list[Manifest]:
        """The objects of one kind in the namespace that the selectors choose."""
        query = {k: v for k, v in (("labelSelector", label_selector), ("fieldSelector", field_selector)) if v}
        answer = self.request("GET", self.collection(api_version, kind), query)
        return self._objects(kind, self.require(answer).body.get("items") or [])

    def pages(self, api_version: str, kind: str, query: Mapping[str, str], size: int) -> Iterator[dict[str, Any]]:
        """The lists that make up one list, each of at most `size` objects.

        Raises VersionExpired if the server no longer knows the state that they are of, and ClusterUnreachable after LIST_SECONDS.
        """
        path, more = self.collection(api_version, kind), {"limit": str(size)}
        until = time.monotonic() + LIST_SECONDS
        while time.monotonic() < until:
            page = self.require(self.request("GET", path, {**query, **more})).body
            self._objects(kind, page.get("items") or [])
            yield page
            token = text(page, "metadata", "continue")
            if not token:
                return
            more["continue"] = token
        raise self.connection.unreachable(TimeoutError(f"the list of {kind} objects has no end within {LIST_SECONDS:.0f} s"))

    def watch(self, api_version: str, kind: str, query: Mapping[str, str], silence: float) -> Any:
        """A watch of the kind's objects: urllib3's response, whose lines are still to come.

        Reading it fails after `silence` seconds without a line. Raises ClusterUnreachable, ClusterForbidden and VersionExpired.
        """
        asked = Request("GET", self.collection(api_version, kind), {"watch": "true", **query}, headers={"Accept": "application/json"})
        response = self.connection.send(asked, silence=silence)
        if response.status == 200:
            log.debug("GET %s: watched", asked.path)
            return response
        try:
            answer = self._answer(asked, response)
        finally:
            response.close()
        self.require(answer)
        raise self.connection.unreachable(ValueError(f"what answers there ({answer.status}) is no watch"))

    def may(self, verb: str, resource: str, subresource: str, group: str = "") -> bool:
        """Whether the person has a right in the namespace (SelfSubjectAccessReview, as `kubectl auth can-i`)."""
        attributes = {"namespace": self.namespace, "verb": verb, "group": group, "resource": resource, "subresource": subresource}
        review = {"apiVersion": ACCESS, "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": attributes}}
        answer = self.require(self.request("POST", f"/apis/{ACCESS}/selfsubjectaccessreviews", body=review))
        return at(answer.body, "status", "allowed") is True

    def namespace_exists(self) -> bool:
        """Whether the namespace is there."""
        self.connection.wait_for_credentials()
        answer = self.request("GET", f"/api/v1/namespaces/{self.namespace}", seconds=FIRST_TIMEOUT)
        if answer.status == 404:
            return False
        if self.require(answer).body.get("kind") != "Namespace":
            raise self.connection.unreachable(ValueError("what answers there is not a Kubernetes API server"))
        return True

    def system_uid(self) -> str:
        """The UID of the namespace `kube-system`: one for each cluster, for its whole life."""
        self.connection.wait_for_credentials()
        return text(self.require(self.request("GET", "/api/v1/namespaces/kube-system", seconds=FIRST_TIMEOUT)).body, "metadata", "uid")

    def path(self, key: ObjectKey) -> str:
        """The request path of one object."""
        return f"{self._collection(key)}/{quote(key.name, safe='')}"

    def unknown_kind(self, key: ObjectKey) -> str:
        """The sentence that the API server does not know the object's kind; empty if it does."""
        try:
            self._resource(key)
        except KindUnknown as error:
            return error.message
        return ""

    def collection(self, api_version: str, kind: str) -> str:
        """The request path of the namespace's objects of one kind."""
        return self._collection(ObjectKey(api_version, kind, self.namespace, ""))

    def _collection(self, key: ObjectKey) -> str:
        plural, namespaced = self._resource(key)
        prefix = "/api/v1" if key.api_version == "v1" else f"/apis/{key.api_version}"
        return f"{prefix}/namespaces/{key.namespace or self.namespace}/{plural}" if namespaced else f"{prefix}/{plural}"

    def _resource(self, key: ObjectKey) -> tuple[str, bool]:
        """Plural name of a kind and whether it lives in a namespace; of a kind that is not everywhere, from the API server's discovery."""
        if known := KNOWN.get((key.api_version, key.kind)):
            return known
        with self._lock:
            if key.api_version not in self._resources:
                prefix = "/api/v1" if key.api_version == "v1" else f"/apis/{key.api_version}"
                answer = self.request("GET", prefix)
                found = [] if answer.status == 404 else listing(self.require(answer).body, "resources")
                whole = [r for r in found if "/" not in text(r, "name")]
                self._resources[key.api_version] = {text(r, "kind"): (text(r, "name"), r.get("namespaced") is True) for r in whole}
            resource = self._resources[key.api_version].get(key.kind)
        if resource is None:
            message = f"{self.access.server} does not know the kind {key.kind} of {key.api_version}"
            raise KindUnknown(message, hint=f"kubectl api-resources --api-group={key.api_version.rpartition('/')[0]}")
        return resource

    def _objects(self, kind: str, found: Any) -> builtins.list[Manifest]:
        """The objects, if what was given are some: what else stands at this address may answer in JSON too. Raises ClusterUnreachable."""
        if not isinstance(found, list) or not all(is_object(kind, item) for item in found):
            raise self.connection.unreachable(ValueError(f"what it gives are no objects of the kind {kind}"))
        return found

    def require(self, answer: Answer) -> Answer:
        """The answer, where it is none of an error. Raises ClusterUnreachable, VersionExpired and OperationFailed."""
        said = f"{self.access.server} answered {answer.status}: {answer.message or answer.reason}"
        recorded = f"{self.access.server} answered {answer.summary}"
        if answer.status == 429 or answer.status >= 500:
            error = ClusterUnreachable(said, hint=self.connection.health_check, recorded=recorded)
            error.retry_after = answer.retry_after
            raise error
        if answer.status >= 400:
            raise (VersionExpired if answer.status == 410 else OperationFailed)(said, hint=self.connection.health_check, recorded=recorded)
        return answer

    def forbidden(self, answer: Answer) -> ClusterForbidden | CredentialsRefused:
        """What is raised where the API server refuses the credentials, or a right."""
        if answer.status == 401:
            said = f"the API server {self.access.server} does not accept the credentials of context {self.access.context}"
            asked = ", also those that its credentials plugin gave when it was asked again" if self.connection.plugin else ""
            return CredentialsRefused(said + asked, hint=NEW_TOKEN + ", or ask for a new kubeconfig")
        return ClusterForbidden(
            f"the API server forbids it: {answer.message}",
            hint="kubectl auth can-i --list -n " + self.namespace,
            recorded=f"the API server forbids it: {answer.summary}",
        )
