"""The command that takes over what `kubectl apply` made."""

from __future__ import annotations

import sys
from typing import Annotated, Any, TextIO

import typer

from helmtool.cli.changes import change_document, confirm_changes, print_changes, print_diff
from helmtool.cli.options import DryRunOption, EnvArgument, WaitLockOption, YesOption, terminal, with_globals
from helmtool.errors import Refused


def add_to(app: typer.Typer) -> None:
    """Adds the command to the program."""
    app.command(epilog="Example: helmtool adopt test4 --dry-run")(with_globals(adopt))


def adopt(
    env: EnvArgument,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    undo: Annotated[bool, typer.Option("--undo", help="Give the objects back; until the first release.")] = False,
    wait_lock: WaitLockOption = "0s",
) -> None:
    """Take over objects that kubectl made, so that a release works; restarts and deletes nothing."""
    from helmtool.cli.running import run
    from helmtool.operations.adopt import AdoptOptions
    from helmtool.operations.adopt import adopt as operation

    def confirm(plan: Any) -> bool:
        return _confirm_plan(plan, env, yes=yes, undo=undo)

    plan, written = run(operation(env, AdoptOptions(dry_run, undo, wait_lock), terminal.settings, terminal, confirm))
    if terminal.as_json:
        terminal.document(_document(plan, written, dry_run=dry_run, undo=undo))
    elif dry_run:
        _show(plan, sys.stdout, undo=undo)
        print_diff([found.change for found in plan.to_write if found.change], names=("live", "given back" if undo else "adopted"))
        print_diff(plan.forecast.changes)
    else:
        terminal.data(_outcome(env, len(written), undo=undo))


def _confirm_plan(plan: Any, env: str, *, yes: bool, undo: bool) -> bool:
    """Shows what changes hands and what the next release does then; asks where the environment is protected. Raises NotConfirmed."""
    if not terminal.quiet:
        _show(plan, sys.stderr, undo=undo, changes=False)
    count = len(plan.to_write)
    question = f"Give {count} objects of {env} back?" if undo else f"Take over {count} objects of {env}? Only their metadata changes."
    changes = [found.change for found in plan.to_write if found.change] if undo else plan.forecast.changes
    try:
        return confirm_changes(plan.session.environment, changes, question, yes)
    except Refused as error:
        if error.hint:
            error.hint = f"review with helmtool adopt {env}{' --undo' if undo else ''} --dry-run, then add --yes"
        raise


def _show(plan: Any, stream: TextIO, *, undo: bool, changes: bool = True) -> None:
    """One line for each object: what happens to it and who made it; then what the next release changes."""
    width = max(len(str(found.key)) for found in plan.found)
    for found in plan.found:
        verb = ("undo" if undo else "adopt") if found.to_write else found.state.value
        terminal.line(stream, f"  {verb:<8} {str(found.key).ljust(width)}  {_hands(found)}".rstrip())
    for text in plan.forecast.conflicts:
        terminal.warn(f"other hands keep fields that a release takes back: {text}")
    if undo or not plan.to_write:
        return
    terminal.line(stream, "the next release of the image that runs would then change:")
    if changes:
        print_changes(plan.forecast.changes, stream)


def _hands(found: Any) -> str:
    if found.owner is None or not found.to_write:
        return ""
    others = f"; left alone: {', '.join(found.owner.others)}" if found.owner.others else ""
    return f"written by {', '.join(found.owner.makers) or 'nobody that is known'}{others}"


def _outcome(env: str, count: int, *, undo: bool) -> str:
    objects = "1 object" if count == 1 else f"{count} objects"
    if undo:
        return f"{objects} of {env} given back" if count else f"{env}: nothing to give back"
    return f"{objects} of {env} taken over; next: helmtool release {env} TAG" if count else f"{env}: nothing to take over"


def _document(plan: Any, written: Any, *, dry_run: bool, undo: bool) -> dict[str, Any]:
    return {
        "environment": plan.session.environment.name,
        "image": plan.image or None,
        "dryRun": dry_run,
        "undo": undo,
        "written": len(written),
        "objects": [_object(found) for found in plan.found],
        "nextRelease": [change_document(change) for change in plan.forecast.changes],
    }


def _object(found: Any) -> dict[str, Any]:
    return {
        "kind": found.key.kind,
        "name": found.key.name,
        "apiVersion": found.key.api_version,
        "before": found.state.value,
        "toWrite": found.to_write,
        "makers": list(found.owner.makers) if found.owner else [],
        "others": list(found.owner.others) if found.owner else [],
        "diff": found.change.unified() if found.change else [],
    }
