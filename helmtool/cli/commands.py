"""Which module has which command: a command line imports and builds the one command that it names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_command_name, get_group

PLACES = {
    "release": "releases",
    "rollback": "releases",
    "diff": "releases",
    "status": "releases",
    "history": "releases",
    "promote": "promote",
    "adopt": "adopt",
    "unlock": "unlock",
    "pods": "pods",
    "logs": "pods",
    "describe": "pods",
    "exec": "pods",
    "events": "pods",
    "doctor": "doctor",
    "validate": "offline",
    "render": "offline",
    "values": "offline",
    "env": "environments",
    "local": "local",
    "tag": "tags",
    "secrets": "secrets",
    "image": "images",
    "tools": "tools",
    "chart": "charts",
}
"""Commands and groups of commands, in the order in which the help shows them."""


class Program(TyperGroup):
    """The group of all commands. typer itself would build each of them for every command line, which took 0.05 s."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = Commands()  # type: ignore[assignment]  # typer only reads it


class Commands(Mapping[str, Any]):
    """The commands by their names, built when they are asked for."""

    def __init__(self) -> None:
        self._built: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._built:
            self._built[name] = _build(name, import_module(f"helmtool.cli.{PLACES[name]}"))
        return self._built[name]

    def __iter__(self) -> Iterator[str]:
        return iter(PLACES)

    def __len__(self) -> int:
        return len(PLACES)

    def __contains__(self, name: object) -> bool:
        return name in PLACES  # without building it


def _build(name: str, module: Any) -> Any:
    """A module has either one group, in `app`, or adds commands of their own."""
    if hasattr(module, "app"):
        group = get_group(module.app)
        group.name = name
        return group
    alone = typer.Typer(add_completion=False)
    module.add_to(alone)
    alone.registered_commands = [c for c in alone.registered_commands if name_of(c) == name]
    return get_command(alone)


def name_of(command: Any) -> str:
    """The name of a command that is registered with typer."""
    return command.name or get_command_name(command.callback.__name__)
