from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from things import BACK_OFF, IMAGE, LOG_OF, at, crashed, deployment, event, pod, replica_set, seen

from helmtool.model.causes import Cause, Certainty, rank
from helmtool.model.observation import Observation
from helmtool.model.path import dotted

CERTAIN, LIKELY, POSSIBLE = Certainty.CERTAIN, Certainty.LIKELY, Certainty.POSSIBLE
RECORDED = sorted((Path(__file__).parent / "recorded").glob("*.json"))
LIMIT = {"spec": {"containers": [{"name": "newdqmgui", "image": IMAGE, "resources": {"limits": {"memory": "64Mi"}}}]}}
VOLUMES = {"spec": {"volumes": [{"name": "proxy-secrets", "secret": {"secretName": "proxy"}}]}}
CLAIM = {"spec": {"nodeName": "", "volumes": [{"name": "logs", "persistentVolumeClaim": {"claimName": "big"}}]}}
MISSING = 'MountVolume.SetUp failed for volume "proxy-secrets" : secret "proxy" not found'
QUOTA = "exceeded quota: small, requested: limits.memory=1Gi, used: limits.memory=0, limited: limits.memory=512Mi"


def unplaced(message: str, since: int = 1, **more: Any) -> dict[str, Any]:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message, "lastTransitionTime": at(since)}
    spec = {"nodeName": "", **more.pop("spec", {})}
    return pod(None, spec=spec, status={"conditions": [condition], "startTime": ""}, **more)


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return {"waiting": {"reason": reason, "message": message}}


def refused(message: str, since: int = 1) -> dict[str, Any]:
    return replica_set({"type": "ReplicaFailure", "status": "True", "message": message, "lastTransitionTime": at(since)})


def changed(**spec: Any) -> dict[str, Any]:
    found = deployment()
    return {**found, "spec": {**found["spec"], **spec}}


def changed_set(replicas: int) -> dict[str, Any]:
    return {**replica_set(), "spec": {"replicas": replicas}}


