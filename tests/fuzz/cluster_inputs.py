"""Kubeconfigs, and what a hostile or broken cluster may hold or answer: Helm's Secrets, records, Leases, versions of the secret."""

from __future__ import annotations

import base64
import gzip
import json
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs

import yaml
from cases import LARGE, SMALL, Case, Content, codes, in_a_mode
from mutations import HOSTILE_TEXTS, change_bytes, change_structure, deep, hostile_value
from servers import Answering, Reply, Request
from sites import Good, kubeconfig

CANARY = "cAnArY-of-a-token-ab12"
NAMESPACE = "dqm"
CORE = {"namespaces": ("Namespace", False), "secrets": ("Secret", True), "configmaps": ("ConfigMap", True), "pods": ("Pod", True)}
CORE |= {"services": ("Service", True), "events": ("Event", True)}
GROUPS: dict[str, dict[str, tuple[str, bool]]] = {
    "/api/v1": CORE,
    "/apis/apps/v1": {"deployments": ("Deployment", True), "replicasets": ("ReplicaSet", True)},
    "/apis/coordination.k8s.io/v1": {"leases": ("Lease", True)},
}
IMAGE = "registry.cern.ch/cmsweb/newdqmgui:HG0105a@sha256:" + "ab" * 32


def _metadata(name: str, labels: Mapping[str, str] | None = None) -> dict[str, Any]:
    common = {"uid": "6f1ed002-ab59-4001-8000-000000000000", "resourceVersion": "7", "creationTimestamp": "2026-05-01T10:00:00Z"}
    return {"name": name, "namespace": NAMESPACE, "labels": dict(labels or {}), **common}


def _deployment() -> dict[str, Any]:
    container = {"name": "newdqmgui", "image": IMAGE}
    pod = {
        "metadata": {"labels": {"app": "newdqmgui"}},
        "spec": {
            "containers": [container],
            "volumes": [{"name": "secrets", "secret": {"secretName": "newdqmgui-secrets-0123456789abcdef"}}],
        },
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata("newdqmgui") | {"generation": 2, "managedFields": [_manager()]},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "newdqmgui"}}, "template": pod, "strategy": {"type": "Recreate"}},
        "status": {
            "observedGeneration": 2,
            "replicas": 1,
            "updatedReplicas": 1,
            "availableReplicas": 1,
            "readyReplicas": 1,
            "conditions": [{"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"}],
        },
    }


def _manager() -> dict[str, Any]:
    return {
        "manager": "kubectl",
        "operation": "Update",
        "apiVersion": "apps/v1",
        "time": "2026-05-01T10:00:00Z",
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:spec": {"f:replicas": {}}},
    }


def _stored(number: int, status: str) -> dict[str, Any]:
    """A release as Helm's storage driver keeps it, before it is packed."""
    manifest = yaml.safe_dump(
        {k: v for k, v in _deployment().items() if k != "status"} | {"metadata": {"name": "newdqmgui", "labels": {"app": "newdqmgui"}}}
    )
    return {
        "name": "newdqmgui",
        "version": number,
        "namespace": NAMESPACE,
        "info": {"status": status, "last_deployed": "2026-05-01T10:00:00Z", "description": "Upgrade complete"},
        "chart": {"metadata": {"name": "newdqmgui", "version": "0.1.0"}},
        "config": {"image": {"tag": "HG0105a"}, "note": f"number {number}"},
        "manifest": f"---\n# Source: newdqmgui/templates/deployment.yaml\n{manifest}",
    }


def _packed(stored: bytes, *, compressed: bool = True) -> str:
    """Base64 of gzip, and the Secret's own base64 around it."""
    return base64.b64encode(base64.b64encode(gzip.compress(stored, 1) if compressed else stored)).decode()


def _release(number: int, payload: str) -> dict[str, Any]:
    labels = {"owner": "helm", "name": "newdqmgui", "version": str(number), "status": "deployed"}
    metadata = _metadata(f"sh.helm.release.v1.newdqmgui.v{number}", labels)
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "helm.sh/release.v1", "data": {"release": payload}}


