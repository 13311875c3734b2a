"""Causes around the pull of an image."""

from __future__ import annotations

from collections.abc import Iterator

from helmtool.model.causes.cause import Cause, Certainty
from helmtool.model.observation import Observation
from helmtool.model.prepull_pod import Pull, judge_pull


def image_causes(observation: Observation) -> Iterator[Cause]:
    """What the kubelet says of the image."""
    for pod in observation.new_pods:
        state = judge_pull(pod, observation.events_of(pod))
        if state.pull is Pull.IMPOSSIBLE:
            yield Cause("image-missing", "the node cannot get the image", Certainty.CERTAIN, (state.text,), ("image", "tag"))
