"""Values against their JSON schema (draft 7): every problem at once, in own words, at the place where it was written.

jsonschema's own messages quote values, so none of them is used: no value below `secrets` is ever shown, nor its length.
"""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from helmtool.errors import InvalidInput, Problem
from helmtool.model.path import Path, dotted
from helmtool.model.values import Values

# A ValidationError of jsonschema, which is imported only where it is needed and is typed more loosely than it is.
_Error = Any

_LONGEST_SHOWN = 60
SUGGESTED = 50
"""Unknown keys of one mapping that are compared with those that are known: a generated file may have thousands."""
# Where one value breaks several rules, the first of these says most; the rest would be noise.
_ORDER = ("additionalProperties", "required", "type", "const", "enum", "minimum", "maximum", "not", "pattern")


def check(values: Values, schema: dict[str, Any]) -> list[Problem]:
    """Every way in which the values break the schema, one problem per value, in the order of the files' lines."""
    from jsonschema import Draft7Validator

    try:
        findings = [finding for error in _once(Draft7Validator(schema).iter_errors(values.data)) for finding in _findings(error)]
    except Exception:
        _check_schema(schema)
        raise SchemaInvalid(
            "the chart's values.schema.json cannot be used: a reference in it leads nowhere or round in a circle", hint="make schemas"
        ) from None
    findings.sort(key=lambda finding: finding.rank)
    first: dict[Path, _Finding] = {}
    for finding in findings:
        first.setdefault(finding.path, finding)
    found = [_problem(values, finding) for finding in first.values()]
    return sorted(found, key=lambda problem: (problem.file, problem.line, problem.column, problem.path))


def _once(errors: Iterator[_Error]) -> Iterator[_Error]:
    """jsonschema has an error for each key that is missing, and each of them names all keys that are required."""
    said = set()
    for error in errors:
        place = (tuple(error.absolute_path), tuple(error.absolute_schema_path))
        if error.validator != "required" or place not in said:
            said.add(place)
            yield error


class SchemaInvalid(InvalidInput):
    """The schema is no schema: jsonschema stumbles over it."""

    code = "schema"


def _check_schema(schema: dict[str, Any]) -> None:
    from jsonschema import Draft7Validator, SchemaError

    try:
        with contextlib.suppress(RecursionError, AttributeError):
            Draft7Validator.check_schema(schema)
    except SchemaError as error:
        where = dotted(tuple(error.absolute_path)) or "the top"
        raise SchemaInvalid(f"the chart's values.schema.json is not a JSON schema (draft 7): see {where}", hint="make schemas") from None


class _Finding(NamedTuple):
    """A broken rule; `at_key` where the key is at fault, not its value."""

    path: Path
    rule: str
    message: str
    at_key: bool = False

    @property
    def rank(self) -> int:
        return _ORDER.index(self.rule) if self.rule in _ORDER else len(_ORDER)


def _problem(values: Values, finding: _Finding) -> Problem:
    deleted = values.deleted.get(finding.path) if finding.rule == "required" else None
    origin = deleted or values.origin(finding.path)
    message = f"{finding.message}: the null here deletes it" if deleted else finding.message
    if origin is None:
        return Problem(message, path=dotted(finding.path))
    at_key = (finding.at_key or finding.rule == "required") and deleted is None and origin.key_line
    line, column = (origin.key_line, origin.key_column) if at_key else (origin.line, origin.column)
    return Problem(message, origin.file, line, column, dotted(finding.path))


def _findings(error: _Error) -> Iterator[_Finding]:
    path: Path = tuple(error.absolute_path)
    rule = str(error.validator)
    if "propertyNames" in error.absolute_schema_path and isinstance(error.instance, str):
        yield _Finding((*path, error.instance), rule, f"a key like this is not allowed{_explained(_parent_rule(error))}", at_key=True)
    elif rule == "additionalProperties" and isinstance(error.instance, dict):
        yield from _unknown_keys(error, path)
    elif rule == "required":
        yield from (_Finding((*path, name), rule, "is missing") for name in error.validator_value if name not in error.instance)
    elif error.context:
        yield from _alternatives(error, path, rule)
    else:
        yield _Finding(path, rule, _message(error, rule, _is_secret(path)))


def _parent_rule(error: _Error) -> Mapping[str, Any]:
    """The schema that describes a key's name: the one of the broken rule, or the one around a `not`."""
    schema = error.schema
    return schema if isinstance(schema, dict) else {}


def _unknown_keys(error: _Error, path: Path) -> Iterator[_Finding]:
    schema: Mapping[str, Any] = _parent_rule(error)
    known = list(schema.get("properties", {}))
    for number, key in enumerate(key for key in error.instance if key not in known):
        rest = _instead(str(key), known) if number < SUGGESTED else ""
        yield _Finding((*path, key), "additionalProperties", f"unknown key{rest}", at_key=True)


