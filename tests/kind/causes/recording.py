"""Writes down what was seen of a rollout, small enough to be kept as a fixture of the unit tests."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from helmtool.model.observation import Observation

METADATA = ("name", "namespace", "uid", "ownerReferences", "creationTimestamp", "deletionTimestamp", "finalizers")
SPEC = ("nodeName", "nodeSelector", "volumes", "containers", "initContainers", "replicas", "progressDeadlineSeconds")
CONTAINER = ("name", "image", "startupProbe", "readinessProbe", "livenessProbe", "resources")
EVENT = ("involvedObject", "reason", "message", "count", "firstTimestamp", "lastTimestamp", "eventTime", "series")
STATE = ("name", "state", "lastState", "started")
CONDITION = ("type", "status", "reason", "message", "lastTransitionTime")
READ = ("PodScheduled", "Progressing", "ReplicaFailure")
STATUS = ("phase", "reason", "message", "startTime", "conditions", "containerStatuses", "initContainerStatuses")


def write(seen: Observation, file: Path) -> None:
    """The observation as JSON, without what no look of the catalogue reads."""
    ours = {thing["metadata"]["uid"] for thing in (*seen.replica_sets, *seen.pods)}
    claims = {v["persistentVolumeClaim"]["claimName"] for p in seen.pods for v in p["spec"]["volumes"] if "persistentVolumeClaim" in v}
    events = [e for e in seen.events if e["involvedObject"].get("uid") in ours or e["involvedObject"]["name"] in claims]
    newest = seen.newest_set
    events = [e for e in events if e["involvedObject"]["kind"] != "ReplicaSet" or e["reason"] == "FailedCreate"]
    document = {
        "deployment": thing(seen.deployment),
        "replica_sets": [thing(s) for s in seen.replica_sets if newest and s["metadata"]["uid"] == newest["metadata"]["uid"]],
        "pods": [thing(p) for p in seen.pods],
        "events": [some(e, EVENT) | {"involvedObject": some(e["involvedObject"], ("kind", "name", "uid"))} for e in events],
        "logs": [[*key, list(lines)] for key, lines in seen.logs.items()],
        "seconds": round(seen.seconds, 1),
    }
    file.write_text(json.dumps(document, separators=(",", ":")) + "\n")


def some(of: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: of[name] for name in names if of.get(name)}


def thing(of: dict[str, Any] | None) -> dict[str, Any] | None:
    if of is None:
        return None
    metadata = some(of["metadata"], (*METADATA, "deletionGracePeriodSeconds"))
    revision = {k: v for k, v in (of["metadata"].get("annotations") or {}).items() if k == "deployment.kubernetes.io/revision"}
    applied = [some(e, ("manager", "operation", "time")) for e in of["metadata"].get("managedFields") or [] if e["operation"] == "Apply"]
    metadata |= ({"annotations": revision} if revision else {}) | ({"managedFields": applied} if applied else {})
    spec = some(of["spec"], SPEC)
    for kind in ("containers", "initContainers"):
        if kind in spec:
            spec[kind] = [some(c, CONTAINER) for c in spec[kind]]
    return {"metadata": metadata, "spec": spec, "status": told(some(of.get("status") or {}, STATUS))}


def told(status: dict[str, Any]) -> dict[str, Any]:
    """The conditions and states that are read, without what repeats them."""
    for kind in ("containerStatuses", "initContainerStatuses"):
        if kind in status:
            status[kind] = [some(one, STATE) | {"ready": one["ready"], "restartCount": one["restartCount"]} for one in status[kind]]
    if "conditions" in status:
        status["conditions"] = [some(one, CONDITION) for one in status["conditions"] if one["type"] in READ]
    return status