def _records() -> list[dict[str, Any]]:
    common = {"action": "release", "outcome": "deployed", "when": "2026-05-01T10:00:00Z", "who": "ana@lxplus", "tag": "HG0105a"}
    return [
        {"revision": n, **common, "note": "first", "evidence": ["a"], "checks": ["b"], "clean": True, "commit": "c" * 40} for n in (1, 2)
    ]


def _records_object(text: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _metadata("newdqmgui-releases"), "data": {"records.json": text}}


def _lease() -> dict[str, Any]:
    metadata = _metadata("newdqmgui-lock") | {"annotations": {"helmtool/who": "ana@lxplus", "helmtool/command": "release"}}
    spec = {
        "holderIdentity": "ana/1",
        "leaseDurationSeconds": 1,
        "acquireTime": "2026-05-01T10:00:00.000000Z",
        "renewTime": "2026-05-01T10:00:00.000000Z",
    }
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}


def _version(canary: str) -> dict[str, Any]:
    labels = {
        "app.kubernetes.io/managed-by": "helmtool",
        "app.kubernetes.io/instance": "newdqmgui",
        "app.kubernetes.io/component": "secret-version",
    }
    data = {"robot.txt": base64.b64encode(canary.encode()).decode()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": _metadata("newdqmgui-secrets-0123456789abcdef", labels),
        "type": "Opaque",
        "immutable": True,
        "data": data,
    }


