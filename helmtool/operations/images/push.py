"""image push: an image that docker has, to a tag that nobody has pushed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from helmtool.adapters import docker
from helmtool.adapters.registry import Registry
from helmtool.model.image import TagLost, TagTaken, check_pushable, push_hint
from helmtool.model.tag import Tag, parse_tag
from helmtool.operations.images.names import digest_if_any, next_free
from helmtool.operations.progress import Progress
from helmtool.operations.registries import registry_of
from helmtool.operations.settings import Settings

SETTLE = 3.0
"""Seconds until the second look: somebody who asked at the same moment has written by then, if the layers were there already."""


class Pushed(NamedTuple):
    """A tag and the digest that it names; `written` is false where this image was under it already."""

    tag: Tag
    repository: str
    digest: str
    written: bool


def push_image(text: str, env: str, settings: Settings, progress: Progress, sleep: Callable[[float], None] = time.sleep) -> Pushed:
    """Pushes the image and reads its digest back, twice: a registry has no write that fails where the tag exists.

    Raises InvalidTag, ImageMissing (3), StableNotBuilt, TagTaken (4), TagLost (1), PushDenied and what a registry raises (5).
    """
    tag = parse_tag(text)
    check_pushable(tag)
    registry, _ = registry_of(env, settings)
    name = f"{registry.repository}:{tag}"
    docker.daemon()
    image = docker.require_image(name, hint=f"helmtool image build {tag}; docker image ls {registry.repository}")
    found = digest_if_any(registry, str(tag))
    if found and f"{registry.repository}@{found}" in image.digests:
        return Pushed(tag, str(registry.repository), found, False)
    if found:
        raise TagTaken(name, found, push_hint(registry.repository, tag, next_free(registry, tag)))
    progress.start("push", name)
    digest = docker.push(registry.repository.host, name, lambda line: progress.start("docker", line))
    for pause in (0.0, SETTLE):
        sleep(pause)
        _require_won(registry, tag, digest)
    progress.done("push", f"{name}@{digest}")
    return Pushed(tag, str(registry.repository), digest, True)


def _require_won(registry: Registry, tag: Tag, digest: str) -> None:
    """Raises TagLost where the tag names another digest, with the next free tag."""
    found = digest_if_any(registry, str(tag))
    if found != digest:
        name = f"{registry.repository}:{tag}"
        raise TagLost(name, digest, found, push_hint(registry.repository, tag, next_free(registry, tag)))
