"""The global options: before and after the command, and what is not given keeps what is set."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from helmtool.cli.options import DEFAULTS, GLOBAL, Output, apply_globals, reset, terminal, with_globals
from helmtool.cli.terminal import Terminal

CHECKOUT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    level = logging.getLogger("helmtool").level
    reset()
    yield
    reset()
    logging.getLogger("helmtool").setLevel(level)


def given(**changed: Any) -> dict[str, Any]:
    return DEFAULTS | changed


def test_every_global_option_has_a_default() -> None:
    assert set(GLOBAL) == set(DEFAULTS)


def test_what_is_given_is_set_and_what_is_not_stays() -> None:
    target = Terminal()
    apply_globals(target, given(config_dir=Path("/a"), kubeconfig="k", output=Output.JSON, quiet=True))
    apply_globals(target, given(kube_context="c", no_color=True))
    apply_globals(target, given())
    assert (target.settings.config_dir, target.settings.kubeconfig, target.settings.kube_context) == (Path("/a"), "k", "c")
    assert (target.output, target.quiet, target.no_color, target.verbose) == ("json", True, True, 0)


def test_the_last_one_wins() -> None:
    target = Terminal()
    apply_globals(target, given(kubeconfig="first", output=Output.JSON))
    apply_globals(target, given(kubeconfig="second", output=Output.TEXT))
    assert (target.settings.kubeconfig, target.output) == ("second", "text")


@pytest.mark.parametrize(("count", "level"), [(1, logging.INFO), (2, logging.DEBUG), (3, logging.DEBUG)])
def test_verbose_shows_programs_then_requests(count: int, level: int) -> None:
    target = Terminal()
    apply_globals(target, given(verbose=count))
    apply_globals(target, given())
    assert target.verbose == count
    assert logging.getLogger("helmtool").level == level


def test_reset_forgets_everything() -> None:
    apply_globals(terminal, given(kubeconfig="k", output=Output.JSON, quiet=True, no_color=True, config_dir=Path("/a")))
    reset()
    assert terminal == Terminal()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--kubeconfig", "k", "-q", "show", "prod", "--flag"],
        ["show", "--kubeconfig", "k", "prod", "-q", "--flag"],
        ["-q", "show", "prod", "--flag", "--kubeconfig=k"],
        ["--kubeconfig", "other", "show", "prod", "--flag", "-q", "--kubeconfig", "k"],
    ],
)
def test_before_and_after_the_command(arguments: list[str]) -> None:
    seen: list[Any] = []
    app = typer.Typer()

    def show(env: str, flag: bool = False) -> None:
        """Show something."""
        seen.append((env, flag, terminal.settings.kubeconfig, terminal.quiet))

    def root() -> None:
        """A program."""

    app.callback()(with_globals(root))
    app.command()(with_globals(show))
    app(args=arguments, standalone_mode=False)
    assert seen == [("prod", True, "k", True)]


def test_a_command_keeps_its_name_and_its_words() -> None:
    def show(env: str) -> None:
        """Show something."""

    command = with_globals(show)
    assert (command.__name__, command.__doc__) == ("show", "Show something.")
