"""The commands of the secret's versions in the cluster: secrets apply and list."""

from __future__ import annotations

from typing import Any

import typer

from helmtool.cli.confirm import confirmed
from helmtool.cli.options import (
    DryRunOption,
    EnvArgument,
    IdentityOption,
    ServicesConfigOption,
    WaitLockOption,
    YesOption,
    terminal,
    with_globals,
)


def add_to(app: typer.Typer) -> None:
    """Adds the commands to the group `secrets`."""
    for function, example in (
        (apply, "helmtool secrets apply prod --services-config ../services_config --dry-run"),
        (list_, "helmtool secrets list prod"),
    ):
        app.command(name=function.__name__.rstrip("_"), epilog=f"Example: {example}")(with_globals(function))


def apply(
    env: EnvArgument,
    services_config: ServicesConfigOption = None,
    identity: IdentityOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    wait_lock: WaitLockOption = "0s",
) -> None:
    """Decrypt the service's files and apply them as an immutable version of its secret; no pod restarts for it."""
    from helmtool.cli.running import run
    from helmtool.operations.secrets.apply import ApplyOptions
    from helmtool.operations.secrets.apply import apply as operation

    def confirm(session: Any, planned: Any) -> bool:
        return confirmed(session.environment, f"Apply {planned.name} ({planned.changes}) to {env}?", yes)

    options = ApplyOptions(services_config, identity, dry_run, wait_lock)
    done = run(operation(env, options, terminal.settings, terminal, confirm))
    if terminal.as_json:
        changes = done.plan.changes
        terminal.document(
            {
                "environment": env,
                "name": done.plan.name,
                "written": done.made,
                "inUse": done.in_use,
                "dryRun": dry_run,
                "keys": sorted(done.plan.files),
                "added": list(changes.added),
                "removed": list(changes.removed),
                "changed": list(changes.changed),
            }
        )
    elif done.made:
        terminal.data(f"{done.plan.name} applied; the next release with these files uses it")
    else:
        terminal.data(f"{done.plan.name} {'is there already' if done.plan.exists else 'would be applied'}")


def list_(env: EnvArgument) -> None:
    """Show which versions of the secret are there: since when, their keys, and what names them."""
    from helmtool.operations.clock import age
    from helmtool.operations.secrets.apply import list_versions

    found = list_versions(env, terminal.settings, terminal)
    if terminal.as_json:
        terminal.document(
            [
                {
                    "name": entry.version.name,
                    "created": entry.version.created,
                    "keys": list(entry.version.keys),
                    "current": entry.current,
                    "users": list(entry.users),
                }
                for entry in found
            ]
        )
        return
    rows = [
        (
            entry.version.name,
            "in use" if entry.current else "-",
            age(entry.version.created),
            ", ".join(entry.version.keys) or "-",
            ", ".join(entry.users) or "-",
        )
        for entry in found
    ]
    terminal.table(("NAME", "STATE", "SINCE", "KEYS", "NAMED BY"), rows)
