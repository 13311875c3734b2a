"""Durations as Helm takes them."""

from __future__ import annotations

import re

from helmtool.errors import UsageError

UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


def parse_duration(text: str) -> float:
    """The seconds of a duration such as `10m`, `90s` or `1h30m`; a number without a unit is refused, as Helm does. Raises UsageError."""
    parts = re.findall(r"([0-9]+(?:\.[0-9]+)?)(h|ms|m|s)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise UsageError(f"{text!r} is not a duration: expected a number with a unit, such as 10m or 300s", hint="--timeout 10m")
    return sum(float(number) * UNITS[unit] for number, unit in parts)
