"""Variables that no program inherits, whoever starts it."""

from __future__ import annotations

import os

_values: dict[str, str] = {}


def withhold(*names: str) -> None:
    """Takes variables out of the environment of this process; `withheld` still knows them."""
    for name in names:
        _values.pop(name, None)
        if name in os.environ:
            _values[name] = os.environ.pop(name)


def withheld(name: str) -> str:
    """A variable, whether it was withheld or not; empty where it is not set."""
    return _values.get(name) or os.environ.get(name, "")
