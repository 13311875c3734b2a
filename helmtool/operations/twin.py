"""The stable twin of a tag: the same manifest under `<tag>-stable`. Asks nobody; who calls has confirmed it."""

from __future__ import annotations

from helmtool.adapters.registry import Registry
from helmtool.errors import OperationFailed, Refused
from helmtool.model.registry import Manifest
from helmtool.model.tag import Tag


class TwinDiffers(Refused):
    """The stable tag exists already, and is another image."""

    code = "stable-twin-differs"

    def __init__(self, tag: Tag, digest: str, twin_digest: str) -> None:
        super().__init__(
            f"{tag.as_stable()} exists already and is another image: it is {twin_digest}, and {tag} is {digest}",
            hint=f"helmtool tag check {tag.as_stable()}; give the new image a tag of its own: helmtool tag next",
        )


class TagMoved(OperationFailed):
    """A tag names another digest than a moment ago: somebody else wrote it."""

    code = "tag-moved"

    def __init__(self, tag: Tag, expected: str, found: str | None) -> None:
        super().__init__(f"{tag} was {expected} and is now {found or 'gone'}: somebody else wrote it too", hint=f"helmtool tag check {tag}")


def require_digest(registry: Registry, tag: Tag) -> str:
    """The digest that the tag names. Raises NotFound."""
    digest = registry.digest(str(tag))
    if digest is None:
        raise registry.missing(str(tag))
    return digest


def check_unmoved(registry: Registry, tag: Tag, digest: str) -> None:
    """Raises TagMoved where the tag does not name the digest any more."""
    found = registry.digest(str(tag))
    if found != digest:
        raise TagMoved(tag, digest, found)


def twin_is_there(registry: Registry, tag: Tag, digest: str) -> bool:
    """Whether the tag's stable twin is there and is the same image. Raises TwinDiffers where it is another."""
    found = registry.digest(str(tag.as_stable()))
    if found and found != digest:
        raise TwinDiffers(tag, digest, found)
    return found is not None


def put_twin(registry: Registry, tag: Tag, manifest: Manifest) -> bool:
    """Puts the manifest under the tag's stable twin, byte for byte, and reads it back; gives whether it had to be written.

    One request writes it, so a failure leaves no tag or the right one. Raises TwinDiffers, TagMoved, and what `Registry.put` raises.
    """
    if twin_is_there(registry, tag, manifest.digest):
        return False
    registry.put(str(tag.as_stable()), manifest)
    check_unmoved(registry, tag.as_stable(), manifest.digest)
    return True
