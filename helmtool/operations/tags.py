"""The verbs of image tags: check, list, next, stable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from helmtool.errors import InvalidInput
from helmtool.model.registry import Use, next_tag
from helmtool.model.tag import Tag, parse_tag
from helmtool.operations.registries import registry_of
from helmtool.operations.settings import Settings
from helmtool.operations.tag_state import TagState, state_of_tag, twin_of, zone
from helmtool.operations.twin import put_twin, require_digest, twin_is_there
from helmtool.operations.where import Place, where_it_runs


class MadeStable(NamedTuple):
    """What `tag stable` did; `written` is false where the twin was there."""

    tag: Tag
    digest: str
    repository: str
    written: bool


class Checked(NamedTuple):
    """What the registry knows of a tag, and which environments run its image."""

    state: TagState
    places: Sequence[Place]

    def as_dict(self) -> dict[str, Any]:
        """The check as `-o json` prints it."""
        return self.state.as_dict() | {"environments": [place.as_dict() for place in self.places]}


def check_tag(text: str, env: str, settings: Settings) -> Checked:
    """What the registry and the clusters know of a tag; a cluster that cannot be asked is no error.

    Raises InvalidTag and NotFound (3), and Unreachable (5) for the registry.
    """
    tag = parse_tag(text)
    registry, retention = registry_of(env, settings)
    digest = require_digest(registry, tag)
    twin = registry.digest(str(twin_of(tag))) or ""
    artifact = registry.artifact(digest)
    facts = registry.facts_of(artifact) if artifact else registry.facts(digest)
    state = state_of_tag(registry, retention, tag, facts, twin, artifact.use if artifact else Use())
    names = [str(tag), str(twin_of(tag))] if twin == digest else [str(tag)]
    return Checked(state, where_it_runs(state.repository, names, digest, settings))


def utc_now() -> datetime:
    """The present moment."""
    return datetime.now(UTC)


def free_tag(env: str, settings: Settings, day: str | None, now: Callable[[], datetime] = utc_now) -> tuple[Tag, str]:
    """The next free tag of a day (ISO date; today in Zurich without one), and its repository. Raises NoFreeTag, InvalidInput."""
    chosen = day_of(day, now())
    registry, _ = registry_of(env, settings)
    return next_tag(chosen, set(registry.tags())), str(registry.repository)


def make_stable(text: str, env: str, settings: Settings, confirm: Callable[[Tag, str, str], None]) -> MadeStable:
    """Puts the tag's manifest under its stable twin, byte for byte, and reads it back.

    `confirm` gets the tag, its digest and the repository, and raises where the answer is no. Raises TwinDiffers and TagMoved.
    """
    tag = parse_tag(text)
    registry, _ = registry_of(env, settings)
    manifest = registry.manifest(require_digest(registry, tag))
    written = not (tag.stable or twin_is_there(registry, tag, manifest.digest))
    if written:
        confirm(tag, manifest.digest, str(registry.repository))
        written = put_twin(registry, tag, manifest)  # which looks again: somebody may have made it while the question stood
    return MadeStable(tag.as_stable(), manifest.digest, str(registry.repository), written)


def day_of(text: str | None, now: datetime) -> date:
    """The day that an ISO date names; without one, the day that it is in Zurich now. Raises InvalidInput."""
    if text is None:
        return now.astimezone(zone()).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"`{text[:40]}` is not a date", hint="--date YYYY-MM-DD, as in --date 2026-05-01") from None
