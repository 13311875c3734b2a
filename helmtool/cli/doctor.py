"""The command that looks whether everything is there that the others need."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from helmtool.cli.harmless import one_line
from helmtool.cli.options import complete_environment, terminal, with_globals

MARKS = {"ok": "done", "doubt": "warn", "failed": "error"}


def add_to(app: typer.Typer) -> None:
    """Adds the command to the program."""
    app.command(epilog="Example: helmtool doctor prod")(with_globals(doctor))


def doctor(
    env: Annotated[
        str | None,
        typer.Argument(metavar="[ENV]", help="Also look at its cluster.", autocompletion=complete_environment, show_default=False),
    ] = None,
) -> None:
    """Check programs, kubeconfig, cluster, rights, prerequisites and registry: one line each, with the fix; changes nothing."""
    from helmtool.operations.doctor import doctor as operation

    found = []
    for finding in operation(env, terminal.settings):
        found.append(finding)
        if not terminal.as_json:
            _show(finding)
    if terminal.as_json:
        terminal.document([{"check": f.name, "verdict": f.verdict.value, "text": f.text, "fix": f.fix} for f in found])
    if any(finding.verdict.value == "failed" for finding in found):
        raise typer.Exit(1)


def _show(finding: Any) -> None:
    mark = terminal.mark(MARKS[finding.verdict.value], sys.stdout)
    terminal.data(f"{mark} {finding.name:<13} {one_line(finding.text)}")
    if finding.fix and finding.verdict.value != "ok":
        terminal.data(f"  {'':<13} fix: {one_line(finding.fix)}")
