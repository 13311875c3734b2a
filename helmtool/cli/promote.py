"""The command that takes to one environment what runs in another."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from helmtool.cli.changes import change_document, confirm_changes, print_changes, print_diff
from helmtool.cli.options import (
    DryRunOption,
    IdentityOption,
    NoteOption,
    ServicesConfigOption,
    TimeoutOption,
    WaitLockOption,
    YesOption,
    complete_environment,
    terminal,
    with_globals,
)
from helmtool.cli.releases import secret_options


def add_to(app: typer.Typer) -> None:
    """Adds the command to the program."""
    app.command(epilog="Example: helmtool promote preprod prod")(with_globals(promote))


def promote(
    source: Annotated[str, typer.Argument(metavar="FROM", help="Where it runs now.", autocompletion=complete_environment)],
    target: Annotated[str, typer.Argument(metavar="TO", help="Where it is to run.", autocompletion=complete_environment)],
    override: Annotated[str, typer.Option("--override", metavar="REASON", help="Go on whatever speaks against it; recorded.")] = "",
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    timeout: TimeoutOption = "10m",
    services_config: ServicesConfigOption = None,
    identity: IdentityOption = None,
    secrets_unchanged: Annotated[bool, typer.Option("--secrets-unchanged", help="Keep the version of the secret that is in use.")] = False,
    wait_lock: WaitLockOption = "0s",
    note: NoteOption = "",
) -> None:
    """Release to TO exactly the image and chart that run in FROM, when they have run well there."""
    from helmtool.cli.running import run
    from helmtool.operations.promote import promote as operation
    from helmtool.operations.release import ReleaseOptions

    secrets = secret_options(services_config, identity, secrets_unchanged)
    options = ReleaseOptions(dry_run=dry_run, timeout=timeout, wait_lock=wait_lock, note=note, secrets=secrets)

    def confirm(plan: Any, evidence: Any) -> bool:
        question = f"Release {plan.composed.image} to {target}, as it runs in {source} (revision {evidence.revision})?"
        return confirm_changes(plan.session.environment, plan.changes, question, yes)

    done = run(operation(source, target, override, options, terminal.settings, terminal, confirm))
    _show(done, source, target, dry_run)


def _show(done: Any, source: str, target: str, dry_run: bool) -> None:
    released = done.released
    if terminal.as_json:
        terminal.document(
            {
                "from": source,
                "to": target,
                "evidence": _evidence(done.evidence),
                "image": released.plan.composed.image,
                "revision": released.revision,
                "deployed": released.deployed,
                "dryRun": dry_run,
                "changes": [change_document(change) for change in released.plan.changes],
            }
        )
    elif dry_run:
        print_changes(released.plan.changes, sys.stdout)
        print_diff(released.plan.changes)
    else:
        state = f"(revision {released.revision})" if released.deployed else f"already (revision {released.revision}); nothing to do"
        terminal.data(f"{target} runs {released.plan.composed.image_name} {state}, as {source} does")


def _evidence(evidence: Any) -> dict[str, Any]:
    checks = [{"verdict": check.verdict.value, "text": check.text} for check in evidence.checks]
    return {"revision": evidence.revision, "tag": evidence.tag, "digest": evidence.digest, "checks": checks}
