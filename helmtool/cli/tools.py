"""The programs that are not Python: tools status, tools install."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from helmtool.cli.options import group, terminal, with_globals

app = group("The programs that helmtool starts: helm, sops, age-keygen.")


def status() -> None:
    """Show which programs are there, and whether their versions do; exit code 1 where one does not."""
    from helmtool.operations.tools import standings

    found = standings()
    _show(found)
    if not all(each.fits for each in found):
        terminal.say("next: helmtool tools install")
        raise typer.Exit(1)


def install(
    download: Annotated[
        bool, typer.Option("--download", help="Download the official releases, compared with pinned digests, instead of building.")
    ] = False,
    mirror: Annotated[
        str, typer.Option("--from", metavar="URL", help="Download from here; the digests are the same.", show_default=False)
    ] = "",
) -> None:
    """Get the programs that are missing or do not fit: built with the Go on PATH, in minutes, or downloaded."""
    from helmtool.operations.tools import install as operation

    _show(operation(terminal, download=download, mirror=mirror))


def _show(found: list[Any]) -> None:
    if terminal.as_json:
        terminal.document([each._asdict() for each in found])
        return
    rows = [(e.program, "yes" if e.fits else "no", e.version or "none", e.wanted, e.place if e.place != "PATH" else e.path) for e in found]
    terminal.table(("PROGRAM", "FITS", "FOUND", "WANTED", "WHERE"), rows)


app.command()(with_globals(status))
app.command(epilog="Example: helmtool tools install --download")(with_globals(install))
