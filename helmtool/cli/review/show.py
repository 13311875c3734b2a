"""A diff in the format that was asked for; reasons are only looked for where the format shows them."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from helmtool.cli.changes import print_changes, print_diff
from helmtool.cli.options import terminal
from helmtool.errors import UsageError

if TYPE_CHECKING:
    from helmtool.model.review import Review
    from helmtool.operations.diff import Diff


class Format(StrEnum):
    """How a diff is shown."""

    TEXT = "text"
    MARKDOWN = "markdown"
    HTML = "html"
    JSON = "json"


def chosen_format(format: Format) -> Format:
    """The format that both options together ask for; what goes wrong with JSON is JSON too. Raises UsageError."""
    if terminal.as_json and format not in (Format.TEXT, Format.JSON):
        raise UsageError(f"--format {format.value} and --output json do not go together", hint="leave one of them away")
    if format is Format.JSON:
        terminal.output = format.value
    return Format.JSON if terminal.as_json else format


def show(format: Format, env: str, tag: str | None, options: dict[str, Any], context: int) -> bool:
    """Makes the diff and writes it to stdout; gives whether anything changes. Raises as the operation does."""
    return (_show_text if format is Format.TEXT else _show_review)(env, tag, options, context, format)


def _show_text(env: str, tag: str | None, options: dict[str, Any], context: int, _: Format) -> bool:
    """Shows the changes as text; gives whether there are any."""
    from helmtool.cli.running import run
    from helmtool.operations.diff import diff as operation

    found = run(operation(env, tag, terminal.settings, terminal, **options))
    _warn_of(found)
    print_diff(found.changes, context, found.names)
    print_changes(found.changes, sys.stderr, base=found.base)
    return bool(found.changes)


def _show_review(env: str, tag: str | None, options: dict[str, Any], context: int, format: Format) -> bool:
    """Shows the changes with their reasons; gives whether there are any."""
    from helmtool.cli.review.document import review_document
    from helmtool.cli.running import run
    from helmtool.operations.diff import review

    found = run(review(env, tag, terminal.settings, terminal, **options))
    _warn_of(found)
    document = review_document(found, context)
    if format is Format.JSON:
        terminal.document(document)
    else:
        terminal.data(_page_of(document, format))
    return bool(found.changes)


def _page_of(document: dict[str, Any], format: Format) -> str:
    if format is Format.HTML:
        from helmtool.cli.review.page import page

        return page(document)
    from helmtool.cli.review.markdown import markdown

    return markdown(document)


def warnings_of(found: Diff | Review) -> list[str]:
    """What a person should know beside the changes."""
    said = [f"the API server says: {text}" for text in found.warnings]
    return [*said, *(f"other hands have set fields that a release takes back: {text}" for text in found.conflicts), *found.notes]


def _warn_of(found: Diff | Review) -> None:
    for text in warnings_of(found):
        terminal.warn(text)
