"""Image tags: tag check."""

from __future__ import annotations

from typing import Annotated

import typer

from helmtool.cli.options import group, terminal, with_globals

app = group("Image tags: HG<day><month><a-z>, with -stable once accepted.")


def check(
    tag: Annotated[str, typer.Argument(metavar="TAG", help="The tag to check, as in HG0105a.")],
    offline: Annotated[bool, typer.Option("--offline", help="Check the grammar alone.")] = False,
) -> None:
    """Check a tag's grammar."""
    from helmtool.model.tag import parse_tag

    parsed = parse_tag(tag)
    if not offline:
        terminal.skip("registry", "not in this version: grammar only")
    if terminal.as_json:
        terminal.document({"tag": str(parsed), "day": parsed.day, "month": parsed.month, "version": parsed.letter, "stable": parsed.stable})
    else:
        terminal.data(
            f"{parsed}: image {parsed.letter} of day {parsed.day:02d}, month {parsed.month:02d}{', stable' if parsed.stable else ''}"
        )


app.command()(with_globals(check))
