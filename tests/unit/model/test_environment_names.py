"""The words after a command: names, patterns, and a tag at the end."""

from __future__ import annotations

import pytest

from helmtool.errors import HelmtoolError, UsageError
from helmtool.model.environment import UnknownEnvironment
from helmtool.model.environment_names import NothingFits, choose, split_tag

NAMES = ["test1", "test2", "test11", "preprod", "prod"]
REFUSED: dict[str, type[HelmtoolError]] = {"usage": UsageError, "unknown": UnknownEnvironment, "nothing": NothingFits}


def known() -> list[str]:
    return NAMES


def unread() -> list[str]:
    raise AssertionError("the file is not needed for this")


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ([], []),
        (["prod", "test1"], ["prod", "test1"]),
        (["test*"], ["test1", "test2", "test11"]),
        (["test?"], ["test1", "test2"]),
        (["test[2-9]"], ["test2"]),
        (["*prod"], ["preprod", "prod"]),
        (["prod", "*", "test1"], ["prod", "test1", "test2", "test11", "preprod"]),
        (["test1", "test1"], ["test1"]),
    ],
)
def test_names_and_patterns(words: list[str], names: list[str]) -> None:
    assert choose(words, known) == names


def test_one_plain_word_is_left_to_who_uses_it() -> None:
    assert choose(["nothing-of-this-name"], unread) == ["nothing-of-this-name"]


@pytest.mark.parametrize(
    ("words", "kind", "text"),
    [
        (["tset*"], NothingFits, "no environment fits the pattern `tset*`"),
        (["TEST*"], NothingFits, "`TEST*`"),
        (["prod", "prdo"], UnknownEnvironment, "there is no environment `prdo`"),
        (["test[*"], NothingFits, "`test[*`"),
    ],
)
def test_what_fits_nothing(words: list[str], kind: type[HelmtoolError], text: str) -> None:
    with pytest.raises(kind) as caught:
        choose(words, known)
    assert text in caught.value.message
    assert "prod" in caught.value.hint
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("words", "names", "tag"),
    [
        (["prod"], ["prod"], None),
        (["prod", "HG0105a"], ["prod"], "HG0105a"),
        (["test1", "test2"], ["test1", "test2"], None),
        (["test1", "prod", "HG0105a-stable"], ["test1", "prod"], "HG0105a-stable"),
        (["test*", "HG0105a"], ["test1", "test2", "test11"], "HG0105a"),
        (["test1", "p*"], ["test1", "preprod", "prod"], None),
        (["prod", "hg0105a"], ["prod"], "hg0105a"),  # an attempt at a tag, which the tag's own rules refuse with a better word
        (["prod", "latest"], ["prod"], "latest"),
        (["HG0105a"], ["HG0105a"], None),
    ],
)
def test_a_tag_that_may_follow(words: list[str], names: list[str], tag: str | None) -> None:
    assert split_tag(words, known, required=False) == (names, tag)


def test_the_file_is_not_read_for_one_name_and_a_tag() -> None:
    assert split_tag(["prod", "HG0105a"], unread, required=True) == (["prod"], "HG0105a")
    assert split_tag(["prod"], unread, required=False) == (["prod"], None)


@pytest.mark.parametrize(
    ("words", "required", "kind", "text"),
    [
        (["prod"], True, "usage", "Missing argument 'TAG'"),
        (["test1", "prod"], True, "usage", "Missing argument 'TAG': the last word is an environment"),
        (["test*"], True, "usage", "Missing argument 'TAG'"),
        (["HG0105a"], True, "usage", "Missing argument 'ENV'"),
        (["prod", "HG0105a", "more"], True, "usage", "`more` stands behind the TAG HG0105a, which is the last word"),
        (["prod", "HG0105a", "test1"], False, "usage", "`test1` stands behind the TAG HG0105a"),
        (["test1", "tset2"], False, "unknown", "there is no environment `tset2`"),
        (["test1", "tset2", "HG0105a"], True, "unknown", "there is no environment `tset2`"),
        (["x*", "HG0105a"], True, "nothing", "`x*`"),
    ],
)
def test_what_is_missing_or_misspelt(words: list[str], required: bool, kind: str, text: str) -> None:
    with pytest.raises(REFUSED[kind]) as caught:
        split_tag(words, known, required=required)
    assert text in caught.value.message
