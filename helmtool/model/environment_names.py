"""The words after a command that takes several environments: names, shell-style patterns of names, and perhaps a tag."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Sequence

from helmtool.errors import InvalidInput, UsageError
from helmtool.model.environment import UnknownEnvironment
from helmtool.model.tag import InvalidTag, parse_tag

WILD = "*?["
Known = Callable[[], Sequence[str]]
"""Gives the names of all environments; the file is only read where that is needed."""


class NothingFits(InvalidInput):
    """A pattern that fits no environment."""

    code = "nothing-fits"

    def __init__(self, pattern: str, known: Sequence[str]) -> None:
        super().__init__(f"no environment fits the pattern `{pattern}`", hint=f"values/environments.yaml has {', '.join(known)}")


def choose(words: Sequence[str], known: Known) -> list[str]:
    """The names that the words mean, each once: a pattern those that it fits, in the file's order; any other word itself.

    Where there are several words or a pattern, raises UnknownEnvironment and NothingFits; one plain word is left to who uses it.
    """
    if len(words) <= 1 and not any(map(is_pattern, words)):
        return list(words)
    names = known()
    return list(dict.fromkeys(name for word in words for name in _meant(word, names)))


def split_tag(words: Sequence[str], known: Known, *, required: bool) -> tuple[list[str], str | None]:
    """The names, and the last word where it is a TAG: where it is neither an environment's name nor a pattern.

    No word is both: a tag has capitals, a name has none. Raises UsageError where a tag or an environment is missing, and what `choose`
    raises.
    """
    *others, last = words
    early = next((word for word in others if _parses(word)), None)
    if early:
        raise UsageError(f"`{last}` stands behind the TAG {early}, which is the last word")
    if _is_tag(last, others, known, required=required):
        if not others:
            raise UsageError("Missing argument 'ENV': there is only a TAG")
        return choose(others, known), last
    if required:
        raise UsageError("Missing argument 'TAG': the last word is an environment" if others else "Missing argument 'TAG'.")
    return choose(words, known), None


def is_pattern(word: str) -> bool:
    """Whether the word is a pattern, as a shell has them: no name has one of these characters."""
    return any(character in word for character in WILD)


def _is_tag(last: str, others: Sequence[str], known: Known, *, required: bool) -> bool:
    try:
        parse_tag(last)
    except InvalidTag as error:
        if is_pattern(last) or not others:
            return False
        names = known()
        if last not in names and not error.suggestion:
            _refuse_misspelt(last, names)
        return last not in names
    return required or bool(others)


def _parses(word: str) -> bool:
    try:
        parse_tag(word)
    except InvalidTag:
        return False
    return True


def _refuse_misspelt(word: str, names: Sequence[str]) -> None:
    """Raises UnknownEnvironment where the word is almost a name and begins as it does: `prdo`, but not `latest` for `test1`."""
    import difflib

    if any(name[:1] == word[:1] for name in difflib.get_close_matches(word, names, n=1)):
        raise UnknownEnvironment(word, tuple(names))


def _meant(word: str, names: Sequence[str]) -> list[str]:
    if is_pattern(word):
        found = [name for name in names if fnmatch.fnmatchcase(name, word)]
        if not found:
            raise NothingFits(word, names)
        return found
    if word not in names:
        raise UnknownEnvironment(word, tuple(names))
    return [word]
