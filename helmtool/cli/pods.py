"""The commands for the night: pods, logs, describe, exec, events, always of the right cluster and namespace and the right pod."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from helmtool.cli.harmless import harmless, one_line
from helmtool.cli.options import EnvArgument, terminal, with_globals
from helmtool.errors import UsageError

if TYPE_CHECKING:
    from helmtool.model.rollout_view import EventRow
    from helmtool.operations.pods import Description, PodLine

POD_HEADER = ("POD", "STATE", "RESTARTS", "AGE", "TAG", "NODE")


def add_to(app: typer.Typer) -> None:
    """Adds the commands to the program."""
    for function, example in (
        (pods, "helmtool pods prod"),
        (logs, "helmtool logs prod -f --tail 100"),
        (describe, "helmtool describe prod"),
        (exec_, "helmtool exec prod -- ls -l data/logs"),
        (events, "helmtool events prod"),
    ):
        app.command(name=function.__name__.rstrip("_"), epilog=f"Example: {example}")(with_globals(function))


def pods(env: EnvArgument) -> None:
    """Show the pods of the service: how each is, since when, on which node, and what it runs."""
    from helmtool.operations.pods import pods as operation

    found = operation(env, terminal.settings, terminal)
    if terminal.as_json:
        terminal.document([_pod_document(line) for line in found])
    else:
        _pod_table(found)


def logs(
    env: EnvArgument,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C, also in the pod that comes after this one.")] = False,
    previous: Annotated[bool, typer.Option("--previous", "-p", help="Of the container before its last restart.")] = False,
    tail: Annotated[int | None, typer.Option("--tail", metavar="N", min=0, help="Only the last N lines.", show_default=False)] = None,
) -> None:
    """Print the log of the pod that serves, else of the newest; secrets redacted."""
    from helmtool.operations.logs import logs as operation

    if follow and (terminal.as_json or previous):
        raise UsageError(f"--follow does not go with {'-o json' if terminal.as_json else '--previous'}", hint=f"helmtool logs {env}")
    lines = operation(env, terminal.settings, terminal, lines=tail, previous=previous, follow=follow)
    if terminal.as_json:
        terminal.document({"environment": env, "lines": list(lines)})
        return
    for line in lines:
        if not terminal.data(harmless(line.rstrip("\r").expandtabs()) or "\n"):
            break


def describe(env: EnvArgument) -> None:
    """Show all that is known of the service's pods: states, probes, restarts, events, and the cause where something is wrong."""
    from helmtool.operations.pods import describe as operation

    found = operation(env, terminal.settings, terminal)
    if terminal.as_json:
        terminal.document(_description_document(found))
        return
    terminal.data(harmless(f"{found.view.name}: {found.view.text}, {found.view.ready}/{found.view.desired} ready"))
    terminal.data(harmless(f"image: {found.image}") + "\n\n")
    _pod_table(found.pods)
    for line in found.pods:
        if line.row.said:
            terminal.data(f"\n{line.row.name}: {one_line(line.row.said)}")
    _causes(found)
    if found.events:
        terminal.data("\n")
        _event_table(found.events)


def exec_(
    env: EnvArgument,
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- COMMAND]...", help="What to run, after --; without it a shell.", show_default=False),
    ] = None,
) -> None:
    """Run a command in the pod that serves, else in the newest, with a terminal where there is one; ends with its exit code."""
    from helmtool.operations.shell import run_command

    if terminal.as_json:
        raise UsageError("exec does not go with -o json: what it prints is the command's own", hint=f"helmtool exec {env}")
    code = run_command(env, command or ["/bin/bash"], terminal.settings, terminal)
    if code:
        raise typer.Exit(code)


def events(env: EnvArgument) -> None:
    """Show what the cluster said about the service's objects within the last hour, oldest first."""
    from helmtool.operations.pods import events as operation

    found = operation(env, terminal.settings, terminal)
    if terminal.as_json:
        terminal.document([asdict(event) for event in found])
    elif found:
        _event_table(found)
    else:
        terminal.say("no events: a cluster keeps them for an hour")


def _pod_table(lines: list[PodLine] | tuple[PodLine, ...]) -> None:
    from helmtool.operations.clock import age

    rows = [
        (x.row.name, x.row.phase, str(x.row.restarts), age(x.row.created), x.image.partition("@")[0].rpartition(":")[2], x.node)
        for x in lines
    ]
    terminal.table(POD_HEADER, rows)


def _event_table(found: tuple[EventRow, ...]) -> None:
    from helmtool.operations.clock import age

    rows = [
        (
            age(event.at),
            f"{'!' if event.warning else ' '} {event.reason}" + (f" ({event.count} times)" if event.count > 1 else ""),
            event.about.rpartition("/")[2],
            event.message,
        )
        for event in found
    ]
    terminal.table(("SEEN", "  REASON", "OBJECT", "MESSAGE"), rows)


def _causes(found: Description) -> None:
    for cause in found.causes[:3]:
        terminal.data(f"\n{terminal.paint('cause', sys.stdout, 'yellow')} {cause.code}: {one_line(cause.text)}")
        for line in cause.evidence:
            terminal.data(f"  {one_line(line)}")
        if cause.next:
            terminal.data(f"  next: {one_line(cause.next)}")


def _pod_document(line: PodLine) -> dict[str, Any]:
    return {**asdict(line.row), "node": line.node, "image": line.image}


def _description_document(found: Description) -> dict[str, Any]:
    return {
        "deployment": found.view.name,
        "state": found.view.text,
        "ready": found.view.ready,
        "desired": found.view.desired,
        "image": found.image,
        "pods": [_pod_document(line) for line in found.pods],
        "events": [asdict(event) for event in found.events],
        "causes": [{"code": c.code, "text": c.text, "evidence": list(c.evidence), "next": c.next} for c in found.causes],
    }
