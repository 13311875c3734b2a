"""The command that frees what a killed command left behind."""

from __future__ import annotations

import sys
from typing import Any

import typer

from helmtool.cli.changes import print_changes
from helmtool.cli.confirm import require_terminal, require_yes
from helmtool.cli.harmless import one_line
from helmtool.cli.options import EnvArgument, TimeoutOption, YesOption, terminal, with_globals


def add_to(app: typer.Typer) -> None:
    """Adds the command to the program."""
    app.command(epilog="Example: helmtool unlock prod")(with_globals(unlock))


def unlock(env: EnvArgument, yes: YesOption = False, timeout: TimeoutOption = "10m") -> None:
    """Show who holds the release, or what was left pending; free it, and go back to what served before."""
    from helmtool.cli.running import run
    from helmtool.operations.unlock import unlock as operation

    def confirm(left: Any, plan: Any) -> None:
        _show(left, plan)
        if not yes:
            require_terminal("a plain helm may still be at it" if left.pending else "somebody else's lock is removed", "add --yes")
            require_yes(f"Free {env}, and go back to revision {plan.target.number}?" if plan else f"Free {env}?")

    left, number = run(operation(env, timeout, terminal.settings, terminal, confirm))
    if terminal.as_json:
        terminal.document(_document(env, left, number))
    elif left.nothing:
        terminal.data(f"{env} is free")
    else:
        served = left.target or left.pending
        terminal.data(f"{env} is free" + (f"; revision {number} serves what revision {served.number} was" if served else ""))


def _show(left: Any, plan: Any) -> None:
    """What was found, in words that let a person decide."""
    if left.lease:
        terminal.line(sys.stderr, f"  lock     {one_line(str(left.lease))}; not renewed, so that command is gone")
    if left.pending:
        terminal.line(sys.stderr, f"  pending  revision {left.pending.number} is {left.pending.status.value} since {left.pending.updated}")
        if left.lease is None:
            terminal.warn("no helmtool holds the lock; whether a plain helm is at it, nothing in the cluster can tell")
        if left.target is None:
            terminal.warn(f"nothing served before: revision {left.pending.number} itself is applied once more")
    if plan:
        print_changes(plan.changes, sys.stderr)


def _document(env: str, left: Any, number: int | None) -> dict[str, Any]:
    lease, pending = left.lease, left.pending
    return {
        "environment": env,
        "lock": {"who": lease.who, "command": lease.command, "since": lease.since} if lease else None,
        "pending": {"revision": pending.number, "status": pending.status.value, "since": pending.updated} if pending else None,
        "revision": number,
    }
