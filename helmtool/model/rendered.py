"""Rendered YAML, read and written so that its words mean what Helm and kubectl read in them (sigs.k8s.io/yaml).

They make JSON of it: a whole number is an integer however it is spelled (`1e+06`, `2.0`), a key is always text, and of two equal keys
the last counts. PyYAML alone would read 1e+06 as a float, make a date of `2026-01-05` and the number 5025 of `83:45`, both text to
Helm; and it would write the text `y` or `1e3` without the quotes that keep Helm from reading `true` or a number.
"""

from __future__ import annotations

import base64
import functools
import math
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from helmtool.model.extent import require_bounded
from helmtool.model.text import is_visible, visible

_NULL = re.compile(r"(?:~|null|Null|NULL|)\Z")
_BOOL = re.compile(r"(?:[yYnN]|yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)\Z")
# Of numbers, whose underscores do not count.
_INT = re.compile(r"[-+]?(?:0[bB][01]+|0[xX][0-9a-fA-F]+|0[oO]?[0-7]+|0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z|[-+]?\.(?:inf|Inf|INF)\Z|\.(?:nan|NaN|NAN)\Z")
_OLD_OCTAL = re.compile(r"[-+]?0[0-7]+\Z")
_LONGEST_INTEGER = 70
"""Characters of a number of 64 bits in base two, and some more."""
_NUMBER_STARTS = frozenset("-+.0123456789")
_TAG = "tag:yaml.org,2002:"
_STR, _MERGE, _FLOAT_TAG = f"{_TAG}str", f"{_TAG}merge", f"{_TAG}float"


def load_all(text: str | bytes) -> Iterator[Any]:
    """The documents of a YAML text. Raises yaml.YAMLError, also for what no memory holds."""
    import yaml

    require_bounded(text.encode(errors="replace") if isinstance(text, str) else text, _loader())
    yield from yaml.load_all(text, Loader=_loader())


def dump(document: Any) -> str:
    """The document as YAML, keys in their order, texts of several lines as readable blocks, and escapes for what cannot be seen."""
    import yaml

    return visible(yaml.dump(document, Dumper=_dumper(), sort_keys=False, allow_unicode=True, width=10_000), besides="\n\t")


@functools.cache
def _loader() -> Any:
    """PyYAML's loader (in C where there is one) with Helm's words."""
    import yaml

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
            return _tag(value) if kind is yaml.ScalarNode and implicit[0] else super().resolve(kind, value, implicit)

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[str, Any]:
            """As Go does: in the order of the text, so that a merge overrides what stands before it. Raises yaml.YAMLError."""
            made: dict[str, Any] = {}
            for key, value in _require(node, yaml.MappingNode).value:
                if key.tag == _MERGE:
                    for merged in reversed(value.value if isinstance(value, yaml.SequenceNode) else [value]):
                        made |= self.construct_mapping(merged, deep=True)
                else:
                    made[_key(self, _require(key, yaml.ScalarNode))] = self.construct_object(value, deep=deep)
            return made

    constructors: dict[str, Callable[[Any, Any], Any]] = {
        "int": lambda loader, node: _integer(loader.construct_scalar(node)),
        "float": lambda loader, node: _number(loader.construct_scalar(node)),
        "bool": lambda loader, node: loader.construct_scalar(node).lower() in {"y", "yes", "true", "on"},
        "merge": lambda loader, node: loader.construct_scalar(node),  # as a value it is two characters
        "timestamp": lambda loader, node: loader.construct_scalar(node),
        "binary": lambda loader, node: base64.b64decode(loader.construct_scalar(node)).decode(errors="replace"),
        "set": Loader.construct_yaml_map,
        "omap": Loader.construct_yaml_seq,
        "pairs": Loader.construct_yaml_seq,
    }
    for tag, construct in constructors.items():
        Loader.add_constructor(f"{_TAG}{tag}", construct)
    return Loader


def _tag(text: str) -> str:
    """The tag of an unquoted word."""
    if text[:1] in _NUMBER_STARTS:
        digits = text.replace("_", "")
        return f"{_TAG}int" if _INT.match(digits) else _FLOAT_TAG if _FLOAT.match(digits) else _STR
    if text == "<<":
        return _MERGE
    return f"{_TAG}null" if _NULL.match(text) else f"{_TAG}bool" if _BOOL.match(text) else _STR


def _require(node: Any, kind: type) -> Any:
    """The node. Raises yaml.YAMLError where it is of another kind: as a key, or to be merged, Go takes it neither."""
    import yaml

    if not isinstance(node, kind):
        raise yaml.YAMLError(f"a {node.id} stands where Helm takes none")
    return node


def _key(loader: Any, node: Any) -> str:
    """The text that a key is in JSON. Raises yaml.YAMLError for null."""
    import yaml

    key = loader.construct_object(node)
    if isinstance(key, str):
        return key
    if key is None:
        raise yaml.YAMLError("null is no key")
    return f"{float(node.value.replace('_', '')):g}" if node.tag == _FLOAT_TAG else str(key).lower()


def _integer(text: str) -> int | float | str:
    """What Helm reads: a number of 64 bits, beyond them a float64, and text where that has no room either."""
    digits = text.replace("_", "")
    if len(digits) <= _LONGEST_INTEGER:
        number = int(digits, 8 if _OLD_OCTAL.match(digits) else 0)
        if -(2**63) <= number < (2**63 if digits[0] in "+-" else 2**64):
            return number
    return _number(text) if _FLOAT.match(digits) else text


def _number(text: str) -> int | float | str:
    """What Helm reads: an integer where it is whole; digits beyond what a float64 holds, such as `1e3010`, are text to it.

    Raises yaml.YAMLError for infinity and NaN, which JSON does not have.
    """
    import yaml

    if text.lower().endswith(("inf", "nan")):
        raise yaml.YAMLError("infinity and NaN are no numbers of JSON")
    number = float(text.replace("_", ""))
    if math.isinf(number):
        return text
    shown = Decimal(repr(number))  # the digits that Go writes into JSON, and reads again
    return int(shown) if number.is_integer() and -(2**63) <= shown < 2**63 else number


@functools.cache
def _dumper() -> Any:
    """PyYAML's dumper (in C where there is one), with quotes also where only Helm would read a text as something else."""
    import yaml

    class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
        pass

    def represent_text(dumper: Any, text: str) -> Any:
        style = "|" if "\n" in text else "'" if _tag(text) != _STR else None
        return dumper.represent_scalar(_STR, text, style=style if is_visible(text, besides="\n\t") else '"')  # where an escape is read

    Dumper.add_representer(str, represent_text)
    return Dumper
