"""The verbs of image tags: check, list, next, stable."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from helmtool.adapters.project import find_project
from helmtool.adapters.registry import Registry
from helmtool.errors import InvalidInput, OperationFailed, Refused
from helmtool.model.registry import Facts, Manifest, Retention, names_another_day, next_tag, parse_repository, valid_tags
from helmtool.model.tag import Tag, parse_tag
from helmtool.operations.compose import load_values
from helmtool.operations.guard import Settings
from helmtool.operations.progress import Progress

ZONE = "Europe/Zurich"


class TwinDiffers(Refused):
    """The stable tag exists already, and is another image."""

    code = "stable-twin-differs"

    def __init__(self, tag: Tag, digest: str, twin_digest: str) -> None:
        super().__init__(
            f"{tag.as_stable()} exists already and is another image: it is {twin_digest}, and {tag} is {digest}",
            hint=f"helmtool tag check {tag.as_stable()}; give the new image a tag of its own: helmtool tag next",
        )


class TagMoved(OperationFailed):
    """The stable tag names another digest right after it was written."""

    code = "tag-moved"


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
    image = load_values(project, project.environment(env), None).data.get("image")
    name = image.get("repository") if isinstance(image, Mapping) else ""
    return Registry(parse_repository(str(name or ""))), project.retention()


def check_tag(text: str, env: str, settings: Settings) -> TagState:
    """What the registry knows of a tag. Raises InvalidTag and NotFound (3), and Unreachable (5)."""
    tag = parse_tag(text)
    registry, retention = registry_of(env, settings)
    digest = _require(registry, tag)
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
    _require(registry, tag)
    manifest = registry.manifest(str(tag))
    repository, twin = str(registry.repository), str(tag.as_stable())
    if tag.stable or _is_there(registry, tag, manifest):
        return MadeStable(tag.as_stable(), manifest.digest, repository, False)
    confirm(tag, manifest.digest, repository)
    if _is_there(registry, tag, manifest):  # somebody may have made it while the question stood
        return MadeStable(tag.as_stable(), manifest.digest, repository, False)
    registry.put(twin, manifest)
    written = registry.digest(twin)
    if written != manifest.digest:
        raise TagMoved(
            f"{twin} was written as {manifest.digest} and is now {written or 'gone'}: somebody else wrote it too",
            hint=f"helmtool tag check {twin}",
        )
    return MadeStable(tag.as_stable(), manifest.digest, repository, True)


def _is_there(registry: Registry, tag: Tag, manifest: Manifest) -> bool:
    """Whether the twin is the same image. Raises TwinDiffers where it is another."""
    found = registry.digest(str(tag.as_stable()))
    if found and found != manifest.digest:
        raise TwinDiffers(tag, manifest.digest, found)
    return found is not None


def _require(registry: Registry, tag: Tag) -> str:
    digest = registry.digest(str(tag))
    if digest is None:
        raise registry.missing(str(tag))
    return digest


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
