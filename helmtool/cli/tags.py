"""Image tags: tag check, list, next, stable."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from helmtool.cli.confirm import NotConfirmed
from helmtool.cli.options import YesOption, complete_environment, complete_tag, group, terminal, with_globals
from helmtool.model.size import in_words

app = group("Image tags: HG<day><month><a-z>, with -stable once accepted.")

EnvOption = Annotated[
    str,
    typer.Option("--env", metavar="ENV", help="Whose image.repository is asked.", autocompletion=complete_environment),
]


def check(
    tag: Annotated[str, typer.Argument(metavar="TAG", help="The tag to check, as in HG0105a.", autocompletion=complete_tag)],
    offline: Annotated[bool, typer.Option("--offline", help="Check the grammar alone; ask no registry and no cluster.")] = False,
    env: EnvOption = "prod",
) -> None:
    """Check a tag: its grammar, what the registry knows of it, and which environments run it."""
    from helmtool.model.tag import parse_tag

    parsed = parse_tag(tag)
    if offline:
        _print_grammar(parsed)
        return
    from helmtool.operations.tags import check_tag

    checked = check_tag(tag, env, terminal.settings)
    if terminal.as_json:
        terminal.document(checked.as_dict())
        return
    state = checked.state
    rows = [*_facts_rows(state), *_place_rows(checked.places)]
    terminal.data("\n".join([str(parsed), *(f"  {name:<12} {value}" for name, value in rows)]))
    if state.other_day:
        terminal.warn(f"{parsed} names day {parsed.day:02d}, month {parsed.month:02d}, but the image is of {state.facts.created:%Y-%m-%d}")
    if state.from_the_future:
        terminal.warn("the image says that it was made in the future: a clock was wrong where it was built, or is here")
    for place in checked.places:
        if place.runs == "other":
            terminal.warn(f"{place.environment} runs {parsed} too, but another image: {place.digest}")
    if not parsed.stable and state.stable == "no" and state.drops_on:
        terminal.say(f"to keep it: helmtool tag stable {parsed}")


def _facts_rows(state: Any) -> list[tuple[str, str]]:
    twin = {"yes": "the same digest", "no": "none", "other": f"another image: {state.twin}"}[state.stable]
    facts, use = state.facts, state.use
    return [
        ("image", state.repository),
        ("digest", facts.digest),
        ("created", _moment(facts.created)),
        *([("pushed", _moment(use.pushed)), ("pulled", _moment(use.pulled, "never"))] if use.last else []),
        ("size", f"{in_words(facts.size)}, compressed"),
        ("platform", ", ".join(facts.platforms) or "not known"),
        *([] if state.tag.stable else [("stable twin", twin)]),
        ("clean-up", state.risk),
    ]


def _place_rows(places: Any) -> list[tuple[str, str]]:
    """Who runs it on one line, then a line for each environment of which that is not known."""
    running = [f"{place.environment} (revision {place.revision})" for place in places if place.runs == "yes"]
    asked = any(place.runs != "unknown" for place in places)
    return [
        ("runs in", ", ".join(running) or ("none of those that answered" if asked else "not known")),
        *((f"  {place.environment}", f"not known: {_home(place.reason)}") for place in places if place.runs == "unknown"),
    ]


def _home(text: str) -> str:
    """The text with the home directory as people write it."""
    import os

    home = os.environ.get("HOME", "").rstrip("/")
    return text.replace(f"{home}/", "~/") if home else text


def _moment(moment: Any, unknown: str = "not known") -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else unknown


def _print_grammar(parsed: Any) -> None:
    if terminal.as_json:
        terminal.document({"tag": str(parsed), "day": parsed.day, "month": parsed.month, "version": parsed.letter, "stable": parsed.stable})
    else:
        terminal.data(
            f"{parsed}: image {parsed.letter} of day {parsed.day:02d}, month {parsed.month:02d}{', stable' if parsed.stable else ''}"
        )


def list_command(env: EnvOption = "prod") -> None:
    """List the registry's tags, the newest image first."""
    from helmtool.operations.tag_list import list_tags

    states = list_tags(env, terminal.settings, terminal)
    if terminal.as_json:
        terminal.document([state.as_dict() for state in states])
        return
    rows = [
        (
            str(state.tag),
            f"{state.facts.created:%Y-%m-%d %H:%M}" if state.facts.created else "-",
            in_words(state.facts.size),
            state.stable,
            state.facts.digest.removeprefix("sha256:")[:12],
            "yes" if state.kept else f"to {state.drops_on}" if state.drops_on else "-",
        )
        for state in states
    ]
    terminal.table(("TAG", "CREATED (UTC)", "SIZE", "STABLE", "DIGEST", "KEPT"), rows)


def next_command(
    date: Annotated[str | None, typer.Option("--date", metavar="DATE", help="YYYY-MM-DD; without it, today at CERN.")] = None,
    env: EnvOption = "prod",
) -> None:
    """Print the next free tag of a day, from what the registry has."""
    from helmtool.operations.tags import free_tag

    tag, repository = free_tag(env, terminal.settings, date)
    if terminal.as_json:
        terminal.document({"tag": str(tag), "repository": repository})
    else:
        terminal.data(str(tag))


def stable(
    tag: Annotated[str, typer.Argument(metavar="TAG", help="The accepted tag, as in HG0105a.", autocompletion=complete_tag)],
    yes: YesOption = False,
    env: EnvOption = "prod",
) -> None:
    """Add -stable to an accepted tag: the same digest, which the clean-up spares."""
    from helmtool.operations.tags import make_stable

    def confirm(tag: Any, digest: str, repository: str) -> None:
        if yes:
            return
        if sys.stdin is None or not sys.stdin.isatty():
            raise NotConfirmed(
                f"{tag.as_stable()} would be written to {repository}, and there is no terminal to ask at",
                hint=f"helmtool tag check {tag}, then add --yes",
            )
        if not typer.confirm(f"Write {repository}:{tag.as_stable()} as {digest}?", err=True):
            raise NotConfirmed("not confirmed; nothing was written")

    made = make_stable(tag, env, terminal.settings, confirm)
    if terminal.as_json:
        terminal.document({"tag": str(made.tag), "digest": made.digest, "repository": made.repository, "written": made.written})
    else:
        terminal.data(f"{made.tag} {'is' if made.written else 'was already'} {made.digest}")


app.command()(with_globals(check))
app.command("list")(with_globals(list_command))
app.command("next")(with_globals(next_command))
app.command()(with_globals(stable))
