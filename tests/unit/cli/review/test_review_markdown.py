"""A review as Markdown: never too long, the gravest kept, and nothing of an object gets out of its span, fence or summary."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from helmtool.cli.review.markdown import MOST_CHARACTERS, markdown
from helmtool.cli.review.texts import printable
from helmtool.model.change import Effect

ORDER = [effect.label for effect in reversed(Effect)]
# What breaks out of Markdown and HTML, more often than chance would bring it.
HOSTILE = st.lists(
    st.sampled_from(
        ["`", "```", "````", "|", "\\", "\n", "\n\n", "</details>", "<b>", "@all", "#1", "~~~", "  ", "\r", "\u2028", "\u202e", "-", "+"]
    )
    | st.text(max_size=4),
    max_size=8,
).map("".join)


def change(
    name: str = "m", effect: str = "in place", diff: list[str] | None = None, cause: str = "a: x.yaml:1", path: str = "data.k"
) -> dict[str, Any]:
    source = {"text": cause, "guess": False}
    lines = ["--- live", "+++ new", *(diff if diff is not None else ["@@ -1 +1 @@", "-old", "+new"])]
    field = {"path": path, "before": "old", "after": "new", "provenance": [source]}
    return {"kind": "ConfigMap", "name": name, "change": "change", "effect": effect, "reason": "r", "diff": lines, "fields": [field]}


def document(*changes: dict[str, Any], **more: Any) -> dict[str, Any]:
    ordered = sorted(changes, key=lambda c: ORDER.index(c["effect"]))
    return {
        "environment": "prod",
        "base": "live",
        "target": "new",
        "summary": {"objects": len(changes), "added": 0, "changed": len(changes), "removed": 0},
        "impact": {"effect": "in place", "text": "No pod restarts.", "reasons": []},
        "warnings": [],
        "conflicts": [],
        "notes": [],
        "changes": ordered,
        **more,
    }


def outside(text: str) -> list[str]:
    """The lines outside of fences, as CommonMark finds these; a fence that stays open fails."""
    lines, fence = [], ""
    for line in text.split("\n"):
        run = re.match(r" {0,3}(`{3,})", line)
        if fence:
            fence = "" if run and len(run[1]) >= len(fence) and not line.strip(" `") else fence
        elif run and "`" not in line[run.end() :]:
            fence = run[1]
        else:
            lines.append(line)
    assert not fence
    return lines


def without_spans(line: str) -> str:
    """A line without its code spans, as CommonMark finds these: a run of backticks up to the next run of that length."""
    return re.sub(r"(?<!`)(`+)(?!`)(.*?)(?<!`)\1(?!`)", "SPAN", line)


def test_the_verdict_comes_first() -> None:
    text = markdown(
        document(change(), impact={"text": "Downtime: x.", "reasons": [{"object": "D/d", "effect": "downtime", "reason": "why"}]})
    )
    assert text.splitlines()[:5] == ["## `prod: live → new`", "", "**Downtime: x.** 1 object: 1 changed.", "", "- `D/d`, downtime: `why`"]
    assert "| `ConfigMap/m` | change | in place | `a: x.yaml:1` |" in text
    assert "- `data.k`: `a: x.yaml:1`" in text
    assert "```diff\n--- live\n+++ new\n@@ -1 +1 @@\n-old\n+new\n```" in text


def test_nothing_changes() -> None:
    assert "|" not in markdown(document())


def parsed(text: str) -> list[str]:
    """What CommonMark with GitHub's tables makes of a text: the kind of each block and of each piece of a line, HTML as it is."""
    found = []
    for token in MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text):
        found += [f"{token.type} {token.content if token.type == 'html_block' else token.info}"]
        found += [f"{child.type} {child.content if child.type != 'code_inline' else ''}" for child in token.children or ()]
    return found


def hostile_document(name: str, cause: str, path: str, diff: list[str]) -> dict[str, Any]:
    """Each text begins with a letter, for an empty one has no span."""
    name, cause, path = (f"x{text}" for text in (name, cause, path))
    reason = {"object": name, "effect": "downtime", "reason": cause}
    impact = {"text": "T.", "reasons": [reason]}
    changes = [change(name, diff=[f"{sign}{line}" for line in diff for sign in "+ "], cause=cause, path=path), change("other", "no effect")]
    return document(*changes, impact=impact, warnings=[cause], conflicts=[name], environment=name)


@given(HOSTILE, HOSTILE, HOSTILE, st.lists(HOSTILE, max_size=4))
def test_nothing_breaks_out(name: str, cause: str, path: str, diff: list[str]) -> None:
    """A real parser finds the same structure whatever the texts are; but for the name in the summary, which is escaped there."""
    plain, hostile = (markdown(hostile_document(*texts)) for texts in (("", "", "", []), (name, cause, path, diff)))
    escaped = html.escape(printable(f"x{name}"))
    assert parsed(hostile) == [line.replace("ConfigMap/x<", f"ConfigMap/{escaped}<") for line in parsed(plain)]
    assert hostile.replace("\n", "").replace("\t", "").isprintable()
    for line in outside(hostile):
        bare = re.sub(r"<code>.*</code>", "CODE", line) if line.startswith("<details>") else without_spans(line)
        assert not re.search(r"[`@\\~]|#\d", bare), line


SIZES = st.lists(st.tuples(st.sampled_from(ORDER), st.integers(0, 40_000)), max_size=12)


@given(SIZES)
def test_it_is_never_too_long_and_says_what_is_left_out(sizes: list[tuple[str, int]]) -> None:
    changes = [change(f"m{n}", effect, [f"+{'x' * 99}"] * (size // 100)) for n, (effect, size) in enumerate(sizes)]
    text = markdown(document(*changes))
    assert len(text) <= MOST_CHARACTERS
    outside(text)
    unfolded = re.findall(r"<summary><code>ConfigMap/(m\d+)<", text)
    left = [c["name"] for c in sorted(changes, key=lambda c: ORDER.index(c["effect"])) if c["name"] not in unfolded]
    sentence = next((line for line in text.splitlines() if "without its diff" in line), "")
    assert sentence.startswith(f"{len(left)} of {len(changes)} objects") == bool(left)
    assert re.findall(r"ConfigMap/(m\d+)", sentence) == left


def test_of_changes_of_one_size_the_gravest_are_kept() -> None:
    changes = [change(f"{effect}-{n}", effect, [f"+{'x' * 99}"] * 100) for n in range(3) for effect in reversed(ORDER)]
    text = markdown(document(*changes))
    kept = re.findall(r"<summary><code>ConfigMap/([a-z ]+)-\d<", text)
    assert kept == ["impossible"] * 3 + ["downtime"] * 2
    assert "10 of 15 objects without its diff here" in text


@pytest.mark.parametrize("number", [400, 5000])
def test_the_worst_diff(number: int) -> None:
    long = "n" * 253
    changes = [change(f"{long}{n}", cause="c" * 5000, diff=[f"+{'y' * 500}"] * 50, path="p" * 900) for n in range(number)]
    reasons = [{"object": long * 9, "effect": "downtime", "reason": "r" * 9000}] * number
    text = markdown(document(*changes, impact={"text": "T.", "reasons": reasons}, warnings=["w" * 9000] * 99, conflicts=["c" * 9000] * 99))
    assert len(text) <= MOST_CHARACTERS
    assert re.search(rf"\d+ of {number} objects not in the table", text)
    assert re.search(r"and \d+ more\.", text)
    outside(text)
