"""The embedded cluster: local up, down, status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helmtool.cli.options import group, terminal, with_globals

if TYPE_CHECKING:
    from helmtool.adapters.local.lifecycle import LocalCluster, LocalStatus

app = group("An embedded Kubernetes on this machine, for the environment local.")


def up() -> None:
    """Start the embedded cluster, or finish starting it; does nothing where it runs."""
    from helmtool.adapters.local import up as operation

    _show(operation(terminal))


def down() -> None:
    """End the embedded cluster and everything that it started."""
    from helmtool.adapters.local import down as operation

    operation(terminal)
    if terminal.as_json:
        terminal.document({"state": "down"})


def status() -> None:
    """Show whether the embedded cluster runs."""
    from helmtool.adapters.local import status as operation

    _show(operation())


def _show(result: LocalCluster | LocalStatus) -> None:
    document = {name: _plain(value) for name, value in result._asdict().items()}
    if terminal.as_json:
        terminal.document(document)
    else:
        for name, value in document.items():
            terminal.data(f"{name.replace('_', ' ')}: {value}")


def _plain(value: Any) -> Any:
    return value if isinstance(value, (bool, int, list, dict, type(None))) else str(value)


for command in (up, down, status):
    app.command()(with_globals(command))