AVAILABLE = {
    "type": "Progressing",
    "reason": "NewReplicaSetAvailable",
    "message": 'ReplicaSet "newdqmgui-2" has successfully progressed.',
}
NODES = "0/1 nodes are available: "
CASES = {
    "an image is not there": (
        seen(pods=[pod(waiting("ErrImagePull", f"failed to resolve reference {IMAGE}: {IMAGE}: not found"))]),
        ("image-missing", CERTAIN, "image.tag"),
    ),
    "a registry that is not reached is no verdict, whatever it says besides": (
        seen(pods=[pod(waiting("ImagePullBackOff", "dial tcp 1.2.3.4:443: connect: connection refused: not found"))]),
        ("registry-unreachable", LIKELY, "image.repository"),
    ),
    "what a back-off hides, an event tells": (
        seen(
            event("Failed", "Failed to pull image: pull access denied, repository does not exist or may require authorization"),
            pods=[pod(waiting("ImagePullBackOff", "Back-off pulling image"))],
        ),
        ("image-unauthorised", CERTAIN, "image.pullSecrets"),
    ),
    "a pause before there is a ReplicaSet": (
        Observation(changed(replicas=1, paused=True)),
        ("paused", CERTAIN, ""),
    ),
    "a pause, and a ReplicaSet of an earlier time that is not scaled up": (
        seen(pods=[], deployment=changed(replicas=1, paused=True), replica_set=changed_set(0)),
        ("paused", CERTAIN, ""),
    ),
    "no replica is wanted, paused or not": (
        Observation(changed(replicas=0, paused=True)),
        ("scaled-to-zero", CERTAIN, ""),
    ),
    "a pull that goes on for long": (
        seen(event("Pulling", f'Pulling image "{IMAGE}"', 1, 1), seconds=60.0),
        ("image-pull-slow", POSSIBLE, "image.tag"),
    ),
    "a Secret that is missing for a moment": (
        seen(event("FailedMount", MISSING, 1, 9, count=5), pods=[pod(waiting("ContainerCreating"), **VOLUMES)]),
        ("secret-missing", LIKELY, "sharedSecrets.proxy"),
    ),
    "a Secret that stays missing": (
        seen(event("FailedMount", MISSING, 1, 17, count=6), pods=[pod(waiting("ContainerCreating"), **VOLUMES)]),
        ("secret-missing", CERTAIN, "sharedSecrets.proxy"),
    ),
    "a label that no node has, at first": (
        seen(
            pods=[
                unplaced(NODES + "1 node(s) didn't match Pod's node affinity/selector. preemption: none", spec={"nodeSelector": {"a": "b"}})
            ]
        ),
        ("node-selector", LIKELY, "nodeSelector"),
    ),
    "a label that no node has, for long": (
        seen(
            pods=[
                unplaced(NODES + "1 node(s) didn't match Pod's node affinity/selector. preemption: none", spec={"nodeSelector": {"a": "b"}})
            ],
            seconds=30.0,
        ),
        ("node-selector", CERTAIN, "nodeSelector"),
    ),
    "one node of two is only full, so it may heal": (
        seen(
            pods=[unplaced("0/2 nodes are available: 1 Insufficient memory, 1 node(s) had untolerated taint {dedicated: others}.")],
            seconds=99.0,
        ),
        ("node-full", LIKELY, "resources.requests.memory"),
    ),
    "a taint of a node that is not ready heals": (
        seen(pods=[unplaced(NODES + "1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }.")], seconds=99.0),
        ("node-not-ready", LIKELY, ""),
    ),
    "a cordoned node": (seen(pods=[unplaced(NODES + "1 node(s) were unschedulable.")], seconds=99.0), ("node-cordoned", LIKELY, "")),
    "a claim that is not bound": (
        seen(pods=[unplaced(NODES + "pod has unbound immediate PersistentVolumeClaims. not found", **CLAIM)], seconds=99.0),
        ("claim-pending", LIKELY, "logs.claimName"),
    ),
    "a quota that the pod alone exceeds": (
        seen(*(event("FailedCreate", QUOTA, n, n, uid="r") for n in (1, 12)), pods=[], replica_set=refused(QUOTA)),
        ("quota", CERTAIN, "resources.limits.memory"),
    ),
    "a refusal of an earlier release with the same template says nothing now": (
        seen(*(event("FailedCreate", QUOTA, n, n, uid="r") for n in (1, 12)), pods=[], replica_set=refused(QUOTA, since=100)),
        ("quota", LIKELY, "resources.limits.memory"),
    ),
    "a crash": (seen(pods=[pod(crashed(3))]), ("crash-at-start", LIKELY, "")),
    "two crashes": (seen(pods=[pod(BACK_OFF, restarts=1, last=crashed(3))]), ("crash-at-start", LIKELY, "")),
    "a crash after the pods were available": (
        seen(pods=[pod(crashed(3))], deployment=deployment(conditions=[AVAILABLE])),
        ("crash-later", LIKELY, ""),
    ),
    "a crash after the pods of the template before were available": (
        seen(pods=[pod(crashed(3))], deployment=deployment(conditions=[AVAILABLE | {"message": 'ReplicaSet "newdqmgui-1" has …'}])),
        ("crash-at-start", LIKELY, ""),
    ),
    "three crashes": (seen(pods=[pod(BACK_OFF, restarts=2, last=crashed(3))]), ("crash-at-start", CERTAIN, "")),
    "three crashes that are not alike": (seen(pods=[pod(crashed(4), restarts=2, last=crashed(3))]), ("crash-at-start", LIKELY, "")),
    "three crashes and a fourth start": (
        seen(pods=[pod({"running": {}}, restarts=3, last=crashed(3))]),
        ("crash-at-start", LIKELY, ""),
    ),
    "three crashes for a name that may be resolved soon": (
        seen(pods=[pod(BACK_OFF, restarts=2, last=crashed(2))], logs={LOG_OF: ("eos: Temporary failure in name resolution",)}),
        ("dns", LIKELY, ""),
    ),
    "three crashes with the reason in the log": (
        seen(pods=[pod(BACK_OFF, restarts=2, last=crashed(1))], logs={LOG_OF: ("INFO x", "OSError: [Errno 98] Address already in use")}),
        ("port-in-use", CERTAIN, "metrics.port"),
    ),
    "memory": (
        seen(pods=[pod(BACK_OFF, restarts=2, last=crashed(137, "OOMKilled"), **LIMIT)], logs={LOG_OF: ("Permission denied",)}),
        ("out-of-memory", CERTAIN, "resources.limits.memory"),
    ),
    "killed by its startup probe": (
        seen(
            event("Killing", "Container newdqmgui failed startup probe, will be restarted"),
            pods=[pod(BACK_OFF, restarts=2, last=crashed(143))],
        ),
        ("startup-too-short", CERTAIN, "probes.startup.failureThreshold"),
    ),
    "a command that is not there": (
        seen(
            pods=[
                pod(
                    BACK_OFF,
                    restarts=1,
                    last={
                        "terminated": {"exitCode": 128, "reason": "StartError", "message": 'exec: "x": executable file not found in $PATH'}
                    },
                )
            ]
        ),
        ("command-missing", CERTAIN, "image.tag"),
    ),
    "the progress deadline alone": (
        seen(pods=[], deployment=deployment(conditions=[{"type": "Progressing", "reason": "ProgressDeadlineExceeded"}])),
        ("no-progress", POSSIBLE, "progressDeadlineSeconds"),
    ),
    "an old pod beyond its grace period": (
        seen(
            pods=[pod({"running": {}}, metadata={"deletionTimestamp": at(10), "deletionGracePeriodSeconds": 5, "ownerReferences": []})],
            seconds=60.0,
        ),
        ("old-pod-stuck", LIKELY, "terminationGracePeriodSeconds"),
    ),
    "a kubelet that says nothing": (
        seen(
            pods=[
                pod(None, status={"startTime": "", "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": at(1)}]})
            ],
            seconds=30.0,
        ),
        ("node-not-ready", LIKELY, ""),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_best_cause(case: str) -> None:
    observation, (code, certainty, setting) = CASES[case]
    best = rank(observation)[0]
    assert (best.code, best.certainty, dotted(best.setting)) == (code, certainty, setting)
    assert best.next


