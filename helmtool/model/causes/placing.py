"""Causes for which no node takes the pod, or the one that took it is lost."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from helmtool.model.causes.catalogue import make
from helmtool.model.causes.cause import Cause, Certainty
from helmtool.model.causes.clock import elapsed
from helmtool.model.causes.pods import names, setting_of, volumes
from helmtool.model.manifest import Manifest
from helmtool.model.observation import Observation
from helmtool.model.path import Path
from helmtool.model.reading import listing, mapping, message_of, moment, text

PLACING_STAY = 15.0
"""Seconds that a pod without a node must have waited: a label or taint that is about to change is changed within that."""
SILENCE = 10.0
"""Seconds in which the kubelet of a node takes note of a pod that was given to it; usually it is one."""
EVICTIONS = 2
"""Evictions after which it is certain that the next pod would be evicted too."""
REASON = re.compile(r"(\d{1,9}) (.+)")
CONDITION_TAINTS = "node.kubernetes.io/"
"""What taints begin with that the cluster itself sets and takes away again, as a node's state changes."""
ROOM: Mapping[str, Path] = {
    "Insufficient cpu": ("resources", "requests", "cpu"),
    "Insufficient memory": ("resources", "requests", "memory"),
    "Too many pods": (),
}


def placing_causes(observation: Observation) -> Iterator[Cause]:
    """What the scheduler, the volume binder and the nodes say."""
    for pod in observation.new_pods:
        given = names(observation, pod)
        placed = next((c for c in listing(pod, "status", "conditions") if text(c, "type") == "PodScheduled"), {})
        if text(pod, "status", "reason") == "Evicted":
            yield _evicted(observation, pod, given)
        elif not given["node"] and text(placed, "status") == "False":
            waited = elapsed(observation, moment(placed, "lastTransitionTime"))
            yield from unplaced_causes(pod, message_of(placed), given, waited)
        elif not given["node"]:
            yield from _unbound(observation, pod, given)
        else:
            yield from _lost(observation, pod, given, elapsed(observation, moment(placed, "lastTransitionTime")))


def unplaced_causes(pod: Manifest, said: str, given: Mapping[str, str], waited: float) -> Iterator[Cause]:
    """Why the scheduler places the pod nowhere; `waited` is for how many seconds it has said so."""
    claim = list(_claims(pod, said, given, waited))
    if claim:
        yield from claim
        return
    reasons = [found[2].strip() for part in _reasons(said) if (found := REASON.fullmatch(part.strip()))]
    final = Certainty.CERTAIN if waited >= PLACING_STAY and reasons and all(map(_is_lasting, reasons)) else Certainty.LIKELY
    for reason in reasons or [said]:
        code, more, setting = _judge(reason, pod)
        yield make(code, {**given, **more, "said": reason}, [f"Unschedulable: {said}"], final, setting)


def _reasons(said: str) -> list[str]:
    """`0/3 nodes are available: 1 Insufficient cpu, 2 Too many pods. preemption: …`: the parts between the colon and the full stop."""
    _, _, listed = said.partition("nodes are available: ")
    return re.split(r", (?=\d)", re.split(r"\. (?=no new claims|preemption)", listed)[0].rstrip("."))


def _is_lasting(reason: str) -> bool:
    """Whether only a person can change it: the cluster sets and removes taints of its own, pods end and make room."""
    if "untolerated taint" in reason:
        return CONDITION_TAINTS not in reason
    return "node affinity/selector" in reason


def _judge(reason: str, pod: Manifest) -> tuple[str, dict[str, str], Path | None]:
    if reason in ROOM:
        return "node-full", {"lack": reason}, ROOM[reason]
    if "node affinity/selector" in reason:
        chosen = mapping(pod, "spec", "nodeSelector")
        wanted = ", ".join(f"{key}={value}" for key, value in chosen.items())
        return "node-selector", {"wanted": wanted or "its affinity"}, None if chosen else ("affinity",)
    if "unschedulable" in reason:
        return "node-cordoned", {}, None
    if "untolerated taint" in reason:
        taints = ", ".join(re.findall(r"\{([^{}]*)\}", reason)).replace(": ", "=").removesuffix("=")
        if "node.kubernetes.io/not-ready" in taints or "node.kubernetes.io/unreachable" in taints:
            return "node-not-ready", {"node": "(all)"}, None
        return "node-taint", {"taints": taints or reason}, None
    return "not-placed", {}, None


def _claims(pod: Manifest, said: str, given: Mapping[str, str], waited: float) -> Iterator[Cause]:
    """What the scheduler says of volume claims. A claim that is missing is made by a person; a volume by a controller."""
    for code, pattern in (
        ("claim-missing", r'persistentvolumeclaim "([^"]+)" not found'),
        ("claim-leaving", r'persistentvolumeclaim "([^"]+)" is being deleted'),
        (
            "claim-pending",
            r"unbound immediate PersistentVolumeClaims|persistent volumes? to bind|node affinity conflict|PersistentVolume's",
        ),
    ):
        if found := re.search(pattern, said):
            claims = [found[1]] if found.groups() else [name for _, kind, name in volumes(pod) if kind == "claim"]
            setting = setting_of(pod, "claim", claims[0]) if claims else None
            final = Certainty.CERTAIN if waited >= PLACING_STAY else Certainty.LIKELY
            yield make(code, {**given, "claim": ", ".join(claims)}, [f"Unschedulable: {said}"], final, setting)
            return


def _unbound(observation: Observation, pod: Manifest, given: Mapping[str, str]) -> Iterator[Cause]:
    """The scheduler has chosen, and waits for the volume: only the claim's own events say so."""
    for _, kind, name in volumes(pod):
        told = [e for e in observation.events if kind == "claim" and _is_about(e, "PersistentVolumeClaim", name)]
        if told:
            lines = [f"{text(e, 'reason')}: {text(e, 'message')}" for e in told[-2:]]
            yield make("claim-pending", {**given, "claim": name}, lines, Certainty.LIKELY, setting_of(pod, kind, name))


def _is_about(event: Manifest, kind: str, name: str) -> bool:
    return (text(event, "involvedObject", "kind"), text(event, "involvedObject", "name")) == (kind, name)


def _lost(observation: Observation, pod: Manifest, given: Mapping[str, str], waited: float) -> Iterator[Cause]:
    """A node that does not take note of its pod, or says no more of it."""
    said = [message_of(e) for e in observation.events_of(pod) if text(e, "reason") == "NodeNotReady"]
    silent = not text(pod, "status", "startTime") and waited >= SILENCE
    if said or silent:
        yield make("node-not-ready", given, said or [f"its kubelet has said nothing of the pod for {waited:.0f} s"], Certainty.LIKELY)


def _evicted(observation: Observation, pod: Manifest, given: Mapping[str, str]) -> Cause:
    said = message_of(pod, "status")
    evicted = [p for p in observation.new_pods if text(p, "status", "reason") == "Evicted" and message_of(p, "status") == said]
    certainty = Certainty.CERTAIN if len(evicted) >= EVICTIONS else Certainty.LIKELY
    setting: Path = ("resources", "requests", "memory") if "low on resource: memory" in said else ()
    return make("evicted", {**given, "said": said}, [f"Evicted: {said}"], certainty, setting)
