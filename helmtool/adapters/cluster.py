"""The API server, through the kubernetes client: identity, objects, server-side-apply dry runs."""

from __future__ import annotations

import builtins
import contextlib
import json
import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

from helmtool.adapters.client import made_client
from helmtool.adapters.credentials import NEW_TOKEN, Credentials, CredentialsRefused, plugin_of
from helmtool.adapters.kubeconfig import Access
from helmtool.errors import OperationFailed, Unreachable
from helmtool.model.manifest import Manifest, ObjectKey, key_of
from helmtool.model.reading import at, listing, text
from helmtool.model.redaction import redact_text
from helmtool.model.values import yaml_safe

log = logging.getLogger(__name__)

HELM_MANAGER = "helm"
"""The field manager of Helm's server-side apply: the base name of its binary."""
PARALLEL_REQUESTS = 8
CONNECT_TIMEOUT, FIRST_TIMEOUT, READ_TIMEOUT = 5.0, 5.0, 30.0
"""Seconds: to connect, for the first answer (something may take connections and never answer), and for any other."""
PIECE = 1 << 16
"""Bytes of a log that are read at once."""
MAPS = (("spec",), ("status",), ("data",), ("metadata", "labels"), ("metadata", "annotations"), ("spec", "template"), ("spec", "selector"))
"""What is a map in every kind that is read, or not there."""
ACCESS = "authorization.k8s.io/v1"
EMBEDDED = "kwok-helmtool"
"""What the embedded cluster is called in its kubeconfig."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API server said: HTTP status, the decoded document, and the texts of its Warning headers."""

    status: int
    body: dict[str, Any]
    warnings: tuple[str, ...] = ()
    retry_after: float = 0.0
    """Seconds that the server asks to be left alone."""

    @property
    def message(self) -> str:
        """The server's own sentence of an error, else an empty text."""
        return redact_text(str(self.body.get("message") or ""))

    @property
    def reason(self) -> str:
        """The machine-readable reason of an error (`NotFound`, `Conflict`, …), else an empty text."""
        return str(self.body.get("reason") or "")

    @property
    def by_admission(self) -> bool:
        """Whether a 403 is about the object (quota, pod security, a webhook), not about a right of the person who asks.

        Both have the reason Forbidden; the authorizer's sentence names the user, an admission plugin's does not.
        """
        return ("is forbidden: " in self.message and ' User "' not in self.message) or "admission webhook" in self.message


class ClusterUnreachable(Unreachable):
    """Nothing answers at the API server's address, or it cannot answer now; `retry_after` is how many seconds it asks for."""

    code = "cluster-unreachable"
    retry_after: float = 0.0


class ClusterForbidden(Unreachable):
    """The API server answers, and forbids."""

    code = "cluster-forbidden"


class VersionExpired(OperationFailed):
    """The API server no longer knows the resource version that a watch or the next page of a list goes on from: list again."""

    code = "version-expired"


