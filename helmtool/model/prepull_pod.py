"""The small pod that makes a node fetch an image, and what its state means."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum
from typing import Any, NamedTuple

from helmtool.model.manifest import Manifest
from helmtool.model.reading import message_of

RELEASE_LABEL = "helmtool-release"
LABELS = {"app.kubernetes.io/managed-by": "helmtool", "app.kubernetes.io/component": "prepull"}
COMMAND = ["true"]
"""Looked up in the image's own PATH; an image without it is on the node all the same."""
PULLS_AGAIN = {"ErrImagePull", "ImagePullBackOff", "RegistryUnavailable"}
NEVER_PULLS = {"InvalidImageName", "ErrImageNeverPull", "SignatureValidationFailed"}
AFTER_THE_PULL = {"CreateContainerConfigError", "CreateContainerError", "RunContainerError", "CrashLoopBackOff"}
"""Reasons to wait that the kubelet only gives once it has the image."""
CERTAIN = re.compile(
    r"not ?found|manifest unknown|repository does not exist|unauthorized|unauthenticated|authentication required|"
    r"access .*denied|denied:|pull access|authorization failed|no match for platform|no matching manifest|"
    r"40[13] (?:Forbidden|Unauthorized)",
    re.IGNORECASE,
)
"""What waiting does not mend, in the words of containerd, CRI-O and registries."""
LONGEST_PHRASE = 40
MAY_HEAL = re.compile(r"no such host|server misbehaving|i/o timeout|connection refused|dial tcp", re.IGNORECASE)
"""A registry that is not reached: whatever else such a message says, it is not a verdict on the image."""
DIGEST = re.compile(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}")


class Pull(Enum):
    """How far a pull is."""

    WAITING = "waiting"
    PULLED = "pulled"
    IMPOSSIBLE = "impossible"
    UNPLACED = "unplaced"
    ENDED = "ended"


class PullState(NamedTuple):
    """How far, and the kubelet's or the scheduler's own words for it."""

    pull: Pull
    text: str

    @property
    def summary(self) -> str:
        """The same for a record: the kubelet's reason and what it says for certain, without the rest of its text."""
        reason = re.match(r"(?:its command did not run: )?[A-Z]\w{2,40}(?=: |$)", self.text)
        certain = (found[0] for found in CERTAIN.finditer(self.text) if len(found[0]) < LONGEST_PHRASE)
        return ", ".join(dict.fromkeys([*([reason[0]] if reason else []), *certain]))


def selector(release: str) -> str:
    """The label selector of every prepull pod of a release."""
    return ",".join(f"{key}={value}" for key, value in labels(release).items())


def labels(release: str) -> dict[str, str]:
    """The labels of a prepull pod: none of the service's own, or its Service would send requests there."""
    return {**LABELS, RELEASE_LABEL: release}


def prepull_pod(deployment: Manifest, release: str, owner: Manifest, node: str, seconds: float) -> Manifest:
    """The pod that fetches what the Deployment's first container runs, preferably on `node` (empty: anywhere).

    A bare pod and not a Job: it needs no right on Jobs, and nothing tries again behind the release's back. A bare pod has no
    time to live, so it ends by itself after `seconds`, goes with `owner`, the live Deployment, and the next release removes it.
    """
    spec: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": f"{release}-prepull-",
            "namespace": owner["metadata"]["namespace"],
            "labels": labels(release),
            "ownerReferences": [_reference(owner)],
        },
        "spec": {
            **{key: spec[key] for key in ("imagePullSecrets", "tolerations", "nodeSelector") if spec.get(key)},
            **_account(spec),
            **_affinity(spec, node),
            "restartPolicy": "Never",
            "activeDeadlineSeconds": max(1, int(seconds)),
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": _security(spec),
            "containers": [_container(spec["containers"][0])],
        },
    }


