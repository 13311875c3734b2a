"""The verbs of image tags: check, list, next, stable."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from helmtool.adapters.project import Project, find_project
from helmtool.adapters.registry import Registry
from helmtool.errors import InvalidInput
from helmtool.model.environment import Environment
from helmtool.model.registry import Facts, Retention, Use, names_another_day, next_tag, parse_repository, valid_tags
from helmtool.model.tag import Tag, parse_tag
from helmtool.operations.compose import load_values
from helmtool.operations.guard import Settings
from helmtool.operations.progress import Progress
from helmtool.operations.twin import put_twin, require_digest, twin_is_there

ZONE = "Europe/Zurich"
SKEW = timedelta(minutes=5)
"""How far two clocks may be apart before it is said."""


@dataclass(frozen=True, slots=True)
class TagState:
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
    def risk(self) -> str:
        """What the clean-up will do, in words."""
        if self.tag.stable and self.retention.keeps_stable:
            return "kept: the clean-up spares stable tags"
        if not self.retention.drops_after_days:
            return "not known: values/environments.yaml has no registry.dropsAfterDays"
        rule = f"dropped after {self.retention.drops_after_days} days without a pull"
        if self.drops_on is None:
            return rule
        when = f"from {self.drops_on} on" if self.drops_on > self.moment.date() else "any day now"
        return f"{rule}, so {when}" if self.use.last else f"{rule}: {when}, if nobody pulled it since"

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
            "dropsOn": self.drops_on.isoformat() if self.drops_on else None,
            "namesAnotherDay": self.other_day,
            "fromTheFuture": self.from_the_future,
        }


@dataclass(frozen=True, slots=True)
class MadeStable:
    """What `tag stable` did; `written` is false where the twin was there."""

    tag: Tag
    digest: str
    repository: str
    written: bool


def registry_of(env: str, settings: Settings) -> tuple[Registry, Retention]:
    """The registry of the environment's image.repository, and the rule of its clean-up. Raises InvalidInput."""
    project = find_project(settings.config_dir)
    return registry_named(project, project.environment(env)), project.retention()


def registry_named(project: Project, environment: Environment, sets: Sequence[str] = ()) -> Registry:
    """The registry that `image.repository` in the environment's values names. Raises InvalidRepository."""
    image = load_values(project, environment, None, sets).data.get("image")
    name = image.get("repository") if isinstance(image, Mapping) else ""
    return Registry(parse_repository(str(name or "")))


def check_tag(text: str, env: str, settings: Settings) -> TagState:
    """What the registry knows of a tag. Raises InvalidTag and NotFound (3), and Unreachable (5)."""
    tag = parse_tag(text)
    registry, retention = registry_of(env, settings)
    digest = require_digest(registry, tag)
    twin = registry.digest(str(_other(tag))) or ""
    artifact = registry.artifact(digest)
    facts = registry.facts_of(artifact) if artifact else registry.facts(digest)
    return _state(registry, retention, tag, facts, twin, artifact.use if artifact else Use())


def list_tags(env: str, settings: Settings, progress: Progress) -> list[TagState]:
    """Every tag of the grammar that the registry has, newest image first; a tag that goes meanwhile is left out."""
    registry, retention = registry_of(env, settings)
    found = _from_harbor(registry, progress) or _from_oci(registry, progress)
    states = [
        _state(registry, retention, tag, found.facts[digest], found.digests.get(_other(tag), ""), found.uses.get(digest, Use()))
        for tag, digest in found.digests.items()
    ]
    progress.done("registry", f"{len(states)} tags, {len(found.facts)} images in {registry.repository}")
    future = sum(state.from_the_future for state in states)
    if future:
        progress.warn(f"{future} images say that they were made in the future: a clock was wrong where they were built, or is here")
    oldest = datetime.min.replace(tzinfo=UTC)
    return sorted(states, key=lambda state: (state.facts.created or oldest, str(state.tag)), reverse=True)


