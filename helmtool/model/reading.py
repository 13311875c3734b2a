"""Reads what other programs wrote: an object may lack any field, or have another type there, and that is never an error."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

LONGEST_MESSAGE = 1 << 13
"""Characters. Kubernetes cuts most messages at 1,024 or 4,096 (an event's, a container's)."""


def at(thing: Any, *path: str) -> Any:
    """What stands at the path; nothing where a map on the way is missing or is none."""
    for step in path:
        thing = thing.get(step) if isinstance(thing, dict) else None
    return thing


def mapping(thing: Any, *path: str) -> dict[str, Any]:
    """The map at the path; an empty one where there is none."""
    found = at(thing, *path)
    return found if isinstance(found, dict) else {}


def listing(thing: Any, *path: str) -> list[dict[str, Any]]:
    """The maps of the list at the path."""
    found = at(thing, *path)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, (list, tuple)) else []


def text(thing: Any, *path: str) -> str:
    """The text at the path; empty where there is none."""
    found = at(thing, *path)
    return found if isinstance(found, str) else ""


def message_of(thing: Any, *path: str) -> str:
    """The `message` of what stands at the path, at most LONGEST_MESSAGE characters of it: patterns look through it."""
    return text(thing, *path, "message")[:LONGEST_MESSAGE]


def number(thing: Any, *path: str) -> int | None:
    """The whole number at the path; nothing where there is none."""
    found = at(thing, *path)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def moment(thing: Any, *path: str) -> datetime | None:
    """The time at the path (RFC 3339); nothing where there is none."""
    try:
        found = datetime.fromisoformat(text(thing, *path))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
