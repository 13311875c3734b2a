"""The catalogue of causes: each module looks at one part of an observation; `rank` puts what they find in order."""

from __future__ import annotations

from helmtool.model.causes.admitting import admitting_causes, refusal
from helmtool.model.causes.cause import Cause, Certainty
from helmtool.model.causes.changed import changed_causes, pause_cause
from helmtool.model.causes.images import image_causes, pull_cause
from helmtool.model.causes.leaving import leaving_causes, stalling_causes
from helmtool.model.causes.mounting import mounting_causes
from helmtool.model.causes.placing import placing_causes, unplaced_causes
from helmtool.model.causes.starting import command_causes, crash_causes, memory_causes, probe_causes, waiting_causes
from helmtool.model.causes.words import log_causes
from helmtool.model.observation import Observation

__all__ = ["Cause", "Certainty", "pause_cause", "pull_cause", "rank", "refusal", "unplaced_causes"]

LOOKS = (
    changed_causes,
    leaving_causes,
    admitting_causes,
    placing_causes,
    image_causes,
    mounting_causes,
    memory_causes,
    command_causes,
    log_causes,
    probe_causes,
    crash_causes,
    waiting_causes,
    stalling_causes,
)
"""In the order of a pod's life: of two equally certain causes the earlier one hinders the later."""


def rank(observation: Observation) -> list[Cause]:
    """Every cause that the observation shows, the best first; each code once."""
    found = [cause for look in LOOKS for cause in look(observation)]
    best = {cause.code: cause for cause in sorted(found, key=lambda c: c.certainty)}
    order = list(dict.fromkeys(cause.code for cause in found))
    return sorted(best.values(), key=lambda c: (-c.certainty, order.index(c.code)))
