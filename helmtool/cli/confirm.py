"""The question before something is written to a protected environment."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import typer

from helmtool.cli.harmless import one_line
from helmtool.cli.options import terminal
from helmtool.errors import Interrupted, Refused

if TYPE_CHECKING:
    from helmtool.model.environment import Environment


class NotConfirmed(Refused):
    """A protected environment, and nobody who said yes."""

    code = "not-confirmed"


def confirmed(environment: Environment, question: str, yes: bool, diff: Sequence[str] = ()) -> bool:
    """Asks where the environment is protected, after showing the diff. Gives whether a person was asked. Raises NotConfirmed."""
    if not environment.protected or yes:
        return False
    require_terminal(f"{environment.name} is protected", "review with helmtool diff, then add --yes")
    terminal.diff(diff, sys.stderr)
    require_yes(question)
    return True


def require_terminal(reason: str, hint: str) -> None:
    """Raises NotConfirmed where nobody can be asked; `reason` is why somebody would have to be."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise NotConfirmed(f"{reason}, and there is no terminal to ask at", hint=hint)


def require_yes(question: str) -> None:
    """Asks, and raises NotConfirmed where the answer is no."""
    if not _ask(question):
        raise NotConfirmed("not confirmed; nothing was written")


def hidden_answer(question: str) -> str | None:
    """What a person types without an echo; nothing where there is no terminal. Raises Interrupted."""
    if sys.stdin is None or not sys.stdin.isatty():
        return None
    return str(_answer(lambda: typer.prompt(one_line(question), hide_input=True, err=True)))


def _ask(question: str) -> bool:
    return bool(_answer(lambda: typer.confirm(one_line(question), err=True)))


def _answer(ask: Callable[[], Any]) -> Any:
    """Asks at the terminal. A signal ends the question at once: the event loop's own handlers only note it, and read on."""

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    handlers = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        return ask()
    except typer.Abort:
        raise Interrupted("interrupted before anything was written") from None
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
