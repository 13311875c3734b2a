"""A review as one HTML file that asks nothing of any network: its style and its script are in it, and nothing else may run."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from string import Template
from typing import Any

from helmtool.cli.review.texts import brief, counts, lines, object_name, printable, title, told
from helmtool.model.words import Run, compare_words

Document = Mapping[str, Any]
OPEN = ("impossible", "downtime", "restarts the pod")
"""The effects whose objects are unfolded at first."""
FEW = 5
"""So few objects are all unfolded."""
MOST_REASONS = 10
"""So many are told on top; each stands with its object too."""


def page(document: Document) -> str:
    """The review as an HTML page; every text in it is escaped, and its policy lets its own style and script run alone."""
    style, script = _file("page.css"), _file("page.js")
    return Template(_file("page.html")).substitute(
        policy=f"default-src 'none'; style-src {_digest(style)}; script-src {_digest(script)}; base-uri 'none'; form-action 'none'",
        style=style,
        script=script,
        title=_text(title(document)),
        effect=_effect_class(document["impact"]["effect"]),
        verdict=_text(document["impact"]["text"]),
        counts=_text(counts(document)),
        reasons="".join(_reasons(document)),
        values=_values(document),
        objects="".join(_object(number, change, document) for number, change in enumerate(document["changes"], 1)),
    )


@cache
def _file(name: str) -> str:
    return (files("helmtool.cli.review") / name).read_text(encoding="utf-8")


def _digest(content: str) -> str:
    """The source of a content security policy that lets exactly this content pass."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def _text(text: str) -> str:
    """Any text, made fit for an element or a quoted attribute; in ASCII, so that the page means the same in every encoding."""
    return html.escape(printable(text), quote=True).encode("ascii", "xmlcharrefreplace").decode()


def _effect_class(effect: str) -> str:
    return effect.replace(" ", "-")


def _reasons(document: Document) -> Iterator[str]:
    """What a person should look at first, the rest of each kind as a number."""
    reasons = [f"<code>{_text(r['object'])}</code>, {_text(r['effect'])}: {_text(r['reason'])}" for r in document["impact"]["reasons"]]
    warnings = [f"The API server says: {_text(text)}" for text in document["warnings"]]
    conflicts = [f"Other hands have set fields that a release takes back: {_text(text)}" for text in document["conflicts"]]
    for told_ones in (reasons, warnings, conflicts, [_text(text) for text in document["notes"]]):
        yield from (f"<li>{item}</li>\n" for item in told_ones[:MOST_REASONS])
        if len(told_ones) > MOST_REASONS:
            yield f"<li>and {len(told_ones) - MOST_REASONS} more</li>\n"


def _values(document: Document) -> str:
    if not document["values"]:
        return ""
    rows = "".join(_value(value) for value in document["values"])
    return Template(_file("values.html")).substitute(number=len(document["values"]), source=_text(document["valuesFrom"] or ""), rows=rows)


def _value(value: Document) -> str:
    place = f"{value['file']}:{value['line']}" if value["line"] else _SOURCES[value["source"]]
    return f"<tr><td><code>{_text(value['path'])}</code></td><td>{_text(value['change'])}</td><td>{_text(place)}</td></tr>\n"


_SOURCES = {"tag": "the TAG that was given", "set": "--set", "secret": "the version of the secret", "value": "the revision"}


def _object(number: int, change: Document, document: Document) -> str:
    opened = change["effect"] in OPEN or len(document["changes"]) <= FEW
    return Template(_file("object.html")).substitute(
        number=number,
        open=" open" if opened else "",
        verb=_text(change["change"]),
        name=_text(object_name(change)),
        effect=_text(change["effect"]),
        effect_class=_effect_class(change["effect"]),
        reason=_text(change["reason"]),
        fields="".join(_field(field) for field in change["fields"]),
        diff="".join(_blocks(change)),
    )


def _field(field: Document) -> str:
    before, after = compare_words(brief(field, "before"), brief(field, "after"))
    causes = "<br>".join(_text(told(source)) for source in field["provenance"]) or "not known"
    name = f"<code>{_breakable(field['path'])}</code>" if field["path"] else "the whole object"
    return f'<tr><th scope="row">{name}</th><td>{_runs(before, "del")}</td><td>{_runs(after, "ins")}</td><td>{causes}</td></tr>\n'


def _breakable(path: str) -> str:
    """The path, which a narrow column may break before each of its parts."""
    return re.sub(r"(?<=.)(?=[.\[])", "<wbr>", _text(path))


def _runs(runs: Sequence[Run], element: str) -> str:
    """A line with its words that differ marked."""
    return "".join(f"<{element}>{_text(text)}</{element}>" if differs else _text(text) for text, differs in runs)


def _blocks(change: Document) -> Iterator[str]:
    """The diff in blocks of lines that replace each other, or stay: a style shows their sides below or beside each other."""
    old: list[str] = []
    new: list[str] = []
    for sign, text in [*lines(change), ("", "")]:
        if sign == "-" and not new:
            old.append(text)
        elif sign == "+":
            new.append(text)
        else:
            yield from _replaced(old, new)
            old, new = ([text], []) if sign == "-" else ([], [])
            if sign == "@":
                yield f'<div class="hunk">{_text(text)}</div>\n'
            elif sign == " ":
                yield f'<div class="same"><div class="old">{_text(text)}</div><div class="new">{_text(text)}</div></div>\n'


def _replaced(old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    if not old and not new:
        return
    pairs = [compare_words(before, after) for before, after in zip(old, new, strict=False)]
    left = [*(runs for runs, _ in pairs), *([(text, False)] for text in old[len(pairs) :])]
    right = [*(runs for _, runs in pairs), *([(text, False)] for text in new[len(pairs) :])]
    yield '<div class="block">'
    yield from (f'<div class="old">{_runs(runs, "del")}</div>' for runs in left)
    yield from (f'<div class="new">{_runs(runs, "ins")}</div>' for runs in right)
    yield "</div>\n"
