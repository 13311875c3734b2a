"""The environments: env list, show, use."""

from __future__ import annotations

import shlex

from helmtool.cli.options import EnvArgument, group, terminal, with_globals

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
    """Show one environment: its cluster, namespace, endpoint and policies."""
    from helmtool.model.manifest import dump_manifest
    from helmtool.operations.show import describe, environment

    document = describe(environment(env, terminal.settings))
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


app.command("list")(with_globals(list_environments))
app.command()(with_globals(show))
app.command()(with_globals(use))
