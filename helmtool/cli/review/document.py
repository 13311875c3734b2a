"""A review as the document that JSON has, redacted; the pages are made from it too, so that none shows more than another."""

from __future__ import annotations

from typing import Any

from helmtool.cli.changes import change_document
from helmtool.model.difference import ABSENT
from helmtool.model.path import dotted
from helmtool.model.provenance import Provenance, ValueChange
from helmtool.model.redaction import redact_document, redact_lines
from helmtool.model.review import ExplainedChange, ExplainedField, Review

VERSION = 1
"""Of the document's form (schemas/diff.schema.json): new keys may come within one version, none goes away or changes its meaning."""


def review_document(review: Review, context: int = 3) -> dict[str, Any]:
    """The document of `diff`, as schemas/diff.schema.json describes it, without any secret's value."""
    names = (review.base, review.target)
    document = {
        "version": VERSION,
        "environment": review.environment,
        "base": review.base,
        "target": review.target,
        "summary": review.summary,
        "impact": _impact(review),
        "valuesFrom": review.values_of or None,
        "values": [_value(value) for value in review.values],
        "warnings": list(review.warnings),
        "conflicts": list(review.conflicts),
        "notes": list(review.notes),
        "changes": [_change(explained, context, names) for explained in review.by_gravity],
    }
    redacted: dict[str, Any] = redact_document(document)
    return redacted


def _impact(review: Review) -> dict[str, Any]:
    reasons = [
        {"object": str(change.key), "effect": change.effect.label, "reason": change.problem or change.reason} for change in review.reasons
    ]
    return {"effect": review.effect.label, "downtime": review.has_downtime, "text": review.verdict, "reasons": reasons}


def _value(value: ValueChange) -> dict[str, Any]:
    verb = "add" if value.before is ABSENT else "remove" if value.after is ABSENT else "change"
    return {"path": dotted(value.path), "change": verb, "source": value.source.value, **_place(value)}


def _place(value: ValueChange) -> dict[str, Any]:
    """Where a value was written; line and column are 0 where no file is known."""
    origin = value.origin
    in_file = origin is not None and origin.line > 0 and value.source.value == "value"
    if origin is None or not in_file:
        return {"file": "", "line": 0, "column": 0}
    return {"file": origin.file, "line": origin.key_line or origin.line, "column": origin.key_column or origin.column}


def _change(explained: ExplainedChange, context: int, names: tuple[str, str]) -> dict[str, Any]:
    document = change_document(explained.change, context, names)
    # A key that goes over several lines is only recognised in all of them together.
    return {**document, "diff": redact_lines(document["diff"]), "fields": [_field(field) for field in explained.fields]}


def _field(field: ExplainedField) -> dict[str, Any]:
    difference = field.difference
    sides = {"before": difference.before, "after": difference.after}
    present = {name: side for name, side in sides.items() if side is not ABSENT}
    return {"path": difference.text, **present, "provenance": [_provenance(source) for source in field.provenance]}


def _provenance(source: Provenance) -> dict[str, Any]:
    value = source.value
    place = {"value": dotted(value.path), **_place(value)} if value else {"value": "", "file": "", "line": 0, "column": 0}
    return {"source": source.source.value, "text": source.text, "guess": source.guess, **place}
