"""Has the node fetch the image before the old pod stops: a missing or broken image then costs no downtime."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import NamedTuple

from helmtool.adapters.cluster import Cluster
from helmtool.errors import HelmtoolError, OperationFailed, Problem
from helmtool.model.causes import pull_cause, unplaced_causes
from helmtool.model.causes.pods import Container, names
from helmtool.model.environment import Policy
from helmtool.model.manifest import Manifest, ObjectKey, key_of
from helmtool.model.observation import Observation
from helmtool.model.prepull_pod import Pull, PullState, brief, judge_pull, prepull_pod, selector
from helmtool.operations.explain import add_causes, refusals
from helmtool.operations.progress import Progress
from helmtool.operations.session import Session
from helmtool.operations.watch import no_origin

PAUSE = 0.5
UNPLACED_GRACE = 10.0
"""Seconds until a pod that no node takes is given up: a pod that ends makes room within that."""


class PrepullFailed(OperationFailed):
    """The node cannot get the image; the service was not touched."""

    code = "prepull-failed"


class PrepullRefused(OperationFailed):
    """The image could not be fetched beforehand, which says nothing about the image."""

    code = "prepull-refused"


class _Wanted(NamedTuple):
    """What is to be fetched: the new Deployment, the live one, and the node where its pod runs (empty where none does)."""

    new: Manifest
    live: Manifest
    node: str

    @property
    def image(self) -> str:
        """For people."""
        return brief(_image(self.new))


async def prepull(session: Session, manifests: Sequence[Manifest], *, seconds: float, progress: Progress) -> str:
    """Fetches the image of the Deployment, and gives what is to be recorded of it.

    Raises PrepullFailed where the node cannot get the image, or not within `seconds`; PrepullRefused where the pod is not
    admitted or placed and the policy is `required`.
    """
    try:
        return await _prepull(session, manifests, seconds, progress)
    except PrepullFailed:
        raise
    except HelmtoolError as error:
        if session.environment.prepull is Policy.REQUIRED:
            raise
        progress.warn(f"the image is not fetched beforehand, so the downtime is longer: {error.message}")
        return f"prepull failed: {error.recorded}"


async def _prepull(session: Session, manifests: Sequence[Manifest], seconds: float, progress: Progress) -> str:
    cluster, release = session.cluster, session.environment.release
    await asyncio.to_thread(remove_leftovers, cluster, release)
    found = await asyncio.to_thread(_look, cluster, manifests)
    if isinstance(found, str):
        progress.skip("prepull", found)
        return f"prepull skipped: {found}"
    progress.start("prepull", f"{found.image} on {found.node or 'any node'}")
    pod = await asyncio.to_thread(_create, cluster, prepull_pod(found.new, release, found.live, found.node, seconds))
    began = time.monotonic()
    try:
        state, node = await _wait(cluster, key_of(pod), found, began + seconds, progress)
    finally:
        await asyncio.to_thread(_remove, cluster, pod)
    text = f"{node} has the image after {time.monotonic() - began:.1f} s"
    progress.done("prepull", f"{text} ({state.text})" if state.text else text)
    return f"prepull: {text} ({state.summary})" if state.summary else f"prepull: {text}"


def remove_leftovers(cluster: Cluster, release: str) -> None:
    """Deletes what a killed release left. The caller holds the lock, so no other release is at it."""
    for pod in cluster.list("v1", "Pod", label_selector=selector(release)):
        _remove(cluster, pod)


def _remove(cluster: Cluster, pod: Manifest) -> None:
    """What cannot be deleted ends by itself, and the next release tries again."""
    with contextlib.suppress(HelmtoolError):
        key = ObjectKey("v1", "Pod", cluster.namespace, pod["metadata"]["name"])
        cluster.delete(key, uid=pod["metadata"]["uid"], grace_seconds=0)


def _look(cluster: Cluster, manifests: Sequence[Manifest]) -> _Wanted | str:
    """What to fetch, or why nothing is."""
    new = next((m for m in manifests if m.get("kind") == "Deployment"), None)
    live = cluster.get(key_of(new)) if new else None
    if new is None or live is None:
        return "nothing runs yet, so there is no downtime to save"
    if (new["spec"].get("strategy") or {}).get("type") != "Recreate":
        return "the old pod serves until the new one is ready"
    if _image(live) == _image(new):
        return "the image does not change"
    chosen = ",".join(f"{key}={value}" for key, value in live["spec"]["selector"]["matchLabels"].items())
    pods = [p for p in cluster.list("v1", "Pod", label_selector=chosen) if p["spec"].get("nodeName")]
    digest = _image(new).partition("@")[2]
    for pod in pods:
        if digest and any(
            str(s.get("imageID") or "").endswith(f"@{digest}") for s in (pod.get("status") or {}).get("containerStatuses") or []
        ):
            return f"{pod['spec']['nodeName']} runs this image already"
    return _Wanted(new, live, pods[0]["spec"]["nodeName"] if pods else "")


def _create(cluster: Cluster, pod: Manifest) -> Manifest:
    answer = cluster.create(pod)
    if answer.status >= 400:
        said = "the pod that fetches it is refused"
        hint = "--no-prepull does without it"
        error = PrepullRefused(f"{said}: {answer.message}", hint=hint, recorded=f"{said}: {answer.summary}")
        add_causes(error, refusals({answer.message: pod}, cluster.namespace), no_origin)
        raise error
    return answer.body


async def _wait(cluster: Cluster, key: ObjectKey, wanted: _Wanted, deadline: float, progress: Progress) -> tuple[PullState, str]:
    began, shown, unplaced_since = time.monotonic(), "", 0.0
    while True:
        state, node = await asyncio.to_thread(_state, cluster, key)
        now = time.monotonic()
        unplaced_since = (unplaced_since or now) if state.pull is Pull.UNPLACED else 0.0
        if state.pull is Pull.PULLED:
            return state, node
        if state.pull is Pull.IMPOSSIBLE:
            raise _failed(f"the node cannot get {wanted.image}", key, state, wanted, node)
        if state.pull is Pull.ENDED or now >= deadline:
            raise _failed(f"the node did not get {wanted.image} within {now - began:.0f} s", key, state, wanted, node)
        if unplaced_since and now >= unplaced_since + UNPLACED_GRACE:
            raise _unplaced(state, key, now - unplaced_since)
        if state.text != shown:
            progress.start("prepull", f"{wanted.image} on {node or 'no node yet'}: {state.text}")
            shown = state.text
        await asyncio.sleep(PAUSE)


def _state(cluster: Cluster, key: ObjectKey) -> tuple[PullState, str]:
    """The state of the pull, and the node; an API server that does not answer for a while is waited for elsewhere."""
    pod = cluster.get(key)
    if pod is None:
        return PullState(Pull.ENDED, "somebody has deleted the pod that fetches it"), ""
    events = cluster.list("v1", "Event", field_selector=f"involvedObject.name={key.name}") if _pulls_badly(pod) else []
    return judge_pull(pod, events), str(pod["spec"].get("nodeName") or "")


def _pulls_badly(pod: Manifest) -> bool:
    return judge_pull(pod).text.startswith("ImagePullBackOff")


def _failed(message: str, key: ObjectKey, state: PullState, wanted: _Wanted, node: str) -> PrepullFailed:
    quoted = [Problem(state.text, path=str(key), quoted=True)]
    error = PrepullFailed(f"{message}: {state.text}", problems=quoted, recorded=f"{message}: {state.summary or state.pull.value}")
    deployment = Observation(wanted.new)
    given = names(deployment, None, Container({}, wanted.new["spec"]["template"]["spec"]["containers"][0], {}))
    add_causes(error, [pull_cause([state.text], {**given, "node": node, "pod": key.name})], no_origin)
    return error


def _unplaced(state: PullState, key: ObjectKey, waited: float) -> PrepullRefused:
    said = "no node takes the pod that fetches it"
    error = PrepullRefused(f"{said}: {state.text}", hint="--no-prepull does without it", recorded=said)
    add_causes(error, [*unplaced_causes({}, state.text, {"namespace": key.namespace, "pod": key.name}, waited)], no_origin)
    return error


def _image(deployment: Manifest) -> str:
    return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])
