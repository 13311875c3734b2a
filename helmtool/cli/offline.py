"""The commands that need no cluster: validate, render, values."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from helmtool.cli.options import EnvArgument, EnvsArgument, OptionalTag, SetOption, terminal, with_globals


def add_to(app: typer.Typer) -> None:
    """Adds the commands to the program."""
    for function, example in (
        (validate, "helmtool validate prod --strict"),
        (render, "helmtool render prod HG0105a-stable"),
        (values, "helmtool values prod --explain"),
    ):
        app.command(epilog=f"Example: {example}")(with_globals(function))


def validate(
    envs: EnvsArgument = None,
    strict: Annotated[bool, typer.Option("--strict", help="What is only suspicious is an error too.")] = False,
) -> None:
    """Check values, rules and rendered objects of environments; needs no cluster."""
    from helmtool.cli.names import chosen
    from helmtool.cli.running import run
    from helmtool.operations.validate import NotValid
    from helmtool.operations.validate import validate as operation

    results = run(operation(chosen(envs or ()), terminal.settings, strict=strict))
    problems = [problem for result in results for problem in result.problems]
    for result in results:
        for text in result.warnings:
            terminal.warn(f"{result.environment}: {text}")
        if not result.problems:
            terminal.done("validate", f"{result.environment}: {result.objects} objects")
    if problems:
        invalid = [result.environment for result in results if result.problems]
        errors = {id(result.error): result.error for result in results if result.error}
        if len(invalid) == 1 and len(errors) == 1:
            raise next(iter(errors.values()))
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise NotValid(f"{', '.join(invalid)}: {count}", problems=problems, hint=f"helmtool validate {invalid[0]}")
    if terminal.as_json:
        terminal.document(
            [{"environment": r.environment, "objects": r.objects, "warnings": list(r.warnings), "problems": []} for r in results]
        )


def render(env: EnvArgument, tag: OptionalTag = None, sets: SetOption = None) -> None:
    """Print the manifests of an environment, secrets redacted; needs no cluster."""
    from helmtool.cli.running import run
    from helmtool.model.manifest import dump_manifests, redact
    from helmtool.operations.validate import render as operation

    composed, manifests = run(operation(env, tag, terminal.settings, sets or ()))
    shown = [redact(manifest) for manifest in manifests]
    if composed.tag is None:
        terminal.warn(f"no tag given: rendered with {composed.values.data['image']['tag']}")
    if terminal.as_json:
        terminal.document(shown)
    else:
        terminal.data(dump_manifests(shown))


def values(
    env: EnvArgument,
    tag: OptionalTag = None,
    sets: SetOption = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show file:line of each key's origin.")] = False,
) -> None:
    """Print the one merged values document, as it is and not checked, for people who call helm themselves; secrets redacted."""
    from helmtool.operations.show import explained, shown_values

    if explain:
        lines = explained(env, tag, terminal.settings, sets or ())
        if terminal.as_json:
            terminal.document([{"path": path, "value": value, "origin": origin} for path, value, origin in lines])
        else:
            _print_explained(lines)
        return
    document = shown_values(env, tag, terminal.settings, sets or ())
    if terminal.as_json:
        terminal.document(document)
    else:
        from helmtool.model.manifest import dump_manifest

        terminal.data(dump_manifest(document))


def _print_explained(lines: list[tuple[str, Any, str]]) -> None:
    import json

    width = max((len(origin) for _, _, origin in lines), default=0)
    for path, value, origin in lines:
        terminal.data(f"{terminal.paint(origin.ljust(width), sys.stdout, 'bright_black')}  {path}: {json.dumps(value, ensure_ascii=False)}")
