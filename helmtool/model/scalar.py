"""What an unquoted YAML word means to Helm, or why it must not stand there.

Helm reads YAML with sigs.k8s.io/yaml (YAML 1.1 with gaps), other programs read the same word differently. A word is accepted
where all of them agree; where they do not, the person is told what to write.
"""

from __future__ import annotations

import math
import re

NULL_WORDS = frozenset(["", "~", "null", "Null", "NULL"])
TRUE_WORDS = frozenset(["true", "True", "TRUE"])
FALSE_WORDS = frozenset(["false", "False", "FALSE"])
# The words that YAML 1.1 reads as booleans and YAML 1.2 as text.
NORWAY_TRUE = frozenset(["y", "Y", "yes", "Yes", "YES", "on", "On", "ON"])
NORWAY_FALSE = frozenset(["n", "N", "no", "No", "NO", "off", "Off", "OFF"])
# Helm carries numbers as float64, which is exact up to here.
LARGEST_INTEGER = 2**53

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z")
_DECIMAL = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\.[0-9]+\Z")
_OTHER_BASE = re.compile(r"[-+]?0(?:[xX][0-9a-fA-F]+|[oO]?[0-7]+|[bB][01]+)\Z")
_OTHER_NUMBER = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_SEXAGESIMAL = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?\Z")
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:(?:[Tt]|[ \t]+)[0-9].*)?\Z")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF|nan|NaN|NAN)\Z")

Plain = str | int | float | bool | None


class AmbiguousScalar(ValueError):
    """The word means different things to different readers of YAML; the message says which, and what to write instead."""


def resolve_plain(text: str) -> Plain:
    """The value that Helm reads for an unquoted scalar. Raises AmbiguousScalar where other readers would disagree with it."""
    if text in NULL_WORDS:
        return None
    if text in TRUE_WORDS:
        return True
    if text in FALSE_WORDS:
        return False
    if text in NORWAY_TRUE or text in NORWAY_FALSE:
        meaning = "true" if text in NORWAY_TRUE else "false"
        raise AmbiguousScalar(f'`{text}` without quotes is {meaning} to Helm: write {meaning}, or "{text}" for the word')
    if text[0] in "+-.0123456789":
        return _number_or_text(text)
    return text


def _number_or_text(text: str) -> Plain:
    if _INTEGER.match(text):
        return _integer(text)
    if _DECIMAL.match(text):
        return _decimal(text)
    _refuse_other_numbers(text)
    return text


def _integer(text: str) -> int:
    if len(text) > 20 or abs(int(text)) > LARGEST_INTEGER:
        raise AmbiguousScalar(f"the number is beyond {LARGEST_INTEGER}, where Helm rounds: write a smaller one, or put it in quotes")
    return int(text)


def _decimal(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise AmbiguousScalar("the number is too large: write a smaller one, or put it in quotes")
    if text.endswith("0") and not text.endswith(".0"):
        raise AmbiguousScalar(f'`{text}` without quotes is the number {value:g}: write {value:g}, or "{text}" for the text (a version?)')
    return value


def _refuse_other_numbers(text: str) -> None:
    """Raises AmbiguousScalar for what Go's or PyYAML's YAML 1.1 takes for a number or a date."""
    digits = text.replace("_", "")
    if _NOT_FINITE.match(text):
        raise AmbiguousScalar(f'`{text}` is no number that JSON knows: write a number, or "{text}" for the text')
    if _OTHER_BASE.match(digits):
        raise AmbiguousScalar(f'`{text}` without quotes is a number in another base: write it in decimal, or "{text}" for the text')
    if _OTHER_NUMBER.match(digits):
        raise AmbiguousScalar(f'`{text}` without quotes is a number to Helm: write it out in plain digits, or "{text}" for the text')
    if _SEXAGESIMAL.match(text):
        raise AmbiguousScalar(f'`{text}` without quotes is a base-60 number to some readers of YAML: write "{text}"')
    if _DATE.match(text):
        raise AmbiguousScalar(f'`{text}` without quotes is a date to some readers of YAML: write "{text}"')
