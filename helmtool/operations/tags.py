"""The verbs of image tags: check, list, next, stable."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from helmtool.adapters.project import Project, find_project
from helmtool.adapters.registry import Registry
from helmtool.errors import InvalidInput
from helmtool.model.environment import Environment
from helmtool.model.registry import Facts, Retention, names_another_day, next_tag, parse_repository, valid_tags
from helmtool.model.tag import Tag, parse_tag
from helmtool.operations.compose import load_values
from helmtool.operations.guard import Settings
from helmtool.operations.progress import Progress
from helmtool.operations.twin import put_twin, require_digest, twin_is_there

ZONE = "Europe/Zurich"


@dataclass(frozen=True, slots=True)
class TagState:
    """A tag that exists: its facts, the digest of its twin (empty where there is none), and what the clean-up does with it."""

    tag: Tag
    repository: str
    facts: Facts
    twin: str
    retention: Retention
    other_day: bool

    @property
    def drops_on(self) -> date | None:
        """The first day on which the clean-up may take it."""
        return self.retention.drops_on(self.tag, self.facts.created)

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
        when = f", so from {self.drops_on} on" if self.drops_on else ""
        return f"dropped after {self.retention.drops_after_days} days without a pull{when}"

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
            "dropsOn": self.drops_on.isoformat() if self.drops_on else None,
            "namesAnotherDay": self.other_day,
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
    other = Tag(tag.day, tag.month, tag.letter, not tag.stable)
    twin = registry.digest(str(other)) or ""
    return _state(registry, retention, tag, registry.facts(digest), twin)


def list_tags(env: str, settings: Settings, progress: Progress) -> list[TagState]:
    """Every tag of the grammar that the registry has, newest image first; a tag that goes meanwhile is left out."""
    registry, retention = registry_of(env, settings)
    names = registry.tags()
    tags = valid_tags(names)
    if len(tags) < len(names):
        progress.warn(f"{len(names) - len(tags)} other tags of {registry.repository} are not of the form HG<day><month><a-z>")
    progress.start("registry", f"{len(tags)} tags of {registry.repository}")
    digests = dict(zip(tags, registry.in_parallel(lambda tag: registry.digest(str(tag)), tags), strict=True))
    known = sorted({digest for digest in digests.values() if digest})
    facts = dict(zip(known, registry.in_parallel(registry.facts, known), strict=True))
    states = [
        _state(registry, retention, tag, facts[digest], digests.get(Tag(tag.day, tag.month, tag.letter, not tag.stable)) or "")
        for tag, digest in digests.items()
        if digest
    ]
    progress.done("registry", f"{len(states)} tags, {len(known)} images in {registry.repository}")
    oldest = datetime.min.replace(tzinfo=UTC)
    return sorted(states, key=lambda state: (state.facts.created or oldest, str(state.tag)), reverse=True)


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


def _state(registry: Registry, retention: Retention, tag: Tag, facts: Facts, twin: str) -> TagState:
    return TagState(tag, str(registry.repository), facts, twin, retention, names_another_day(tag, facts.created, _zone()))


def _day(text: str | None) -> date:
    if text is None:
        return datetime.now(_zone()).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"`{text[:40]}` is not a date", hint="--date YYYY-MM-DD, as in --date 2026-05-01") from None


def _zone() -> ZoneInfo:
    """The zone whose days the tags count. Raises InvalidInput where this machine has no time zones."""
    try:
        return ZoneInfo(ZONE)
    except ZoneInfoNotFoundError:
        raise InvalidInput(f"this machine does not know the time zone {ZONE}", hint="install the package tzdata") from None
