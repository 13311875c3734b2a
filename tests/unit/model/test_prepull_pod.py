"""The prepull pod: nothing of the service in it, and what its states mean."""

from __future__ import annotations

from typing import Any

import pytest

from helmtool.model.prepull_pod import Pull, PullState, judge_pull, prepull_pod, selector
from helmtool.model.record import MAX_TEXT

IMAGE = "registry.cern.ch/cmsweb/newdqmgui:HG0105a"
OWNER = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "newdqmgui", "namespace": "dqm", "uid": "u-1"}}
ZONE = {"nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "Exists"}]}]}
SPEC: dict[str, Any] = {
    "serviceAccountName": "newdqmgui-sa",
    "automountServiceAccountToken": True,
    "nodeSelector": {"role": "dqm"},
    "tolerations": [{"key": "dqm", "operator": "Exists"}],
    "affinity": {
        "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": ZONE},
        "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": []},
    },
    "securityContext": {"runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 2000},
    "volumes": [{"name": "secrets", "secret": {"secretName": "newdqmgui-secrets"}}],
    "initContainers": [{"name": "init"}],
    "containers": [
        {
            "name": "newdqmgui",
            "image": IMAGE,
            "imagePullPolicy": "Always",
            "command": ["/bin/bash", "x"],
            "securityContext": {"privileged": True},
            "volumeMounts": [{"name": "secrets", "mountPath": "/etc/secrets"}],
            "ports": [{"containerPort": 8889}],
            "startupProbe": {},
            "env": [{"name": "A", "value": "b"}],
        }
    ],
}


def made(node: str = "n1", **changed: Any) -> dict[str, Any]:
    metadata = {"labels": {"app": "newdqmgui", "env": "k8s-prod"}, "annotations": {"vault.hashicorp.com/agent-inject": "true"}}
    return prepull_pod({"spec": {"template": {"metadata": metadata, "spec": SPEC | changed}}}, "newdqmgui", OWNER, node, 600.7)


def test_nothing_of_the_service_is_in_it() -> None:
    pod = made()
    assert pod["metadata"] == {
        "generateName": "newdqmgui-prepull-",
        "namespace": "dqm",
        "labels": {
            "app.kubernetes.io/managed-by": "helmtool",
            "app.kubernetes.io/component": "prepull",
            "helmtool-release": "newdqmgui",
        },
        "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "newdqmgui", "uid": "u-1"}],
    }
    assert {"volumes", "initContainers"} & pod["spec"].keys() == set()
    (container,) = pod["spec"]["containers"]
    assert container.keys() == {"name", "image", "imagePullPolicy", "command", "securityContext", "resources"}
    assert (container["image"], container["imagePullPolicy"], container["command"]) == (IMAGE, "Always", ["true"])
    assert container["securityContext"]["privileged"] is False
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert (pod["spec"]["restartPolicy"], pod["spec"]["activeDeadlineSeconds"]) == ("Never", 600)


def test_it_goes_where_the_service_may_go() -> None:
    spec = made()["spec"]
    assert (spec["nodeSelector"], spec["tolerations"]) == (SPEC["nodeSelector"], SPEC["tolerations"])
    affinity = spec["affinity"]["nodeAffinity"]
    assert affinity["requiredDuringSchedulingIgnoredDuringExecution"] == ZONE
    (wish,) = affinity["preferredDuringSchedulingIgnoredDuringExecution"]
    assert wish["preference"]["matchFields"] == [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]
    assert spec["affinity"].keys() == {"nodeAffinity"}
    assert "affinity" not in made(node="", affinity=None)["spec"]


@pytest.mark.parametrize(("secrets", "account"), [([{"name": "pull"}], None), ([], "newdqmgui-sa")])
def test_the_account_is_there_for_its_pull_secrets_alone(secrets: list[Any], account: str | None) -> None:
    spec = made(imagePullSecrets=secrets)["spec"]
    assert spec.get("serviceAccountName") == account
    assert spec.get("imagePullSecrets") == (secrets or None)


def test_the_selector_names_one_release() -> None:
    assert selector("a") == "app.kubernetes.io/managed-by=helmtool,app.kubernetes.io/component=prepull,helmtool-release=a"


