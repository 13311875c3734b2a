"""The time and the person, in one place."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime


def now() -> str:
    """The present moment, RFC 3339 in UTC, whole seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def who() -> str:
    """The account that runs this, at the host it runs on."""
    import platform

    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):
        user = "unknown"
    return f"{user}@{platform.node()}"


def age(moment: str) -> str:
    """How long ago an RFC 3339 moment was, in one unit: `42s`, `7m`, `5h`, `12d`; a dash where it is not known."""
    try:
        seconds = int((datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds())
    except (TypeError, ValueError):
        return "-"
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{max(seconds, 0)}s"
