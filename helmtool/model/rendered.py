"""Rendered YAML, read and written so that its words mean what Helm reads in them (sigs.k8s.io/yaml).

PyYAML alone would make a date of `2026-01-05` and the number 5025 of `83:45`, both text to Helm; and it would write
the text `y` or `1e3` without the quotes that keep Helm from reading `true` or a number.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterator
from typing import Any

from helmtool.model.extent import require_bounded

_NULL = re.compile(r"(?:~|null|Null|NULL|)\Z")
_BOOL = re.compile(r"(?:[yYnN]|yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)\Z")
_INT = re.compile(r"[-+]?(?:0[bB][01_]+|0[xX][0-9a-fA-F_]+|0[oO]?[0-7_]+|0|[1-9][0-9_]*)\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z|[-+]?\.(?:inf|Inf|INF)\Z|\.(?:nan|NaN|NAN)\Z")
_OLD_OCTAL = re.compile(r"[-+]?0[0-7]+\Z")
_LONGEST_INTEGER = 70
"""Characters of a number of 64 bits in base two, and some more."""
_DIGITS = list("-+.0123456789")
_WORDS = {
    "null": (_NULL, ["~", "n", "N", ""]),
    "bool": (_BOOL, list("yYnNtTfFoO")),
    "int": (_INT, _DIGITS),
    "float": (_FLOAT, _DIGITS),
    "merge": (re.compile(r"<<\Z"), ["<"]),
}


def load_all(text: str | bytes) -> Iterator[Any]:
    """The documents of a YAML text. Raises yaml.YAMLError, also for what no memory holds."""
    import yaml

    require_bounded(text.encode(errors="replace") if isinstance(text, str) else text, _loader())
    yield from yaml.load_all(text, Loader=_loader())


def dump(document: Any) -> str:
    """The document as YAML, keys in their order, texts of several lines as readable blocks."""
    import yaml

    text: str = yaml.dump(document, Dumper=_dumper(), sort_keys=False, allow_unicode=True, width=10_000)
    return text


@functools.cache
def _loader() -> Any:
    """PyYAML's loader (in C where there is one) with Helm's words."""
    import yaml

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own way, replaced below

    for tag, (pattern, first) in _WORDS.items():
        Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", pattern, first)
    Loader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: _integer(loader.construct_scalar(node)))
    # As a key it is dealt with before; as a value it is two characters.
    Loader.add_constructor("tag:yaml.org,2002:merge", lambda loader, node: loader.construct_scalar(node))
    Loader.add_constructor("tag:yaml.org,2002:float", _number)
    Loader.add_constructor(
        "tag:yaml.org,2002:bool", lambda loader, node: loader.construct_scalar(node).lower() in {"y", "yes", "true", "on"}
    )
    return Loader


def _integer(text: str) -> int | float | str:
    """What Helm reads: a number of 64 bits, beyond them a float64, and text where that has no room either."""
    digits = text.replace("_", "")
    if len(digits) <= _LONGEST_INTEGER:
        number = int(digits, 8 if _OLD_OCTAL.match(digits) else 0)
        if -(2**63) <= number < 2**64:
            return number
    return _finite(digits, text) if _FLOAT.match(digits) else text


def _number(loader: Any, node: Any) -> Any:
    """What Helm reads as a number; digits beyond what a float64 holds, such as `1e3010`, are text to it."""
    text: str = node.value
    return loader.construct_yaml_float(node) if text.lower().endswith(("inf", "nan")) else _finite(text, text)


def _finite(digits: str, text: str) -> float | str:
    return text if math.isinf(number := float(digits)) else number


@functools.cache
def _dumper() -> Any:
    """PyYAML's dumper (in C where there is one), with quotes also where only Helm would read a text as something else."""
    import yaml

    class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
        pass

    def represent_text(dumper: Any, text: str) -> Any:
        ambiguous = any(pattern.match(text) for pattern, _ in _WORDS.values())
        style = "|" if "\n" in text else "'" if ambiguous else None
        return dumper.represent_scalar(
            "tag:yaml.org,2002:str", text, style='"' if "\x85" in text else style
        )  # else it stands there as it is

    Dumper.add_representer(str, represent_text)
    return Dumper
