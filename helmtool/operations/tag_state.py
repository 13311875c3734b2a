"""What is known of one tag that exists, and what the registry's clean-up will do with it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from helmtool.adapters.registry import Registry
from helmtool.errors import InvalidInput
from helmtool.model.registry import Facts, Retention, Use, names_another_day
from helmtool.model.tag import Tag

ZONE = "Europe/Zurich"
SKEW = timedelta(minutes=5)
"""How far two clocks may be apart before it is said."""


class TagState(NamedTuple):
    """A tag that exists: its facts, the digest of its twin (empty where there is none), and what the clean-up does with it."""

    tag: Tag
    repository: str
    facts: Facts
    twin: str
    retention: Retention
    use: Use
    moment: datetime

    @property
    def drops_on(self) -> date | None:
        """The first day on which the clean-up may take it."""
        created = min(self.facts.created, self.moment) if self.facts.created else None
        return self.retention.drops_on(self.tag, created, self.use)

    @property
    def other_day(self) -> bool:
        """Whether the image was made on another day than its tag names."""
        return names_another_day(self.tag, self.facts.created, zone())

    @property
    def from_the_future(self) -> bool:
        """Whether the image says that it is not made yet: a clock was wrong, here or where it was built."""
        return self.facts.created is not None and self.facts.created > self.moment + SKEW

    @property
    def stable(self) -> str:
        """Whether the image is kept under a stable tag: `yes`, `no`, or `other` where that tag is another image."""
        if self.tag.stable:
            return "yes"
        return "no" if not self.twin else "yes" if self.twin == self.facts.digest else "other"

    @property
    def kept(self) -> bool:
        """Whether the clean-up spares it, whatever its age."""
        return self.use.immutable or (self.tag.stable and self.retention.keeps_stable)

    @property
    def risk(self) -> str:
        """What the clean-up will do, in words."""
        if self.tag.stable and self.retention.keeps_stable:
            return "kept: the clean-up spares stable tags"
        if self.use.immutable:
            return "kept: a rule of the registry makes it immutable"
        if not self.retention.drops_after_days:
            return "not known: values/environments.yaml has no registry.dropsAfterDays"
        days, today = self.retention.drops_after_days, self.moment.date()
        rule = f"dropped {days} days after the last pull"
        if self.drops_on is None:
            return rule
        if self.use.last:
            return f"{rule}: {f'from {self.drops_on} on' if self.drops_on > today else 'any day now'}"
        late = f"any day, unless pulled since {today - timedelta(days=days)}"
        return f"{rule}: {f'not before {self.drops_on}' if self.drops_on > today else late}"

    def as_dict(self) -> dict[str, Any]:
        """The state as `-o json` prints it."""
        return {
            "tag": str(self.tag),
            "day": self.tag.day,
            "month": self.tag.month,
            "version": self.tag.letter,
            "stable": self.tag.stable,
            "repository": self.repository,
            **self.facts.as_dict(),
            "twinDigest": self.twin or None,
            "keptAsStable": self.stable,
            "pushed": _json_time(self.use.pushed),
            "pulled": _json_time(self.use.pulled),
            "immutable": self.use.immutable,
            "dropsOn": self.drops_on.isoformat() if self.drops_on else None,
            "namesAnotherDay": self.other_day,
            "fromTheFuture": self.from_the_future,
        }


def twin_of(tag: Tag) -> Tag:
    """The stable twin of a tag, or the tag of a stable twin."""
    return Tag(tag.day, tag.month, tag.letter, not tag.stable)


def state_of_tag(registry: Registry, retention: Retention, tag: Tag, facts: Facts, twin: str, use: Use) -> TagState:
    """The state as of now."""
    return TagState(tag, str(registry.repository), facts, twin, retention, use, datetime.now(UTC))


def _json_time(moment: datetime | None) -> str | None:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def zone() -> ZoneInfo:
    """The zone whose days the tags count. Raises InvalidInput where this machine has no time zones."""
    try:
        return ZoneInfo(ZONE)
    except ZoneInfoNotFoundError:
        raise InvalidInput(f"this machine does not know the time zone {ZONE}", hint="install the package tzdata") from None
