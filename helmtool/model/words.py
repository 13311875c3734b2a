"""Two lines that replace each other, as runs of words that are the same and that are not."""

from __future__ import annotations

import difflib
import re

Run = tuple[str, bool]
"""A piece of a line, and whether the other line lacks it."""
_WORDS = re.compile(r"\w+|\s+|[^\w\s]")
LONGEST = 400
"""Words: lines beyond that are told as a whole, since comparing takes time that grows with the square."""
LEAST_ALIKE = 0.3
"""Of lines less alike than this, marks on single words say nothing."""


def compare_words(before: str, after: str) -> tuple[list[Run], list[Run]]:
    """Both lines in runs; where they have too little in common, each is one run that differs."""
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    if not before or not after or len(old) + len(new) > LONGEST:
        return _whole(before), _whole(after)
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    if matcher.ratio() < LEAST_ALIKE:
        return _whole(before), _whole(after)
    codes = matcher.get_opcodes()
    return (
        [("".join(old[a:b]), tag != "equal") for tag, a, b, _, _ in codes if a < b],
        [("".join(new[c:d]), tag != "equal") for tag, _, _, c, d in codes if c < d],
    )


def _whole(line: str) -> list[Run]:
    return [(line, True)] if line else []