def pod(state: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    return {"status": {"phase": "Pending", **({"containerStatuses": [{"state": state}]} if state else {}), **status}}


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return pod({"waiting": {"reason": reason, "message": message}})


UNPLACED = [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes: Too many pods"}]


@pytest.mark.parametrize(
    ("state", "expected", "words"),
    [
        (pod(), Pull.WAITING, "waiting for a node"),
        (waiting("ContainerCreating"), Pull.WAITING, "pulling"),
        (pod({"running": {}}), Pull.PULLED, ""),
        (pod({"terminated": {"exitCode": 0, "reason": "Completed"}}), Pull.PULLED, ""),
        (pod({"terminated": {"exitCode": 128, "reason": "StartError"}}), Pull.PULLED, "its command did not run: StartError"),
        (pod({"terminated": {"exitCode": 137, "reason": "ContainerStatusUnknown"}}), Pull.ENDED, "lost"),
        (waiting("CreateContainerConfigError", "container has runAsNonRoot and image will run as root"), Pull.PULLED, "runAsNonRoot"),
        (waiting("RunContainerError"), Pull.PULLED, ""),
        (pod(phase="Failed", reason="DeadlineExceeded", message="too long"), Pull.ENDED, "DeadlineExceeded: too long"),
        (pod(conditions=UNPLACED), Pull.UNPLACED, "Too many pods"),
        (waiting("InvalidImageName", "couldn't parse"), Pull.IMPOSSIBLE, "couldn't parse"),
        (waiting("ErrImagePull", f'code = NotFound desc = failed to resolve reference "{IMAGE}": not found'), Pull.IMPOSSIBLE, "NotFound"),
        (waiting("ErrImagePull", "manifest unknown: manifest unknown"), Pull.IMPOSSIBLE, "unknown"),
        (waiting("ErrImagePull", "unexpected status from HEAD request to https://r/v2/x: 401 Unauthorized"), Pull.IMPOSSIBLE, "401"),
        (waiting("ErrImagePull", "pull access denied, repository does not exist or may require authorization"), Pull.IMPOSSIBLE, "denied"),
        (waiting("ErrImagePull", "no match for platform in manifest: not found"), Pull.IMPOSSIBLE, "platform"),
        (waiting("ImagePullBackOff", "Back-off pulling image: ErrImagePull: x: not found"), Pull.IMPOSSIBLE, "not found"),
        (waiting("ErrImagePull", "dial tcp: lookup registry.cern.ch: no such host"), Pull.WAITING, "no such host"),
        (waiting("ErrImagePull", "failed to authorize: denied: dial tcp 1.2.3.4:443: i/o timeout"), Pull.WAITING, "timeout"),
        (waiting("ErrImagePull", "unexpected status: 503 Service Unavailable"), Pull.WAITING, "503"),
        (waiting("ImagePullBackOff", "Back-off pulling image"), Pull.WAITING, "Back-off"),
    ],
)
def test_what_a_state_means(state: dict[str, Any], expected: Pull, words: str) -> None:
    found = judge_pull(state)
    assert found.pull is expected
    assert words in found.text


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        ("ErrImagePull: s3cret: x: not found", "ErrImagePull, not found"),
        ("ErrImagePull: failed to authorize: s3cret: 401 Unauthorized", "ErrImagePull, 401 Unauthorized"),
        ("RunContainerError: s3cret", "RunContainerError"),
        ("its command did not run: StartError", "its command did not run: StartError"),
        ("access s3cret s3cret s3cret s3cret s3cret denied", ""),
        ("0/3 nodes are available: s3cret", ""),
        ("", ""),
    ],
)
def test_a_record_keeps_the_reason_without_the_text(text: str, summary: str) -> None:
    assert PullState(Pull.IMPOSSIBLE, text).summary == summary


def test_the_reason_fits_a_record() -> None:
    reference = f"registry.cern.ch/cmsweb/newdqmgui@sha256:{1:064x}"
    text = f'failed to pull and unpack image "{reference}": failed to resolve reference "{reference}": {reference}: not found'
    found = judge_pull(
        waiting("ImagePullBackOff", f'Back-off pulling image "{reference}": ErrImagePull: rpc error: code = NotFound desc = {text}')
    )
    assert found.text.endswith("@sha256:000000000000: not found")
    assert len(found.text) < MAX_TEXT - 100


def test_an_older_kubelet_names_the_cause_in_an_event() -> None:
    events = [{"reason": "Pulling", "message": "x"}, {"reason": "Failed", "message": "Failed to pull image: x: not found"}]
    assert judge_pull(waiting("ImagePullBackOff", "Back-off pulling image"), events).pull is Pull.IMPOSSIBLE
