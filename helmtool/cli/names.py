"""Which environments the words of a command line mean."""

from __future__ import annotations

from collections.abc import Sequence

from helmtool.cli.options import terminal
from helmtool.errors import UsageError


def all_names() -> list[str]:
    """Every environment of the checkout, in the file's order. Raises InvalidInput."""
    from helmtool.adapters.project import find_project

    return list(find_project(terminal.settings.config_dir).environments())


def chosen(words: Sequence[str]) -> list[str]:
    """The environments that names and patterns mean. Raises UnknownEnvironment and NothingFits."""
    from helmtool.model.environment_names import choose

    return choose(words, all_names)


def chosen_with_tag(words: Sequence[str], command: str, *, required: bool) -> tuple[list[str], str | None]:
    """The environments, and the TAG behind them, which may be `required`. Raises UsageError, UnknownEnvironment and NothingFits."""
    from helmtool.model.environment_names import split_tag

    try:
        return split_tag(words, all_names, required=required)
    except UsageError as error:
        error.hint = f"helmtool {command} --help"
        raise