def _pod() -> dict[str, Any]:
    status = {
        "phase": "Running",
        "containerStatuses": [{"name": "newdqmgui", "ready": True, "imageID": IMAGE, "restartCount": 0, "state": {"running": {}}}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _metadata("newdqmgui-1", {"app": "newdqmgui"}),
        "spec": {"containers": [{"name": "newdqmgui", "image": IMAGE}]},
        "status": status,
    }


def _objects() -> dict[str, Any]:
    """What the cluster holds, by path."""
    inside = f"/api/v1/namespaces/{NAMESPACE}"
    found = {
        f"{inside}/secrets/{o['metadata']['name']}": o
        for o in (
            _release(1, _packed(json.dumps(_stored(1, "superseded")).encode())),
            _release(2, _packed(json.dumps(_stored(2, "deployed")).encode())),
            _version(CANARY),
        )
    }
    found |= {
        f"/api/v1/namespaces/{name}": {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "uid": "6f1ed002-ab59-4001-8000-00000000000f"},
        }
        for name in (NAMESPACE, "kube-system")
    }
    found[f"{inside}/configmaps/newdqmgui-releases"] = _records_object(json.dumps(_records()))
    found[f"{inside}/pods/newdqmgui-1"] = _pod()
    found[f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/newdqmgui"] = _deployment()
    return found


OBJECTS = _objects()
RELEASES = [path for path in OBJECTS if "sh.helm.release" in path]
RECORDS = next(path for path in OBJECTS if path.endswith("newdqmgui-releases"))
VERSION = next(path for path in OBJECTS if path.endswith("cdef"))
LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/newdqmgui-lock"


@dataclass(frozen=True)
class Holds:
    """An API server that holds `objects`, and answers as `broken` says where the path holds its key."""

    objects: Mapping[str, Any]
    broken: Mapping[str, Callable[[Reply], Reply]] = field(default_factory=dict)

    def answering(self, address: str) -> Answering:
        """The answers; what is deleted is gone."""
        stored = dict(self.objects)

        def answer(request: Request) -> Reply:
            reply = _answer(stored, request)
            for place, change in self.broken.items():
                if place in request.path:
                    reply = change(reply)
            return reply

        return answer


def _reply(document: Any, status: int = 200) -> Reply:
    return Reply(status, [("Content-Type", "application/json")], json.dumps(document).encode("utf-8", "surrogatepass"))


def _status(code: int, reason: str) -> Reply:
    return _reply({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": reason}, code)


def _answer(stored: dict[str, Any], request: Request) -> Reply:
    path = request.path.rstrip("/")
    if path in GROUPS:
        resources = [{"name": name, "kind": kind, "namespaced": inside, "verbs": ["get"]} for name, (kind, inside) in GROUPS[path].items()]
        return _reply({"kind": "APIResourceList", "groupVersion": path.removeprefix("/apis/"), "resources": resources})
    if path == "/version":
        return _reply({"major": "1", "minor": "36", "gitVersion": "v1.36.3"})
    if path.endswith("selfsubjectaccessreviews"):
        return _reply(json.loads(request.body) | {"status": {"allowed": True}}, 201)
    if request.method == "GET":
        return _get(stored, request, path)
    if request.method == "DELETE":
        return _reply({"kind": "Status", "status": "Success"}) if stored.pop(path, None) else _status(404, "NotFound")
    if request.method == "PATCH":
        return _reply(stored[path]) if path in stored else _reply(yaml.safe_load(request.body))
    return _reply(json.loads(request.body or b"{}"), 201)


def _get(stored: Mapping[str, Any], request: Request, path: str) -> Reply:
    if path in stored:
        return _reply(stored[path])
    kind = next(
        (
            kind
            for group, kinds in GROUPS.items()
            if path.startswith(group)
            for name, (kind, _) in kinds.items()
            if path.endswith("/" + name)
        ),
        None,
    )
    if kind is None:
        return _status(404, "NotFound")
    wanted = dict(part.split("=") for part in (parse_qs(request.query).get("labelSelector") or [""])[0].split(",") if part.count("=") == 1)
    items = [found for at, found in stored.items() if at.startswith(path + "/") and _has(found, wanted)]
    return _reply({"kind": f"{kind}List", "apiVersion": "v1", "metadata": {"resourceVersion": "9"}, "items": items})


def _has(found: Any, wanted: Mapping[str, str]) -> bool:
    """Whether a selector chooses the object; one that is broken is always given."""
    try:
        return wanted.items() <= found["metadata"]["labels"].items()
    except (KeyError, TypeError, AttributeError):
        return True


COMMANDS = (
    ("history",),
    ("history",),
    ("status",),
    ("status", "--rollback"),
    ("secrets", "list"),
    ("unlock", "--yes"),
    ("rollback", "--dry-run"),
)
CONFIG: dict[str, Content] = {"home/config": kubeconfig("http://{server}", token=CANARY)}


def _case(rng: random.Random, answers: Holds, *allowed: int, command: tuple[str, ...] | None = None) -> Case:
    chosen = command or rng.choice(COMMANDS)
    arguments = in_a_mode(rng, "--kubeconfig", "{home}/config", *chosen, "test4")
    variables = {"HELM_CACHE_HOME": "{home}/c", "HELM_CONFIG_HOME": "{home}/h", "HELM_DATA_HOME": "{home}/d"}
    documents = chosen[0] in ("status", "describe", "doctor")
    memory = SMALL if chosen[0] in ("history", "status", "secrets") and "--rollback" not in chosen else LARGE
    return Case(arguments, codes(*allowed), CONFIG, variables, answers, CANARY, documents=documents, memory=memory)


def stored_releases(rng: random.Random, good: Good) -> Case:
    """Helm's Secrets: payloads that are damaged, huge, of other kinds, or of nothing."""
    if rng.random() < 0.05:
        return _case(rng, Holds(OBJECTS), 0, command=rng.choice((("history",), ("status",), ("secrets", "list"))))
    number = rng.choice((1, 2))
    stored = _stored(number, rng.choice(("deployed", "failed", "pending-upgrade", "superseded", "uninstalled", "x")))
    makers: tuple[Callable[[], str], ...] = (
        lambda: _packed(json.dumps(change_structure(rng, stored)).encode("utf-8", "surrogatepass")),
        lambda: _packed(json.dumps(change_structure(rng, stored)).encode("utf-8", "surrogatepass"), compressed=False),
        lambda: _packed(change_bytes(rng, json.dumps(stored).encode())),
        lambda: _packed(
            json.dumps(stored | {"manifest": change_bytes(rng, stored["manifest"].encode()).decode("utf-8", "replace")}).encode()
        ),
        lambda: base64.b64encode(change_bytes(rng, base64.b64decode(_packed(json.dumps(stored).encode())))).decode(),
        lambda: base64.b64encode(base64.b64encode(change_bytes(rng, gzip.compress(json.dumps(stored).encode())))).decode(),
        lambda: _packed(
            rng.choice((b"", b"[]", b"null", b"1", b'"x"', b"[" * 200_000, b'{"version": ' + b"9" * 5000 + b"}", b'{"version": 1e999}'))
        ),
        lambda: _packed(rng.choice((b" ", b"[", b"1")) * (rng.choice((50, 900)) << 20)) if rng.random() < 0.1 else _packed(b" " * 1000),
        lambda: _packed(json.dumps(stored | {"manifest": rng.choice(_MANIFESTS)}).encode()),
        lambda: rng.choice(("", "=", "A", "é", "QQ==", "\n")),
    )
    objects = OBJECTS | {RELEASES[number - 1]: _release(number, rng.choice(makers)())}
    return _case(rng, Holds(objects), 0, 1, 3, 4, 5)


_MANIFESTS = (
    "- " * 3000,
    "a: &a [*a]\n",
    "a: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(f"{chr(c + 1)}: &{chr(c + 1)} [{','.join(['*' + chr(c)] * 10)}]\n" for c in range(97, 106)),
    "kind: Deployment\n",
    "kind: Deployment\nmetadata: 5\n",
    "kind: Deployment\napiVersion: apps/v1\nmetadata: {name: [1]}\n",
    "kind: Deployment\napiVersion: apps/v1\nmetadata: {name: x, annotations: {helm.sh/hook: 5}}\nspec: {template: []}\n",
    "!!python/object:os.system {}\n",
    "--- \n---\n...\n",
    "[1, 2]\n",
    "\x00",
    "apiVersion: ''\nkind: ''\nmetadata: {name: ''}\n",
    "kind: Deployment\napiVersion: ../../x\nmetadata: {name: ../../../x}\n",
)


def records(rng: random.Random, good: Good) -> Case:
    """helmtool's own record, as people or other programs may have left it."""
    document = _records()
    makers: tuple[Callable[[], str], ...] = (
        lambda: json.dumps(change_structure(rng, document)),
        lambda: json.dumps(change_structure(rng, document)),
        lambda: change_bytes(rng, json.dumps(document).encode()).decode("utf-8", "replace"),
        lambda: json.dumps([document[0] | {rng.choice(tuple(document[0])): rng.choice(HOSTILE_TEXTS)}]),
        lambda: json.dumps(
            [document[1] | {"note": rng.choice(HOSTILE_TEXTS), "who": rng.choice(HOSTILE_TEXTS), "when": rng.choice(HOSTILE_TEXTS)}]
        ),
        lambda: rng.choice(("", "null", "5", "[null]", "[" * 100_000, "{" * 1000, "[NaN]", '[{"revision": 1e999}]', "\x1b[31m")),
        lambda: json.dumps(deep(900)),
    )
    objects = OBJECTS | {RECORDS: _records_object(rng.choice(makers)())}
    return _case(rng, Holds(objects), 0, command=rng.choice((("history",), ("history",), ("status",), ("secrets", "list"))))


def leases(rng: random.Random, good: Good) -> Case:
    """The lock as somebody may have edited it; `unlock` frees it, and does not wait for years."""
    lease = _lease()
    lease["spec"]["leaseDurationSeconds"] = rng.choice((1, 1, 1, -1, 0, "1", None)) if rng.random() < 0.97 else 2**31 - 1
    for key in ("acquireTime", "renewTime", "holderIdentity"):
        if rng.random() < 0.4:
            lease["spec"][key] = rng.choice((*HOSTILE_TEXTS, None))
    for key in ("helmtool/who", "helmtool/command"):
        if rng.random() < 0.4:
            lease["metadata"]["annotations"][key] = rng.choice(HOSTILE_TEXTS)
    command = (
        ("unlock", "--yes")
        if isinstance(lease["spec"]["leaseDurationSeconds"], int) and 0 < lease["spec"]["leaseDurationSeconds"] < 9
        else ("secrets", "list")
    )
    return _case(rng, Holds(OBJECTS | {LEASE: lease}), 0, command=command)


def versions(rng: random.Random, good: Good) -> Case:
    """Versions of the secret, whose values are in no output, whatever is wrong with the object around them."""
    version = _version(CANARY)
    data = version["data"]
    data[rng.choice(HOSTILE_TEXTS)] = data["robot.txt"]
    data["broken"] = rng.choice(("", "=", "é", "QQ", None, "!" * 5000, data["robot.txt"][:-1]))
    version["metadata"] = change_structure(rng, version["metadata"]) if rng.random() < 0.5 else version["metadata"]
    objects = OBJECTS | {VERSION: version}
    return _case(rng, Holds(objects), 0, 1, 5, command=("secrets", "list"))


POD, WORKLOAD = (next(path for path in OBJECTS if path.endswith(end)) for end in ("/pods/newdqmgui-1", "/deployments/newdqmgui"))


def workloads(rng: random.Random, good: Good) -> Case:
    """A Deployment, its ReplicaSets, pods and events as another API server, an old one or nobody would give them."""
    objects = OBJECTS | _rollout()
    for path in rng.sample([WORKLOAD, POD, *_rollout()], rng.choice((1, 1, 2, 3))):
        part = rng.choice(("spec", "status", "status", "metadata", "whole"))
        document = objects[path]
        changed = change_structure(rng, document if part == "whole" else document.get(part) or {})
        objects[path] = changed if part == "whole" else {**document, part: changed}
    command = rng.choice((("describe",), ("describe",), ("pods",), ("logs",), ("events",), ("status",), ("doctor",)))
    return _case(rng, Holds(objects), 0, 1, 3, 4, 5, command=command)


def _rollout() -> dict[str, Any]:
    """A pod that cannot start, its ReplicaSet and events about both, by path."""
    inside, apps = f"/api/v1/namespaces/{NAMESPACE}", f"/apis/apps/v1/namespaces/{NAMESPACE}"
    waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container"}}
    ended = {"terminated": {"exitCode": 137, "reason": "OOMKilled", "signal": 9, "finishedAt": "2026-05-01T10:00:00Z", "message": "m"}}
    status = {
        "name": "newdqmgui",
        "ready": False,
        "imageID": IMAGE,
        "image": IMAGE,
        "restartCount": 4,
        "state": waiting,
        "lastState": ended,
    }
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "newdqmgui", "uid": _metadata("x")["uid"], "controller": True}
    labels = {"app": "newdqmgui", "pod-template-hash": "abc"}
    template = _deployment()["spec"]["template"]
    condition = {"type": "Ready", "status": "False", "reason": "ContainersNotReady", "lastTransitionTime": "2026-05-01T10:00:00Z"}
    made = {
        "metadata": _metadata("newdqmgui-abc-2", labels) | {"ownerReferences": [owner | {"kind": "ReplicaSet", "name": "newdqmgui-abc"}]},
        "spec": template["spec"] | {"nodeName": "node-1", "initContainers": [{"name": "init", "image": IMAGE}]},
        "status": {"phase": "Pending", "conditions": [condition], "containerStatuses": [status], "initContainerStatuses": [status]},
    }
    replicas = {
        "metadata": _metadata("newdqmgui-abc", labels)
        | {"ownerReferences": [owner], "annotations": {"deployment.kubernetes.io/revision": "2"}},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template},
        "status": {"replicas": 1, "readyReplicas": 0, "observedGeneration": 1},
    }
    event = {
        "metadata": _metadata("newdqmgui-abc-2.17a"),
        "involvedObject": {"kind": "Pod", "name": "newdqmgui-abc-2", "namespace": NAMESPACE, "uid": _metadata("x")["uid"]},
        "type": "Warning",
        "reason": "Unhealthy",
        "message": "Startup probe failed: HTTP probe failed with statuscode: 500",
        "count": 7,
        "firstTimestamp": "2026-05-01T10:00:00Z",
        "lastTimestamp": "2026-05-01T10:05:00Z",
        "source": {"component": "kubelet", "host": "node-1"},
    }
    return {
        f"{inside}/pods/newdqmgui-abc-2": {"apiVersion": "v1", "kind": "Pod", **made},
        f"{apps}/replicasets/newdqmgui-abc": {"apiVersion": "apps/v1", "kind": "ReplicaSet", **replicas},
        f"{inside}/events/newdqmgui-abc-2.17a": {"apiVersion": "v1", "kind": "Event", **event},
    }


def broken_servers(rng: random.Random, good: Good) -> Case:
    """An API server, or what stands in its place, that answers wrongly."""
    places = ("/namespaces/dqm/secrets", "/configmaps/", "/deployments", "/pods", "/leases", "/api/v1", "/apis/apps/v1", "/namespaces/")
    changes: tuple[Callable[[Reply], Reply], ...] = (
        lambda reply: replace(reply, status=rng.choice((100, 204, 301, 302, 400, 401, 403, 404, 409, 410, 418, 422, 429, 500, 503, 999))),
        lambda reply: replace(reply, body=change_bytes(random.Random(len(reply.body)), reply.body)),
        lambda reply: replace(reply, body=_changed_document(random.Random(seed), reply.body)),
        lambda reply: replace(reply, body=_changed_document(random.Random(seed), reply.body)),
        lambda reply: replace(reply, cut=len(reply.body) // 2),
        lambda reply: replace(reply, raw=raw),
        lambda reply: replace(reply, body=document),
        lambda reply: replace(reply, headers=[*reply.headers, header]),
    )
    seed = rng.random()
    raw = rng.choice((b"", b"HTTP/1.1 200\r\n\r\n", b"\x15\x03\x01", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", b"<html>"))
    document = rng.choice(
        (
            b"",
            b"[]",
            b"null",
            b"<html>login</html>",
            b"[" * 100_000,
            b'{"items": 5}',
            b'{"items": [5]}',
            b"\xff",
            b'{"message": "\\u001b[31m"}',
        )
    )
    header = rng.choice(
        (("Retry-After", "9" * 400), ("Warning", '299 - "\x1b[31m"'), ("Warning", "x"), ("Content-Encoding", "gzip"), ("Retry-After", "²"))
    )
    return _case(rng, Holds(OBJECTS, {rng.choice(places): rng.choice(changes)}), 0, 1, 3, 4, 5)


def _changed_document(rng: random.Random, body: bytes) -> bytes:
    return json.dumps(change_structure(rng, json.loads(body)), ensure_ascii=True).encode()


def kubeconfigs(rng: random.Random, good: Good) -> Case:
    """Kubeconfigs, changed; they lead to this machine alone, and start no program that does anything."""
    document = yaml.safe_load(kubeconfig("http://{server}", token=CANARY))
    user = document["users"][0]["user"]
    user |= rng.choice(
        ({}, {"username": "u", "password": CANARY}, {"exec": _plugin()}, {"client-key-data": CANARY, "client-certificate-data": "QQ=="})
    )
    document["clusters"][0]["cluster"] |= rng.choice(({}, {"certificate-authority-data": "QQ=="}, {"certificate-authority": "/dev/null"}))
    if rng.random() < 0.6:
        document = change_structure(rng, document)
    try:
        content = yaml.safe_dump(document, default_flow_style=rng.choice((True, False))).encode("utf-8", "surrogatepass")
    except (yaml.YAMLError, RecursionError):
        content = json.dumps(document).encode()
    content = change_bytes(rng, content) if rng.random() < 0.5 else content
    if rng.random() < 0.04:
        content = rng.choice((b"", b"a: &a [*a]", b"[" * 50_000, b"a: " + b"{a: " * 20_000, hostile_yaml()))
    command = rng.choice((("history",), ("status",), ("secrets", "list")))
    case = _case(rng, Holds(OBJECTS), 0, 1, 3, 4, 5, command=command)
    return replace(case, files={"home/config": _tame(content)}, documents=command == ("status",))


def hostile_yaml() -> bytes:
    """Aliases that would be more than any memory."""
    return b"a: &a [1,1,1,1,1,1,1,1,1,1]\n" + b"".join(
        b"%c: &%c [%s]\n" % (c + 1, c + 1, b",".join([b"*%c" % c] * 10)) for c in b"abcdefghi"
    )


def _plugin() -> dict[str, Any]:
    return {"apiVersion": "client.authentication.k8s.io/v1", "command": "false", "args": [CANARY], "interactiveMode": "Never"}


def _tame(content: bytes) -> bytes:
    """Without an address of another machine, or a program that could do anything."""
    content = re.sub(rb"(https?:)//(?!127\.0\.0\.1|\{server\})", rb"\1//127.0.0.1:1/", content)
    content = re.sub(rb"(server\W+)(?!http)", rb"\1http://127.0.0.1:1/", content)
    return re.sub(rb"(command\W+)(?!false\b)[\w./]*", rb"\1false", content)


__all__ = ["broken_servers", "hostile_value", "kubeconfigs", "leases", "records", "stored_releases", "versions", "workloads"]