class Cluster:
    """One API server, through one context of a kubeconfig. Methods block; they are safe to call from several threads."""

    def __init__(self, access: Access, namespace: str) -> None:
        self.access = access
        self.namespace = namespace
        self.plugin = plugin_of(access)
        self._made_client: Any = None
        self._making_client = threading.Lock()
        self._resources: dict[str, dict[str, tuple[str, bool]]] = {}
        self._lock = threading.Lock()

    @property
    def client(self) -> Any:
        """The kubernetes client, made with the first request: importing it takes as long as Helm takes to render."""
        with self._making_client:
            if self._made_client is None:
                self._made_client = made_client(self.access, self.plugin.credentials() if self.plugin else None)
            return self._made_client

    def wait_for_credentials(self) -> None:
        """Gives a credentials plugin the time that it needs, before a request that is given little. Raises CredentialsFailed."""
        if self.plugin:
            self.plugin.credentials()

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
        response = self.send(method, path, query, body, {"Accept": accept, "Content-Type": content_type}, seconds)
        return self._answer(method, path, response)

    def _answer(self, method: str, path: str, response: Any) -> Answer:
        decoded = _decode(response.data)
        if decoded is None and (response.status < 400 or response.data.lstrip()[:1] == b"<"):
            # A proxy's login page, or another service at this address: never to be taken for an object.
            raise self.unreachable(ValueError(f"what answers there ({response.status}) is not a Kubernetes API server"))
        answer = Answer(
            response.status,
            decoded or {"message": redact_text(response.data.decode(errors="replace"))[:200]},
            _warnings(response.headers),
            _retry_after(response.headers),
        )
        log.debug("%s %s: %s", method, path, response.status)
        if answer.status == 401 or (answer.status == 403 and not answer.by_admission):
            raise self.forbidden(answer)
        return answer

    def send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Mapping[str, Any] | Sequence[Any] | None,
        headers: Mapping[str, str],
        seconds: float | None = None,
        silence: float | None = None,
    ) -> Any:
        """Sends one request and gives urllib3's response as it is, for what is no object. Raises ClusterUnreachable and CredentialsFailed.

        With `silence` its body is left unread, and reading it fails when nothing came for that many seconds. What is refused for
        its credentials was not done: it is sent once more where a plugin has other ones.
        """
        client = self.client  # making it takes its own time
        until = time.monotonic() + seconds if seconds else None
        sent = partial(self._sent, client, method, path, query, body, headers, until, silence)
        response, used = sent()
        if response.status == 401 and self.plugin and used:
            response.close()
            self.plugin.refused(used)
            response, _ = sent()
        return response

    def _sent(
        self,
        client: Any,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Mapping[str, Any] | Sequence[Any] | None,
        headers: Mapping[str, str],
        until: float | None,
        silence: float | None,
    ) -> tuple[Any, Credentials | None]:
        """The response, and the plugin's credentials that it was asked with."""
        import urllib3

        # The client's own request() takes no server-side-apply body, so its pool and its authentication are used directly.
        used = self.plugin.credentials(_left(until)) if self.plugin else None
        sent, queries = {"User-Agent": "helmtool", **headers}, [*(query or {}).items()]
        timeout = urllib3.Timeout(total=_left(until)) if until else urllib3.Timeout(connect=CONNECT_TIMEOUT, read=silence or READ_TIMEOUT)
        try:
            client.update_params_for_auth(sent, queries, ["BearerToken"], path, method, None)
            if used and used.token:  # not the client's, which another thread may just be setting
                sent["authorization"] = client.configuration.api_key["BearerToken"] = f"Bearer {used.token}"
            response = client.rest_client.pool_manager.request(
                method,
                client.configuration.host + path + ("?" + urlencode(queries) if queries else ""),
                body=None if body is None else _encoded(body),
                headers=sent,
                timeout=timeout,
                preload_content=silence is None,
                retries=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise self.unreachable(error) from None
        return response, used

    def get(self, key: ObjectKey) -> Manifest | None:
        """The live object, or nothing where there is none."""
        answer = self.request("GET", self.path(key))
        if answer.status == 404:
            return None
        return self._objects([self._ok(answer).body])[0]

    def apply(self, manifest: Manifest, *, manager: str, dry_run: bool = False, force: bool = False) -> Answer:
        """Server-side apply of one object under a field manager; the answer may be a 409 or 422, which the caller judges."""
        query = {"fieldManager": manager, "force": "true" if force else "false"} | ({"dryRun": "All"} if dry_run else {})
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
        self._ok(answer)
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
        """The results of several calls (functions without arguments), in their order."""
        with ThreadPoolExecutor(max_workers=PARALLEL_REQUESTS) as pool:
            return [future.result() for future in [pool.submit(call) for call in calls]]

    def list(self, api_version: str, kind: str, label_selector: str = "", field_selector: str = "") -> list[Manifest]:
        """The objects of one kind in the namespace that the selectors choose."""
        query = {k: v for k, v in (("labelSelector", label_selector), ("fieldSelector", field_selector)) if v}
        answer = self.request("GET", self.collection(api_version, kind), query)
        return self._objects(self._ok(answer).body.get("items") or [])

    def pages(self, api_version: str, kind: str, query: Mapping[str, str], size: int) -> Iterator[dict[str, Any]]:
        """The lists that make up one list, each of at most `size` objects. Raises VersionExpired where it takes too long to read them."""
        path, more = self.collection(api_version, kind), {"limit": str(size)}
        while True:
            page = self._ok(self.request("GET", path, {**query, **more})).body
            yield page
            token = (page.get("metadata") or {}).get("continue")
            if not token:
                return
            more["continue"] = token

    def watch(self, api_version: str, kind: str, query: Mapping[str, str], silence: float) -> Any:
        """A watch of the kind's objects: urllib3's response, whose lines are still to come.

        Reading it fails after `silence` seconds without a line. Raises ClusterUnreachable, ClusterForbidden and VersionExpired.
        """
        path = self.collection(api_version, kind)
        response = self.send("GET", path, {"watch": "true", **query}, None, {"Accept": "application/json"}, silence=silence)
        if response.status == 200:
            log.debug("GET %s: watched", path)
            return response
        try:
            answer = self._answer("GET", path, response)
        finally:
            response.close()
        self._ok(answer)
        raise self.unreachable(ValueError(f"what answers there ({answer.status}) is no watch"))

    def log(self, pod: str, container: str, *, lines: int, limit: int, previous: bool = False) -> Sequence[str]:
        """The last lines of a container, at most `limit` bytes of them; with `previous` of the one before its last restart.

        Raises ClusterForbidden, ClusterUnreachable, and OperationFailed where the kubelet has none.
        """
        query = {"tailLines": str(lines), "limitBytes": str(limit)}
        response = self._log(pod, container, query, previous=previous, seconds=FIRST_TIMEOUT)
        return str(response.data.decode(errors="replace")).splitlines()

    def log_lines(
        self, pod: str, container: str, *, silence: float, lines: int | None = None, previous: bool = False, follow: bool = False
    ) -> Iterator[str]:
        """The lines of a container's log as they come: all of it, or from the last `lines` on.

        Raises as `log` does, and ClusterUnreachable where it breaks off, or nothing came for `silence` seconds.
        """
        query = ({"tailLines": str(lines)} if lines is not None else {}) | ({"follow": "true"} if follow else {})
        with contextlib.closing(self._log(pod, container, query, previous=previous, silence=silence)) as response:
            rest = b""
            for piece in self._pieces(response):
                *whole, rest = (rest + piece).split(b"\n")
                yield from (line.decode(errors="replace") for line in whole)
            if rest:
                yield rest.decode(errors="replace")

    def _pieces(self, response: Any) -> Iterator[bytes]:
        import urllib3

        try:
            while piece := response.read1(PIECE):
                yield piece
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self.unreachable(error) from None

    def _log(
        self,
        pod: str,
        container: str,
        query: Mapping[str, str],
        *,
        previous: bool,
        seconds: float | None = None,
        silence: float | None = None,
    ) -> Any:
        path = f"/api/v1/namespaces/{self.namespace}/pods/{quote(pod, safe='')}/log"
        query = {"container": container, **query} | ({"previous": "true"} if previous else {})
        response = self.send("GET", path, query, None, {"Accept": "*/*"}, seconds=seconds, silence=silence)
        if response.status >= 400:
            answer = Answer(response.status, _decode(response.data) or {})
            if answer.status in (401, 403):
                raise self.forbidden(answer)
            self._ok(answer)
        return response

    def may(self, verb: str, resource: str, subresource: str, group: str = "") -> bool:
        """Whether the person has a right in the namespace (SelfSubjectAccessReview, as `kubectl auth can-i`)."""
        attributes = {"namespace": self.namespace, "verb": verb, "group": group, "resource": resource, "subresource": subresource}
        review = {"apiVersion": ACCESS, "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": attributes}}
        answer = self._ok(self.request("POST", f"/apis/{ACCESS}/selfsubjectaccessreviews", body=review))
        return at(answer.body, "status", "allowed") is True

    def namespace_exists(self) -> bool:
        """Whether the namespace is there."""
        self.wait_for_credentials()
        answer = self.request("GET", f"/api/v1/namespaces/{self.namespace}", seconds=FIRST_TIMEOUT)
        if answer.status == 404:
            return False
        if self._ok(answer).body.get("kind") != "Namespace":
            raise self.unreachable(ValueError("what answers there is not a Kubernetes API server"))
        return True

    def system_uid(self) -> str:
        """The UID of the namespace `kube-system`: one for each cluster, for its whole life."""
        self.wait_for_credentials()
        return text(self._ok(self.request("GET", "/api/v1/namespaces/kube-system", seconds=FIRST_TIMEOUT)).body, "metadata", "uid")

    def path(self, key: ObjectKey) -> str:
        """The request path of one object."""
        return f"{self._collection(key)}/{quote(key.name, safe='')}"

    def collection(self, api_version: str, kind: str) -> str:
        """The request path of the namespace's objects of one kind."""
        return self._collection(ObjectKey(api_version, kind, self.namespace, ""))

    def _collection(self, key: ObjectKey) -> str:
        plural, namespaced = self._resource(key)
        prefix = "/api/v1" if key.api_version == "v1" else f"/apis/{key.api_version}"
        return f"{prefix}/namespaces/{key.namespace or self.namespace}/{plural}" if namespaced else f"{prefix}/{plural}"

    def _resource(self, key: ObjectKey) -> tuple[str, bool]:
        """Plural name of a kind and whether it lives in a namespace, from the API server's discovery."""
        with self._lock:
            if key.api_version not in self._resources:
                prefix = "/api/v1" if key.api_version == "v1" else f"/apis/{key.api_version}"
                answer = self.request("GET", prefix)
                found = [] if answer.status == 404 else listing(self._ok(answer).body, "resources")
                whole = [r for r in found if "/" not in text(r, "name")]
                self._resources[key.api_version] = {text(r, "kind"): (text(r, "name"), r.get("namespaced") is True) for r in whole}
            resource = self._resources[key.api_version].get(key.kind)
        if resource is None:
            message = f"{self.access.server} does not know the kind {key.kind} of {key.api_version}"
            raise OperationFailed(message, hint=f"kubectl api-resources --api-group={key.api_version.rpartition('/')[0]}")
        return resource

    def _objects(self, found: Any) -> builtins.list[Manifest]:
        """The objects, if what was given are some: what else stands at this address may answer in JSON too. Raises ClusterUnreachable."""
        if not isinstance(found, list) or not all(_is_object(item) for item in found):
            raise self.unreachable(ValueError("what it gives are no Kubernetes objects"))
        return found

    def _ok(self, answer: Answer) -> Answer:
        said = f"{self.access.server} answered {answer.status}: {answer.message or answer.reason}"
        if answer.status == 429 or answer.status >= 500:
            error = ClusterUnreachable(said, hint=self._healthz())
            error.retry_after = answer.retry_after
            raise error
        if answer.status >= 400:
            raise (VersionExpired if answer.status == 410 else OperationFailed)(said, hint=self._healthz())
        return answer

    def unreachable(self, error: Exception) -> ClusterUnreachable:
        """What is raised where nothing answers, with what the transport said."""
        cause = getattr(error, "reason", None) or error
        while cause.args and isinstance(cause.args[-1], Exception):  # urllib3 wraps what the socket said
            cause = cause.args[-1]
        text = str(cause).rsplit(": ", 1)[-1]
        return ClusterUnreachable(
            f"the API server {self.access.server} (cluster {self.access.cluster}) does not answer: {text}",
            hint="helmtool local up" if self.access.cluster == EMBEDDED else self._healthz(),
        )

    def _healthz(self) -> str:
        """The command that asks the API server for its health in the same way, without this program."""
        return f"KUBECONFIG={self.access.kubeconfig} kubectl --context {self.access.context} get --raw /healthz"

    def forbidden(self, answer: Answer) -> ClusterForbidden | CredentialsRefused:
        """What is raised where the API server refuses the credentials, or a right."""
        if answer.status == 401:
            said = f"the API server {self.access.server} does not accept the credentials of context {self.access.context}"
            asked = ", also those that its credentials plugin gave when it was asked again" if self.plugin else ""
            return CredentialsRefused(said + asked, hint=NEW_TOKEN + ", or ask for a new kubeconfig")
        return ClusterForbidden(f"the API server forbids it: {answer.message}", hint="kubectl auth can-i --list -n " + self.namespace)


