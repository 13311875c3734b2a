"""What speaks for taking a release to the next environment, and what against it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from helmtool.model.check import PATHS, Check, Verdict
from helmtool.model.environment import Promotion
from helmtool.model.manifest import Manifest
from helmtool.model.reading import listing, number, text
from helmtool.model.record import Record
from helmtool.model.revision import DEPLOYED


class Evidence(NamedTuple):
    """What runs in an environment: its revision, tag and digest, and what was found of it."""

    environment: str
    revision: int
    tag: str
    digest: str
    checks: tuple[Check, ...]

    @property
    def against(self) -> tuple[str, ...]:
        """What does not hold."""
        return tuple(check.text for check in self.checks if check.verdict is Verdict.FAILS)

    @property
    def lines(self) -> list[str]:
        """The evidence as the record of the next release keeps it."""
        first = f"promoted from {self.environment}, revision {self.revision} ({self.tag}@{self.digest})"
        return [first, *(f"{self.environment}: {check.line}" for check in self.checks)]


def check_record(record: Record | None) -> Check:
    """Whether the release was verified when it was made, as its record tells."""
    if record is None:
        return Check(Verdict.FAILS, "there is no record of its release, so nobody verified it")
    if record.outcome != DEPLOYED:
        return Check(Verdict.FAILS, f"its release is recorded as {record.outcome}")
    answered = [path for path in PATHS if any(line.startswith(f"{Verdict.HOLDS.value}: {path} ") for line in record.checks)]
    failed = [line for line in record.checks if line.startswith(f"{Verdict.FAILS.value}: ")]
    if failed or answered != list(PATHS):
        said = failed[0] if failed else next((line for line in record.checks if "verify" in line), "no answer of the service is recorded")
        return Check(Verdict.FAILS, f"it was not verified when it was released: {said}")
    return Check(Verdict.HOLDS, f"verified when {record.who} released it")


def check_time(record: Record | None, promotion: Promotion, now: datetime) -> Check:
    """Whether it has run for the policy's hours since its release ended."""
    try:
        hours = (now - datetime.fromisoformat(record.when).astimezone(UTC)).total_seconds() / 3600 if record else -1.0
    except ValueError:
        hours = -1.0
    if hours < 0:
        return Check(Verdict.FAILS, "since when it runs is not known")
    text = f"has run for {hours:.1f} h, {promotion.after_hours} h are asked for"
    return Check(Verdict.HOLDS if hours >= promotion.after_hours else Verdict.FAILS, text)


def check_restarts(pods: Iterable[Manifest]) -> Check:
    """Whether no container of its pods was started again."""
    counts = {
        text(pod, "metadata", "name"): sum(number(status, "restartCount") or 0 for status in listing(pod, "status", "containerStatuses"))
        for pod in pods
    }
    restarted = {name: count for name, count in counts.items() if count}
    if restarted:
        return Check(Verdict.FAILS, "restarts: " + ", ".join(f"{name} {count}" for name, count in restarted.items()))
    return Check(Verdict.HOLDS, "no restart of its pods") if counts else Check(Verdict.FAILS, "it has no pod")


def check_drift(found: Sequence[str] | None) -> Check:
    """Whether other hands have changed it since."""
    if found is None:
        return Check(Verdict.FAILS, "whether other hands changed it is not known: it takes the right to write")
    return Check(Verdict.FAILS, found[0]) if found else Check(Verdict.HOLDS, "nothing was changed by other hands")
