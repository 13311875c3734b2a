"""Values that the API server takes for one though they are spelled differently, by Kubernetes' own schemas: quantities and base64.

A live object has the one spelling that the server stores; a rendered or stored manifest has the one of its author.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from itertools import zip_longest
from typing import Any

from helmtool.model.openapi import child, schema_of, without_nulls

# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
_QUANTITY = re.compile(r"([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))(?:([KMGTPE]i|[numkMGTPE])|[eE]([+-]?[0-9]{1,2}))?")
_UNITS = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_SMALLEST = Fraction(1, 10**9)


def respell(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both objects without nulls, `before` in the spelling of `after` where the API server reads the same value.

    Objects of kinds without a schema here are as they were.
    """
    schema = schema_of(after)
    if schema is None:
        return dict(before), dict(after)
    new = without_nulls(after)
    return _respelled(without_nulls(before), new, schema), new


def quantity(value: Any) -> Fraction | None:
    """The number that a Kubernetes quantity means, rounded up to a billionth as the API server does; None if it is not one."""
    found = _QUANTITY.fullmatch(str(value))
    if not found or isinstance(value, bool):
        return None
    digits, unit, exponent = found.groups(default="")
    factor = Fraction(1024) ** ("KMGTPE".index(unit[0]) + 1) if unit.endswith("i") else Fraction(10) ** _UNITS.get(unit, int(exponent or 0))
    return -(-Fraction(digits) * factor // _SMALLEST) * _SMALLEST


_MEANINGS: Mapping[str, Callable[[Any], Any]] = {"quantity": quantity, "byte": lambda text: re.sub(r"[\r\n]", "", str(text))}


def _respelled(before: Any, after: Any, schema: Any) -> Any:
    if isinstance(before, dict) and isinstance(after, dict):
        return {key: _respelled(value, after.get(key), child(schema, key)) for key, value in before.items()}
    if isinstance(before, list) and isinstance(after, list):
        items = child(schema, 0)
        return [_respelled(old, new, items) for old, new in zip_longest(before, after[: len(before)])]
    read = _MEANINGS.get(schema.get("format", ""))
    if read is None or before is None or after is None:
        return before
    meaning = read(before)
    return after if meaning is not None and meaning == read(after) else before