def _left(until: float | None) -> float | None:
    """The seconds until then; a moment where it is over, so that what waits for them fails as late."""
    return None if until is None else max(until - time.monotonic(), 0.01)


def _encoded(body: Any) -> bytes:
    """JSON that is YAML as well: the API server reads a server-side apply as YAML, which has no escape of two halves of a character."""
    return yaml_safe(json.dumps(body, ensure_ascii=False))


def _decode(data: bytes) -> dict[str, Any] | None:
    """The document of an answer; nothing where it is not one."""
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _is_object(found: Any) -> bool:
    """Whether it has the form that every object has, as far as an API server vouches for it: a name, and maps where maps belong."""
    maps = [at(found, *path) for path in MAPS]
    return isinstance(found, dict) and bool(text(found, "metadata", "name")) and all(isinstance(m, dict) or m is None for m in maps)


def _warnings(headers: Any) -> tuple[str, ...]:
    """The texts of `Warning: 299 - "text"` headers, where Kubernetes puts deprecations and the like."""
    return tuple(value.split('"', 1)[1].rsplit('"', 1)[0].replace('\\"', '"') for value in headers.getlist("Warning") if '"' in value)


def _retry_after(headers: Any) -> float:
    """The seconds of a Retry-After header; 0 without one, and where it holds a date: Kubernetes sends seconds."""
    value = str(headers.get("Retry-After") or "")
    return float(value) if value.isdecimal() else 0.0