@pytest.mark.parametrize("state", [{"waiting": {"reason": "ContainerCreating"}}, {"waiting": {"reason": "PodInitializing"}}])
def test_a_start_that_goes_well_has_no_cause(state: dict[str, Any]) -> None:
    assert rank(seen(pods=[pod(state)])) == []
    assert rank(Observation(None)) == []


def test_old_pods_are_not_taken_for_new_ones() -> None:
    """With Recreate the controller makes the new ReplicaSet only when the old pods are gone; until then the old one has the number."""
    failing = seen(pods=[pod(BACK_OFF, restarts=9, last=crashed(3))], deployment={**deployment(), "spec": {"template": {"spec": {"x": 1}}}})
    assert failing.newest_set is None
    assert rank(failing) == []


def test_names_are_in_the_sentence_and_in_the_command() -> None:
    best = rank(CASES["a Secret that stays missing"][0])[0]
    assert best.text == "there is no Secret proxy"
    assert best.next == "kubectl -n dqm get secret proxy"
    assert best.evidence == (f"FailedMount: {MISSING}",)


def loaded(file: Path) -> Observation:
    said = json.loads(file.read_text())
    logs = {(name, container): tuple(lines) for name, container, lines in said["logs"]}
    return Observation(said["deployment"], tuple(said["replica_sets"]), tuple(said["pods"]), tuple(said["events"]), logs, said["seconds"])


def expected(file: Path) -> str:
    scenario = Path(__file__).parents[3] / "kind/causes/scenarios" / f"{file.stem}.yaml"
    return next(line.removeprefix("expect: ") for line in scenario.read_text().splitlines() if line.startswith("expect: "))


@pytest.mark.parametrize("file", RECORDED, ids=lambda f: f.stem)
def test_what_a_real_cluster_showed(file: Path) -> None:
    assert rank(loaded(file))[0].code == expected(file)


def odd(thing: Any, draw: random.Random) -> Iterator[Any]:
    """The thing with one part of it gone, or of another type."""
    whole = copy.deepcopy(thing)
    place = whole
    while isinstance(place, (dict, list)) and place:
        key = draw.choice(sorted(place)) if isinstance(place, dict) else draw.randrange(len(place))
        inner = place[key]
        if not isinstance(inner, (dict, list)) or not inner or draw.random() < 0.3:
            place[key] = draw.choice([None, 1, -1.5, True, "x", [], {}, ["y"], [None], {"z": 1}])
            break
        place = inner
    yield whole


@pytest.mark.parametrize("seed", range(40))
def test_odd_objects_never_raise_and_the_order_is_stable(seed: int) -> None:
    draw = random.Random(seed)
    every = [case for case, _ in CASES.values()] + [loaded(file) for file in RECORDED]
    for _ in range(30):
        one = draw.choice(every)
        parts = [one.deployment, list(one.replica_sets), list(one.pods), list(one.events)]
        for _ in range(draw.randrange(1, 4)):
            number = draw.randrange(4)
            parts[number] = next(odd(parts[number], draw))
        changed = Observation(
            parts[0], *(tuple(part) if isinstance(part, list) else () for part in parts[1:]), logs=one.logs, seconds=one.seconds
        )
        found: list[Cause] = rank(changed)
        assert found == rank(changed)
        assert [c.certainty for c in found] == sorted((c.certainty for c in found), reverse=True)
        assert len({c.code for c in found}) == len(found)


def test_a_pause_that_holds_no_pod_back_is_no_cause() -> None:
    """The pods of the newest template are all there: something else keeps them from being ready."""
    running = seen(pods=[crashed(1)], deployment=changed(replicas=1, paused=True), replica_set=changed_set(1))
    assert "paused" not in [cause.code for cause in rank(running)]


def test_who_has_paused_it() -> None:
    held = {"manager": "kubectl-rollout", "operation": "Update", "time": at(5), "fieldsV1": {"f:spec": {"f:paused": {}}}}
    paused = changed(replicas=1, paused=True)
    paused["metadata"]["managedFields"].append(held)
    (cause,) = rank(Observation(paused))
    assert cause.text == "the Deployment newdqmgui is paused by kubectl-rollout at 2026-05-01 10:00 UTC, so no new pod starts"
    assert cause.next == "kubectl -n dqm rollout resume deployment/newdqmgui"
