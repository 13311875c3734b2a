"""The catalogue of causes: each module looks at one part of an observation; `rank` puts what they find in order."""

from __future__ import annotations

from helmtool.model.causes.cause import Cause, Certainty
from helmtool.model.causes.images import image_causes
from helmtool.model.observation import Observation

__all__ = ["Cause", "Certainty", "rank"]

LOOKS = (image_causes,)
"""In the order of a pod's life: of two equally certain causes the earlier one hinders the later."""


def rank(observation: Observation) -> list[Cause]:
    """Every cause that the observation shows, the best first; each code once."""
    found = [cause for look in LOOKS for cause in look(observation)]
    best = {cause.code: cause for cause in sorted(found, key=lambda c: c.certainty)}
    return sorted(best.values(), key=lambda c: (-c.certainty, [f.code for f in found].index(c.code)))
