"""Reviews of several environments as one Markdown document: a table of all, and a section for each, within the limit of one comment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from helmtool.cli.review.markdown import MOST_CHARACTERS, code_span, markdown
from helmtool.cli.review.texts import counts, title
from helmtool.errors import HelmtoolError

Document = Mapping[str, Any]


def sections(found: Mapping[str, Document | HelmtoolError]) -> str:
    """The documents by environment, or why there is none, in their order and in at most 65,536 characters for up to 64 of them.

    What does not fit is shortened where it is longest; a section that would be too short is replaced by its verdict.
    """
    head = "\n".join(["| environment | changes | |", "|---|---|---|", *(_row(name, one) for name, one in found.items()), "", ""])
    room = MOST_CHARACTERS - len(head)
    whole = {name: _section(name, one) for name, one in found.items()}
    fitted: dict[str, str] = {}
    for left, name in enumerate(sorted(whole, key=lambda name: len(whole[name]))):
        share = room // (len(whole) - left) - 1
        fitted[name] = whole[name] if len(whole[name]) <= share else _shortened(name, found[name], share)
        room -= len(fitted[name]) + 1
    return head + "\n".join(fitted[name] for name in found)


def _row(name: str, one: Document | HelmtoolError) -> str:
    if isinstance(one, HelmtoolError):
        return f"| {code_span(name)} | not known | {code_span(one.message)} |"
    return f"| {code_span(name)} | {counts(one)} | {one['impact']['text']} |"


def _section(name: str, one: Document | HelmtoolError) -> str:
    if isinstance(one, HelmtoolError):
        return _lines([f"## {code_span(name)}", "", f"Not known: {code_span(one.message)}"])
    return markdown(one)


def _shortened(name: str, one: Document | HelmtoolError, share: int) -> str:
    if isinstance(one, HelmtoolError):
        return _section(name, one)
    text = markdown(one, share)
    if len(text) <= share:
        return text
    said = f"**{one['impact']['text']}** {counts(one)}; there is no room for them here: {code_span(f'helmtool diff {name}')}."
    return _lines([f"## {code_span(title(one))}", "", said])


def _lines(lines: Sequence[str]) -> str:
    return "\n".join(lines) + "\n"
