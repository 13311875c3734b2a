"""tag list: every tag with its facts, through Harbor's API where there is one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, TypeVar

from helmtool.adapters.registry import Registry
from helmtool.errors import InvalidInput
from helmtool.model.registry import Facts, UnexpectedAnswer, Use, valid_tags
from helmtool.model.tag import Tag
from helmtool.operations.progress import Progress
from helmtool.operations.registries import registry_of
from helmtool.operations.settings import Settings
from helmtool.operations.tag_state import TagState, state_of_tag, twin_of

Key = TypeVar("Key")
Value = TypeVar("Value")


def list_tags(env: str, settings: Settings, progress: Progress) -> list[TagState]:
    """Every tag of the grammar that the registry has, newest image first; a tag that goes meanwhile is left out."""
    registry, retention = registry_of(env, settings)
    found = _from_harbor(registry, progress) or _from_oci(registry, progress)
    states = [
        state_of_tag(registry, retention, tag, found.facts[digest], found.digests.get(twin_of(tag), ""), found.uses.get(digest, Use()))
        for tag, digest in found.digests.items()
    ]
    progress.done("registry", f"{len(states)} tags, {len(found.facts)} images in {registry.repository}")
    future = sum(state.from_the_future for state in states)
    if future:
        progress.warn(f"{future} images say that they were made in the future: a clock was wrong where they were built, or is here")
    oldest = datetime.min.replace(tzinfo=UTC)
    return sorted(states, key=lambda state: (state.facts.created or oldest, str(state.tag)), reverse=True)


class _Found(NamedTuple):
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
    digests = _each(registry, lambda tag: registry.digest(str(tag)), tags, progress)
    facts = _each(registry, registry.facts, sorted(set(digests.values())), progress)
    return _Found({tag: digest for tag, digest in digests.items() if digest in facts}, facts, {})


def _each(registry: Registry, function: Callable[[Key], Value | None], keys: Sequence[Key], progress: Progress) -> dict[Key, Value]:
    """The results by key. One image that went meanwhile or is damaged is said and left out; it hides no other."""

    def ask(key: Key) -> Value | InvalidInput | UnexpectedAnswer | None:
        try:
            return function(key)
        except (InvalidInput, UnexpectedAnswer) as error:
            return error

    found = {}
    for key, result in zip(keys, registry.in_parallel(ask, keys), strict=True):
        if isinstance(result, (InvalidInput, UnexpectedAnswer)):
            progress.warn(f"left out: {result.message}")
        elif result is not None:
            found[key] = result
    return found


def _of_the_grammar(names: Sequence[str], registry: Registry, progress: Progress) -> list[Tag]:
    tags = valid_tags(names)
    if len(tags) < len(names):
        progress.warn(f"{len(names) - len(tags)} other tags of {registry.repository} are not of the form HG<day><month><a-z>")
    progress.start("registry", f"{len(tags)} tags of {registry.repository}")
    return tags