def _instead(key: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    return f", did you mean {close[0]}?" if close else f", known here: {', '.join(known) or 'none'}"


def _alternatives(error: _Error, path: Path, rule: str) -> Iterator[_Finding]:
    """Of several allowed forms, the problems of the one that fits best."""
    forms: dict[Any, list[_Error]] = {}
    for part in error.context or ():
        forms.setdefault(part.schema_path[0] if part.schema_path else 0, []).append(part)
    closest = min(forms.values(), key=len)
    if len(forms) == 1 or any(part.absolute_path != error.absolute_path for part in closest):
        for part in closest:
            yield from _findings(part)
    else:
        reasons = [_message(part, str(part.validator), _is_secret(path)) for parts in forms.values() for part in parts]
        yield _Finding(path, rule, " or ".join(dict.fromkeys(reasons)))


def _is_secret(path: Path) -> bool:
    return path[:1] == ("secrets",)


def _message(error: _Error, rule: str, secret: bool) -> str:
    """The broken rule in words; the value only where it is short and no secret."""
    write = _WORDS.get(rule)
    if write is None:
        return f"breaks the rule `{rule}` of the schema{_explained(_parent_rule(error))}"
    message = write(error)
    if rule in _SHOWS_VALUE and not secret:
        message += _found(error.instance)
    elif rule in _SHOWS_LENGTH and not secret:
        message += f", found {len(error.instance)}"
    return message


def _found(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return ""
    text = _written(value)
    return f", found {text}" if len(text) <= _LONGEST_SHOWN and text.isprintable() else ""


def _written(value: Any) -> str:
    """A value as YAML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _type_name(value: Any) -> str:
    if value is None:
        return "null"
    # bool before int, which it is in Python.
    names = ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"), (list, "array"), (dict, "object"))
    return next((name for kind, name in names if isinstance(value, kind)), "something else")


def _wrong_type(error: _Error) -> str:
    expected = error.validator_value
    names = " or ".join(expected) if isinstance(expected, list) else expected
    found = _type_name(error.instance)
    advice = ": put it in quotes" if names == "string" and found in ("integer", "number", "boolean") else ""
    advice = ": write it without quotes" if names in ("integer", "number", "boolean") and found == "string" else advice
    return f"expected {names}, found {found}{advice}"


def _not_allowed(error: _Error) -> str:
    rule = error.validator_value
    if isinstance(rule, dict) and rule.get("pattern") == "\n":
        return "a line break is not allowed"
    if _parent_rule(error).get("contentEncoding") == "base64":
        return "expected base64 on one line"
    return f"this value is not allowed{_explained(_parent_rule(error))}"


def _wrong_enum(error: _Error) -> str:
    allowed = [_written(item) for item in error.validator_value]
    texts = [item for item in error.validator_value if isinstance(item, str)]
    secret = _is_secret(tuple(error.absolute_path))
    close = [] if secret or not isinstance(error.instance, str) else difflib.get_close_matches(error.instance, texts, n=1, cutoff=0.5)
    return f"expected one of {', '.join(allowed)}" + (f" (did you mean {close[0]}?)" if close else "")


def _explained(schema: Mapping[str, Any]) -> str:
    """The rule's title and examples, as the schema gives them."""
    examples = [_written(item) for item in schema.get("examples", []) if item not in ("", None) and not isinstance(item, (dict, list))]
    title = str(schema.get("title", "")).rstrip(".")
    return (f" ({title})" if title else "") + (f", for example {', '.join(examples[:3])}" if examples else "")


def _limit(words: str, unit: str = "") -> Callable[[_Error], str]:
    return lambda error: f"expected {words} {error.validator_value}{unit}"


_WORDS: dict[str, Callable[[_Error], str]] = {
    "type": _wrong_type,
    "enum": _wrong_enum,
    "const": lambda error: f"expected {_written(error.validator_value)}",
    "not": _not_allowed,
    "pattern": lambda error: f"does not have the form that is expected{_explained(_parent_rule(error))}",
    "minimum": _limit("at least"),
    "maximum": _limit("at most"),
    "exclusiveMinimum": _limit("more than"),
    "exclusiveMaximum": _limit("less than"),
    "multipleOf": _limit("a multiple of"),
    "minLength": _limit("at least", " characters"),
    "maxLength": _limit("at most", " characters"),
    "minItems": _limit("at least", " items"),
    "maxItems": _limit("at most", " items"),
    "minProperties": _limit("at least", " keys"),
    "maxProperties": _limit("at most", " keys"),
    "uniqueItems": lambda _error: "an item stands here twice",
    "additionalItems": lambda _error: "more items than are allowed",
}
_SHOWS_VALUE = frozenset(["enum", "const", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"])
_SHOWS_LENGTH = frozenset(["minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"])
