"""The page of a review as text: escaped whatever comes, closed for everything but its own style and script."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from helmtool.cli.review.page import page

HOSTILE = st.lists(
    st.sampled_from(["<", ">", '"', "'", "&", "</script>", "<script>", "$title", "${x}", "-->", "\n", "\u202e", "\x00"])
    | st.text(max_size=3),
    max_size=6,
)
TEXT = HOSTILE.map("".join)


def document(text: str = "x", value: Any = "v") -> dict[str, Any]:
    source = {"text": text, "guess": True, "source": "value", "value": text, "file": text, "line": 1, "column": 1}
    field = {"path": text, "before": value, "after": text, "provenance": [source]}
    lines = ["--- a", "+++ b", "@@ -1 +1 @@", f" {text}", f"-{text}", f"+{text}x"]
    change = {"kind": text, "name": text, "change": "change", "effect": "downtime", "reason": text, "diff": lines, "fields": [field]}
    return {
        "environment": text,
        "base": text,
        "target": text,
        "summary": {"objects": 1, "added": 0, "changed": 1, "removed": 0},
        "impact": {"effect": "downtime", "text": text, "reasons": [{"object": text, "effect": "downtime", "reason": text}]},
        "valuesFrom": text,
        "values": [{"path": text, "change": "change", "source": "value", "file": text, "line": 1, "column": 1}],
        "warnings": [text],
        "conflicts": [text],
        "notes": [text],
        "changes": [change],
    }


class Elements(HTMLParser):
    """The names of the elements of a page and of their attributes, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[str, ...]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("wbr", "ins", "del"):  # how a line is marked depends on its words
            self.found.append((tag, tuple(name for name, _ in attrs)))


PLAIN = Elements(page(document())).found


@given(TEXT, st.recursive(TEXT | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=4))
def test_no_text_adds_an_element_or_an_attribute(text: str, value: Any) -> None:
    found = Elements(page(document(text, value))).found
    assert [element for element in found if element != ("code", ())] == [element for element in PLAIN if element != ("code", ())]


def test_the_policy_names_its_own_style_and_script_alone() -> None:
    text = page(document())
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy
    expected = {"style-src": "style", "script-src": "script"}
    digests = {
        directive: f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
        for directive, element in expected.items()
        for content in re.findall(rf"<{element}>(.*?)</{element}>", text, re.DOTALL)
    }
    rules = dict(rule.strip().split(" ", 1) for rule in policy[1].split(";"))
    assert rules == {"default-src": "'none'", "base-uri": "'none'", "form-action": "'none'", **digests}


def test_the_page_means_the_same_in_every_encoding() -> None:
    text = page(document("é → €"))
    assert text.isascii()
    assert "&#233; &#8594; &#8364;" in text


def test_nothing_is_fetched() -> None:
    assert not re.search(r"(?i)\b(?:src|href|action)=|url\(|@import|https?:", page(document()))


def test_a_value_of_many_lines_is_told_by_their_number() -> None:
    assert "(5 lines)" in page(document(value="a\nb\nc\nd\ne"))
    assert "(4 lines)" in page(document(value={"a": [1, 2, 3]}))
