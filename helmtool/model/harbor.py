"""What Harbor's own API says of an artifact (Harbor API 2.0, listArtifacts and getArtifact)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from helmtool.model.registry import REFERENCE, Child, Facts, UnexpectedAnswer, Use, chosen_child, image_platform, is_digest, parse_created


class Artifact(NamedTuple):
    """A digest with all its tags. `child` is the image whose date and size count for an index, and empty for an image."""

    digest: str
    tags: tuple[str, ...]
    use: Use
    facts: Facts
    child: str = ""


def parse_artifacts(data: Any, what: str) -> list[Artifact]:
    """The artifacts of one page. Raises UnexpectedAnswer."""
    if not isinstance(data, list):
        raise UnexpectedAnswer(f"{what}: the answer is no list of artifacts", hint="run it again with -vv")
    return [parse_artifact(entry, what) for entry in data]


def parse_artifact(data: Any, what: str) -> Artifact:
    """One artifact. Raises UnexpectedAnswer."""
    try:
        parts = [part for part in data.get("references") or [] if REFERENCE not in (part.get("annotations") or {})]
        children = [Child(_digest(part["child_digest"]), image_platform(part.get("platform") or {})) for part in parts]
        images = [child for child in children if child.platform]
        tags, extra = data.get("tags") or [], data.get("extra_attrs") or {}
        platforms = tuple(child.platform for child in images) or (image_platform(extra),)
        facts = Facts(_digest(data["digest"]), parse_created(extra.get("created")), int(data["size"]), tuple(p for p in platforms if p))
        return Artifact(facts.digest, tuple(str(tag["name"]) for tag in tags), _use([data, *tags]), facts, chosen_child(images))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise UnexpectedAnswer(f"{what}: an artifact lacks what Harbor's API promises", hint="run it again with -vv") from None


def _use(entries: Sequence[Mapping[str, Any]]) -> Use:
    """The last push and pull under whichever of its tags: what Harbor's retention rules count by (its year 1 means never)."""
    pushed = [moment for entry in entries if (moment := parse_created(entry.get("push_time")))]
    pulled = [moment for entry in entries if (moment := parse_created(entry.get("pull_time")))]
    immutable = any(entry.get("immutable") is True for entry in entries)
    return Use(max(pushed, default=None), max(pulled, default=None), immutable)


def _digest(text: Any) -> str:
    if not is_digest(text):
        raise ValueError
    return str(text)
