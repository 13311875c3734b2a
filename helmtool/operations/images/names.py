"""Whether a tag is free, and which one is where it is not."""

from __future__ import annotations

from helmtool.adapters.registry import Registry
from helmtool.adapters.registry.errors import NotFound
from helmtool.errors import HelmtoolError
from helmtool.model.image import TagTaken, free_letter
from helmtool.model.tag import Tag


def next_free(registry: Registry, tag: Tag) -> Tag | None:
    """The next free tag of the tag's day, for a hint: nothing after z, or where the registry does not tell."""
    try:
        return free_letter(tag, set(registry.tags()))
    except HelmtoolError:
        return None


def require_free(registry: Registry, tag: Tag) -> None:
    """Raises TagTaken where the registry has the tag or its stable twin; a repository that is not there yet has none."""
    for name in (str(tag), str(tag.as_stable())):
        digest = digest_if_any(registry, name)
        if digest:
            free = next_free(registry, tag)
            raise TagTaken(f"{registry.repository}:{name}", digest, hint=f"helmtool image build {free}" if free else "helmtool tag next")


def digest_if_any(registry: Registry, name: str) -> str | None:
    """What the tag names; nothing also where the repository is not there yet, for it comes with its first image."""
    try:
        return registry.digest(name)
    except NotFound:
        return None
