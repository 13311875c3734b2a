"""Causes around old pods that do not leave, and a Deployment that stands still."""

from __future__ import annotations

from collections.abc import Iterator

from helmtool.model.causes.catalogue import make
from helmtool.model.causes.cause import Cause, Certainty
from helmtool.model.causes.clock import elapsed
from helmtool.model.causes.pods import containers, names
from helmtool.model.observation import Observation
from helmtool.model.reading import listing, message_of, moment, number, text

LATE = 5.0
"""Seconds over its grace period from which on a pod is stuck: its kubelet kills it then, and says so a little later."""


def leaving_causes(observation: Observation) -> Iterator[Cause]:
    """Old pods that still run while no new one is made: a Recreate waits for them."""
    if observation.new_pods:
        return
    for pod in observation.old_pods:
        until = moment(pod, "metadata", "deletionTimestamp")
        if until is None or not any(c.is_running for c in containers(pod)):
            continue
        over = elapsed(observation, until)
        grace = number(pod, "metadata", "deletionGracePeriodSeconds")
        said = f"asked to stop, it may take {grace} s" + (f"; {over:.0f} s over" if over else "")
        finalizers = ", ".join(f for f in pod["metadata"].get("finalizers") or [] if isinstance(f, str))
        lines = [said, f"finalizers: {finalizers}" if finalizers else ""]
        yield make("old-pod-stuck", names(observation, pod), lines, Certainty.LIKELY if over >= LATE else Certainty.POSSIBLE)


def stalling_causes(observation: Observation) -> Iterator[Cause]:
    """The Deployment's own word that nothing moved."""
    for condition in listing(observation.deployment, "status", "conditions"):
        if text(condition, "type") == "Progressing" and text(condition, "reason") == "ProgressDeadlineExceeded":
            seconds = str(number(observation.deployment, "spec", "progressDeadlineSeconds") or "")
            given = {**names(observation), "seconds": seconds}
            yield make("no-progress", given, [message_of(condition)], Certainty.POSSIBLE)
