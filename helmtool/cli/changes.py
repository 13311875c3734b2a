"""Changes as people and scripts see them, and the question before they are made."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from helmtool.cli.confirm import confirmed
from helmtool.cli.options import terminal

if TYPE_CHECKING:
    from helmtool.model.change import Change
    from helmtool.model.environment import Environment


SIDES = ("live", "new")
"""What the two sides of a diff are called where a release or rollback is shown."""


def confirm_changes(environment: Environment, changes: Sequence[Change], question: str, yes: bool) -> bool:
    """Shows what will change; asks where the environment is protected. Gives whether a person was asked. Raises NotConfirmed."""
    if not terminal.quiet:
        print_changes(changes, sys.stderr)
    return confirmed(environment, question, yes, [line for change in changes for line in change.unified()])


def print_changes(changes: Sequence[Change], stream: Any, base: str = "") -> None:
    """One line for each object: what happens to it, and what that means for the service."""
    if not changes:
        terminal.line(stream, f"no changes{f' from {base}' if base else ''}")
        return
    width = max(len(str(change.key)) for change in changes)
    for change in changes:
        verb = terminal.paint(change.verb.ljust(6), stream, {"add": "green", "remove": "red"}.get(change.verb, "yellow"))
        terminal.line(stream, f"  {verb} {str(change.key).ljust(width)}  {change.effect.label}")
        if change.problem or change.effect.serious:
            terminal.line(stream, f"         {change.problem or change.reason}")


def print_diff(changes: Sequence[Change], context: int = 3, names: tuple[str, str] = SIDES) -> None:
    """The changes as one unified diff on stdout."""
    terminal.diff([line for change in changes for line in change.unified(context, names)])


def change_document(change: Change, context: int = 3, names: tuple[str, str] = SIDES) -> dict[str, Any]:
    """A change as JSON has it."""
    return {
        "kind": change.key.kind,
        "name": change.key.name,
        "apiVersion": change.key.api_version,
        "change": change.verb,
        "effect": change.effect.label,
        "reason": change.problem or change.reason,
        "diff": change.unified(context, names),
    }