def _reference(owner: Manifest) -> dict[str, str]:
    return {key: owner[key] for key in ("apiVersion", "kind")} | {key: owner["metadata"][key] for key in ("name", "uid")}


def _account(spec: dict[str, Any]) -> dict[str, str]:
    """An account's pull secrets count only where the pod names none itself; that is all the account is for."""
    account = spec.get("serviceAccountName")
    return {"serviceAccountName": account} if account and not spec.get("imagePullSecrets") else {}


def _affinity(spec: dict[str, Any], node: str) -> dict[str, Any]:
    """What the service's pod requires of a node, and a wish for the one where it runs."""
    required = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get("requiredDuringSchedulingIgnoredDuringExecution")
    here = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    wishes = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "preference": here}]} if node else {}
    needs = {"requiredDuringSchedulingIgnoredDuringExecution": required} if required else {}
    return {"affinity": {"nodeAffinity": {**needs, **wishes}}} if needs or wishes else {}


def _security(spec: dict[str, Any]) -> dict[str, Any]:
    own = spec.get("securityContext") or {}
    users = {key: own[key] for key in ("runAsUser", "runAsGroup") if key in own}
    return {**users, "runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}


def _container(container: dict[str, Any]) -> dict[str, Any]:
    few = {"cpu": "10m", "memory": "16Mi"}
    return {
        "name": "prepull",
        "image": container["image"],
        "imagePullPolicy": container.get("imagePullPolicy", "IfNotPresent"),
        "command": COMMAND,
        "securityContext": {
            "privileged": False,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "resources": {"requests": few, "limits": few},
    }


def judge_pull(pod: Manifest, events: Iterable[Manifest] = ()) -> PullState:
    """What the pod's state says of the pull. Older kubelets name the cause of a back-off only in an event, so those count too."""
    status = pod.get("status") or {}
    container: dict[str, Any] = next(iter(status.get("containerStatuses") or []), {})
    state = container.get("state") or {}
    if "running" in state:
        return PullState(Pull.PULLED, "")
    if "terminated" in state:
        return _ended(state["terminated"])
    waiting = state.get("waiting") or {}
    if waiting.get("reason") in {*PULLS_AGAIN, *NEVER_PULLS}:
        return _failing(waiting, [message_of(e) for e in events if e.get("reason") == "Failed"])
    if waiting.get("reason") in AFTER_THE_PULL:
        return PullState(Pull.PULLED, f"{waiting['reason']}: {waiting.get('message', '')}")
    if status.get("phase") == "Failed":
        return PullState(Pull.ENDED, f"{status.get('reason')}: {status.get('message')}")
    return _unplaced(status) or PullState(Pull.WAITING, "pulling" if waiting else "waiting for a node")


def _ended(terminated: dict[str, Any]) -> PullState:
    """The container was made of the image, so the node has it, even where the command in it could not be started."""
    if terminated.get("reason") == "ContainerStatusUnknown":
        return PullState(Pull.ENDED, "the node lost the pod")
    return PullState(Pull.PULLED, "" if terminated.get("exitCode") == 0 else f"its command did not run: {terminated.get('reason')}")


def _failing(waiting: dict[str, Any], told: list[str]) -> PullState:
    said = [brief(text) for text in (f"{waiting['reason']}: {waiting.get('message', '')}", *told)]
    certain = next((text for text in said if CERTAIN.search(text) and not MAY_HEAL.search(text)), "")
    if waiting["reason"] in NEVER_PULLS or certain:
        return PullState(Pull.IMPOSSIBLE, certain or said[0])
    return PullState(Pull.WAITING, said[0])


def brief(text: str) -> str:
    """The text with short digests: the kubelet names the image four times, and the reason last, where a record is cut."""
    return DIGEST.sub(r"\1", text)


def _unplaced(status: dict[str, Any]) -> PullState | None:
    for condition in status.get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("reason") == "Unschedulable":
            return PullState(Pull.UNPLACED, message_of(condition))
    return None
