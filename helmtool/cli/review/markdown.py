"""A review as Markdown for a merge request: the verdict, a table, and each object's diff to unfold.

Text of objects stands only in code spans, in fences and, escaped, in summaries: there neither Markdown nor mentions work.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from helmtool.cli.review.texts import causes, counts, object_name, printable, title, told

Document = Mapping[str, Any]
MOST_CHARACTERS = 65_536
"""The most that a comment of GitHub may have; GitLab's may be longer."""
SPARED = 3_000
"""Characters kept for saying what was left out."""
TABLE_SHARE = 0.4
"""The most of the room that the table of objects takes."""
NAMED = 20
"""How many of the objects that were left out are named."""
MOST_CAUSES, MOST_FIELDS, MOST_REASONS = 3, 20, 5
LONGEST_SPAN = 200


def markdown(document: Document, most: int = MOST_CHARACTERS) -> str:
    """The review in at most so many characters, the gravest changes first and kept the longest; what was left out is counted and named.

    With less than some 10,000 it may be longer: its head, and the names of what was left out, always stay.
    """
    changes = document["changes"]
    head = "\n".join(_head(document))
    rows, unlisted = _fitting([_row(change) for change in changes], int(TABLE_SHARE * most))
    table = ["| object | change | effect | cause |", "|---|---|---|---|", *rows] if rows else []
    room = most - SPARED - len(head) - len("\n".join(table))
    kept, unfolded = _fitting([_details(change) for change in changes], room)
    tail = [*_left_out(changes, unlisted, "not in the table"), *_left_out(changes, unfolded, "without its diff here")]
    return "\n".join([head, *table, "", *kept, *tail]).rstrip() + "\n"


def _fitting(parts: Sequence[str], room: int) -> tuple[list[str], list[int]]:
    """The parts that fit, whole and in their order, and the places of those that do not."""
    kept, left = [], []
    for place, part in enumerate(parts):
        room -= len(part) + 1
        if room >= 0:
            kept.append(part)
        else:
            room += len(part) + 1
            left.append(place)
    return kept, left


def _head(document: Document) -> Iterator[str]:
    impact = document["impact"]
    yield f"## {code_span(title(document))}"
    yield ""
    yield f"**{impact['text']}** {counts(document)}."
    yield ""
    yield from _first([f"{code_span(r['object'])}, {r['effect']}: {code_span(r['reason'])}" for r in impact["reasons"]])
    yield from _first([f"The API server says: {code_span(text)}" for text in document["warnings"]])
    yield from _first([f"Other hands have set fields that a release takes back: {code_span(text)}" for text in document["conflicts"]])
    yield from _first([code_span(text) for text in document["notes"]])
    yield ""


def _first(items: Sequence[str]) -> Iterator[str]:
    """The first few as a list, the rest as a number."""
    yield from (f"- {item}" for item in items[:MOST_REASONS])
    if len(items) > MOST_REASONS:
        yield f"- and {len(items) - MOST_REASONS} more"


def _row(change: Document) -> str:
    found = causes(change)
    more = f" and {len(found) - MOST_CAUSES} more" if len(found) > MOST_CAUSES else ""
    told_causes = "<br>".join(code_span(text) for text in found[:MOST_CAUSES]) + more
    return f"| {code_span(object_name(change))} | {change['change']} | {change['effect']} | {told_causes} |"


def _details(change: Document) -> str:
    summary = f"<code>{html.escape(printable(object_name(change)))}</code>: {change['change']}, {change['effect']}"
    return "\n".join([f"<details><summary>{summary}</summary>", "", *_fields(change), *_fence(change["diff"]), "", "</details>", ""])


def _fields(change: Document) -> Iterator[str]:
    """What made each field differ, as a list."""
    fields = [field for field in change["fields"] if field["provenance"]]
    for field in fields[:MOST_FIELDS]:
        yield f"- {code_span(field['path'] or 'the whole object')}: {', '.join(code_span(told(source)) for source in field['provenance'])}"
    if len(fields) > MOST_FIELDS:
        yield f"- and {len(fields) - MOST_FIELDS} more fields"
    if fields:
        yield ""


def _fence(lines: Sequence[str]) -> list[str]:
    """The lines in a fence longer than any run of backticks in them."""
    shown = [printable(line) for line in lines]
    fence = "`" * max(3, _longest_run("\n".join(shown)) + 1)
    return [f"{fence}diff", *shown, fence]


def code_span(text: str) -> str:
    """The text as a code span that nothing in it can end; a bar, which would end a table's cell, becomes its code."""
    shown = printable(text).replace("|", "\\u007c").replace("\t", " ").strip()
    shown = shown if len(shown) <= LONGEST_SPAN else shown[: LONGEST_SPAN - 1] + "…"
    ticks = "`" * (_longest_run(shown) + 1)
    padding = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{ticks}{padding}{shown}{padding}{ticks}" if shown else ""


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)


def _left_out(changes: Sequence[Document], places: Sequence[int], what: str) -> list[str]:
    """One sentence on the objects that did not fit."""
    if not places:
        return []
    names = ", ".join(code_span(object_name(changes[place])[:60]) for place in places[:NAMED])
    more = f" and {len(places) - NAMED} more" if len(places) > NAMED else ""
    return ["", f"{len(places)} of {len(changes)} objects {what}, to stay within {MOST_CHARACTERS:,} characters: {names}{more}."]
