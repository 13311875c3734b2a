"""What time it is on the API server, as far as an observation tells: this machine's clock may be wrong."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from helmtool.model.manifest import Manifest
from helmtool.model.observation import Observation
from helmtool.model.reading import listing, moment, text


def elapsed(observation: Observation, since: datetime | None) -> float:
    """Seconds from a time of the API server's to now, rather too few than too many; 0 where either is not known."""
    now = _now(observation)
    return max(0.0, (now - since).total_seconds()) if now and since else 0.0


def span(events: Iterable[Manifest]) -> float:
    """Seconds from the first time that one of the events was seen to the last."""
    times = sorted(found for event in events for found in _times(event))
    return (times[-1] - times[0]).total_seconds() if times else 0.0


def last_seen(event: Manifest) -> datetime | None:
    """When an event was last seen; nothing where it does not say."""
    return max(_times(event), default=None)


def _times(event: Manifest) -> list[datetime]:
    fields = (("firstTimestamp",), ("lastTimestamp",), ("eventTime",), ("series", "lastObservedTime"))
    return [found for path in fields if (found := moment(event, *path))]


def _now(observation: Observation) -> datetime | None:
    """Helm's apply and what was waited since, or the latest time that anything in sight has: whichever is later."""
    applied = [
        at + timedelta(seconds=observation.seconds)
        for entry in listing(observation.deployment, "metadata", "managedFields")
        if text(entry, "operation") == "Apply" and (at := moment(entry, "time"))
    ]
    seen = [found for event in observation.events for found in _times(event)]
    made = [found for pod in observation.pods if (found := moment(pod, "metadata", "creationTimestamp"))]
    return max([*applied, *seen, *made], default=None)
