"""Causes around the pull of an image."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from helmtool.model.causes.catalogue import make
from helmtool.model.causes.cause import Cause, Certainty
from helmtool.model.causes.clock import elapsed
from helmtool.model.causes.pods import Container, containers, names
from helmtool.model.manifest import Manifest
from helmtool.model.observation import Observation
from helmtool.model.prepull_pod import MAY_HEAL, NEVER_PULLS, PULLS_AGAIN, brief
from helmtool.model.reading import message_of, moment, text

SLOW_PULL = 20.0
"""Seconds from which on a pull is worth a word."""
UNREACHABLE = re.compile(rf"{MAY_HEAL.pattern}|TLS handshake|x509:|EOF|timed? ?out|deadline exceeded|50[0-9] |toomanyrequests|429 ", re.I)
RULES = (
    ("image-wrong-platform", re.compile(r"no match for platform|no matching manifest", re.I)),
    (
        "image-unauthorised",
        re.compile(
            r"unauthorized|unauthenticated|authentication required|access .*denied|denied:|pull access|authorization failed|"
            r"40[13] Forbidden",
            re.I,
        ),
    ),
    ("image-missing", re.compile(r"not ?found|manifest unknown|repository does not exist", re.I)),
)
"""The first that fits: a registry that wants a password also says that the repository may not exist."""


def image_causes(observation: Observation) -> Iterator[Cause]:
    """What the kubelet says of the images of the new pods."""
    for pod in observation.new_pods:
        events = observation.events_of(pod)
        for container in containers(pod):
            given = names(observation, pod, container)
            reason = text(container.waiting, "reason")
            if reason in {*PULLS_AGAIN, *NEVER_PULLS}:
                failed = [message_of(e) for e in events if text(e, "reason") == "Failed"]
                yield pull_cause([f"{reason}: {text(container.waiting, 'message')}", *failed], given)
            elif reason == "ContainerCreating":
                yield from _slow(observation, container, events, given)


def pull_cause(said: Iterable[str], given: Mapping[str, str]) -> Cause:
    """The cause of a pull that fails, from what the kubelet says of it: the one of the words that are certain, else of the first."""
    found = [(_code(words), brief(words)) for words in said]
    code, words = next((one for one in found if one[0] not in ("image-pull-fails", "registry-unreachable")), None) or next(
        (one for one in found if one[0] != "image-pull-fails"), found[0]
    )
    return make(code, given, [words], Certainty.CERTAIN)


def _code(words: str) -> str:
    if words == "pulling":
        return "image-pull-slow"
    if words.startswith(("InvalidImageName", "ErrImageNeverPull")):
        return "image-name"
    if UNREACHABLE.search(words):
        return "registry-unreachable"
    return next((code for code, pattern in RULES if pattern.search(words)), "image-pull-fails")


def _slow(observation: Observation, container: Container, events: Iterable[Manifest], given: Mapping[str, str]) -> Iterator[Cause]:
    """A pull that goes on: the last word about the pod is that it pulls, or nothing is said of the image yet."""
    told = [e for e in events if text(e, "reason") in ("Pulling", "Pulled", "Failed")]
    if told and text(told[-1], "reason") == "Pulling" and text(container.spec, "image") in message_of(told[-1]):
        seconds = elapsed(observation, moment(told[-1], "lastTimestamp"))
        if seconds >= SLOW_PULL:
            yield make("image-pull-slow", given, [f"pulling for {seconds:.0f} s"], Certainty.POSSIBLE)