@dataclass(frozen=True, slots=True)
class _Found:
    """The tags of the grammar with their digests, and what is known of each digest."""

    digests: Mapping[Tag, str]
    facts: Mapping[str, Facts]
    uses: Mapping[str, Use]


def _from_harbor(registry: Registry, progress: Progress) -> _Found | None:
    """Through Harbor's API, a hundred digests at a time; nothing where the registry is no Harbor."""
    artifacts = registry.artifacts()
    if artifacts is None:
        return None
    by_name = {name: artifact for artifact in artifacts for name in artifact.tags}
    tags = _of_the_grammar(list(by_name), registry, progress)
    digests = {tag: by_name[str(tag)].digest for tag in tags}
    wanted = {by_name[str(tag)].digest: by_name[str(tag)] for tag in tags}
    facts = dict(zip(wanted, registry.in_parallel(registry.facts_of, wanted.values()), strict=True))
    return _Found(digests, facts, {digest: artifact.use for digest, artifact in wanted.items()})


def _from_oci(registry: Registry, progress: Progress) -> _Found:
    """Through the protocol that every registry has: a request for each tag, and two or more for each digest that is new here."""
    tags = _of_the_grammar(registry.tags(), registry, progress)
    asked = zip(tags, registry.in_parallel(lambda tag: registry.digest(str(tag)), tags), strict=True)
    digests = {tag: digest for tag, digest in asked if digest}
    known = sorted(set(digests.values()))
    return _Found(digests, dict(zip(known, registry.in_parallel(registry.facts, known), strict=True)), {})


def _of_the_grammar(names: Sequence[str], registry: Registry, progress: Progress) -> list[Tag]:
    tags = valid_tags(names)
    if len(tags) < len(names):
        progress.warn(f"{len(names) - len(tags)} other tags of {registry.repository} are not of the form HG<day><month><a-z>")
    progress.start("registry", f"{len(tags)} tags of {registry.repository}")
    return tags


def free_tag(env: str, settings: Settings, day: str | None) -> tuple[Tag, str]:
    """The next free tag of a day (ISO date; today in Zurich without one), and its repository. Raises NoFreeTag, InvalidInput."""
    chosen = _day(day)
    registry, _ = registry_of(env, settings)
    return next_tag(chosen, set(registry.tags())), str(registry.repository)


def make_stable(text: str, env: str, settings: Settings, confirm: Callable[[Tag, str, str], None]) -> MadeStable:
    """Puts the tag's manifest under its stable twin, byte for byte, and reads it back.

    `confirm` gets the tag, its digest and the repository, and raises where the answer is no. Raises TwinDiffers and TagMoved.
    """
    tag = parse_tag(text)
    registry, _ = registry_of(env, settings)
    require_digest(registry, tag)
    manifest = registry.manifest(str(tag))
    written = not (tag.stable or twin_is_there(registry, tag, manifest.digest))
    if written:
        confirm(tag, manifest.digest, str(registry.repository))
        written = put_twin(registry, tag, manifest)  # which looks again: somebody may have made it while the question stood
    return MadeStable(tag.as_stable(), manifest.digest, str(registry.repository), written)


def _other(tag: Tag) -> Tag:
    """The stable twin of a tag, or the tag of a stable twin."""
    return Tag(tag.day, tag.month, tag.letter, not tag.stable)


def _state(registry: Registry, retention: Retention, tag: Tag, facts: Facts, twin: str, use: Use) -> TagState:
    return TagState(tag, str(registry.repository), facts, twin, retention, use, datetime.now(UTC))


def _json_time(moment: datetime | None) -> str | None:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def _day(text: str | None) -> date:
    if text is None:
        return datetime.now(zone()).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"`{text[:40]}` is not a date", hint="--date YYYY-MM-DD, as in --date 2026-05-01") from None


def zone() -> ZoneInfo:
    """The zone whose days the tags count. Raises InvalidInput where this machine has no time zones."""
    try:
        return ZoneInfo(ZONE)
    except ZoneInfoNotFoundError:
        raise InvalidInput(f"this machine does not know the time zone {ZONE}", hint="install the package tzdata") from None
