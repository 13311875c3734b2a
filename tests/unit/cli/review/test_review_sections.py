"""Several reviews as one Markdown document: all of them are in it, and it is never too long."""

from __future__ import annotations

import re
from typing import Any

import pytest
from test_review_markdown import change, document, outside

from helmtool.cli.review.markdown import MOST_CHARACTERS, markdown
from helmtool.cli.review.sections import sections
from helmtool.errors import HelmtoolError, OperationFailed


def test_what_fits_is_whole() -> None:
    one, other = document(change("m"), environment="test1"), document(environment="test2")
    failed = OperationFailed("the API server | does not answer")
    text = sections({"test1": one, "test2": other, "test3": failed})
    assert markdown(one) in text
    assert markdown(other) in text
    assert "| `test1` | 1 object: 1 changed | No pod restarts. |" in text
    assert text.endswith("## `test3`\n\nNot known: `the API server \\u007c does not answer`\n")


@pytest.mark.parametrize("number", [2, 16, 64])
@pytest.mark.parametrize("lines", [10, 300, 3000])
def test_it_is_never_too_long_and_names_every_environment(number: int, lines: int) -> None:
    found: dict[str, dict[str, Any] | HelmtoolError] = {
        f"test{n}": document(*[change(f"m{k}", diff=[f"+{'x' * 99}"] * lines) for k in range(5)], environment=f"test{n}")
        for n in range(number)
    }
    found |= {"small": document(change("kept"), environment="small"), "lost": OperationFailed("e" * 9000)}
    text = sections(found)
    assert len(text) <= MOST_CHARACTERS
    outside(text)
    heads = re.findall(r"^## `(\w+)", text, re.MULTILINE)
    assert heads == [*found]
    assert "ConfigMap/kept" in text
