"""The environments: env list, show, use, pin."""

from __future__ import annotations

import shlex
import sys
from typing import Any

from helmtool.cli.confirm import require_terminal, require_yes
from helmtool.cli.options import EnvArgument, YesOption, group, terminal, with_globals

app = group("The environments of values/environments.yaml.")


def list_environments() -> None:
    """List the environments."""
    from helmtool.operations.show import describe, environments

    found = environments(terminal.settings)
    if terminal.as_json:
        terminal.document([describe(environment) for environment in found])
        return
    rows = [
        (
            e.name,
            "yes" if e.protected else "no",
            e.stable_tag.value,
            "embedded" if e.embedded else ", ".join(e.cluster.name_ends_with),
            e.description,
        )
        for e in found
    ]
    terminal.table(("ENV", "PROTECTED", "STABLE TAG", "CLUSTER", "DESCRIPTION"), rows)


def show(env: EnvArgument) -> None:
    """Show one environment: its cluster, namespace, endpoint and policies; and by which kubeconfig it is reached from here, until when."""
    from helmtool.model.manifest import dump_manifest
    from helmtool.operations.access import describe_access
    from helmtool.operations.show import describe, environment

    document = describe(environment(env, terminal.settings)) | {"access": describe_access(env, terminal.settings)}
    if terminal.as_json:
        terminal.document(document)
    else:
        terminal.data(dump_manifest(document))


def use(env: EnvArgument) -> None:
    """Print the export lines that point a shell at an environment: eval "$(helmtool env use prod)"."""
    from helmtool.operations.show import kubeconfig_of

    path = kubeconfig_of(env, terminal.settings)
    if terminal.as_json:
        terminal.document({"KUBECONFIG": path})
    else:
        terminal.data(f"export KUBECONFIG={shlex.quote(path)}")


def pin(env: EnvArgument, yes: YesOption = False) -> None:
    """Record the identity of an environment's cluster, so that no other can be taken for it: API server, authority, UID."""
    from helmtool.operations.pin import pin as operation

    def confirm(found: Any) -> None:
        _show_pins(found)
        if not yes:
            require_terminal("a pin decides which cluster a release may write to", "review what is shown, then add --yes")
            require_yes(f"Is this the cluster of {env}, and shall it be recorded?")

    found = operation(env, terminal.settings, terminal, confirm)
    if terminal.as_json:
        terminal.document({"environment": env, "written": found.changed, "before": dict(found.before), "pins": dict(found.pins)})
    else:
        terminal.data(f"{env} is pinned to {found.pins['server']}")


def _show_pins(found: Any) -> None:
    terminal.line(sys.stderr, f"context {found.access.context} of {found.access.kubeconfig} reaches {found.access.cluster}:")
    for key, value in found.pins.items():
        before = found.before.get(key)
        terminal.line(sys.stderr, f"  {key:<14} {value}" + (f"  (pinned now: {before})" if before and before != value else ""))


app.command("list")(with_globals(list_environments))
app.command()(with_globals(show))
app.command()(with_globals(use))
app.command()(with_globals(pin))
