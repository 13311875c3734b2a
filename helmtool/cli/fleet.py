"""`diff` and `release` over several environments: what is shown of all of them together."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from helmtool.cli.changes import change_document, print_changes, print_diff
from helmtool.cli.confirm import require_terminal, require_yes
from helmtool.cli.options import terminal
from helmtool.cli.review.show import Format, warnings_of
from helmtool.errors import HelmtoolError, Interrupted, UsageError, gravest

if TYPE_CHECKING:
    from helmtool.model.environment import Environment
    from helmtool.operations.fleet import Ended
    from helmtool.operations.fleet_release import Member
    from helmtool.operations.release import Planned, ReleaseOptions
    from helmtool.operations.settings import Settings


def diff_each(
    names: Sequence[str], tag: str | None, format: Format, options: dict[str, Any], context: int, at_once: int, *, detailed: bool
) -> int:
    """Shows the diffs of several environments in their order; gives the gravest exit code of theirs."""
    if format is Format.HTML:
        raise UsageError("--format html is for one environment", hint="name one environment, or --format markdown")
    from helmtool.cli.running import run
    from helmtool.model.change import summary
    from helmtool.model.tag import parse_tag
    from helmtool.operations.diff import diff, review
    from helmtool.operations.fleet import Gathered, Named, look_at_each

    if tag is not None:
        parse_tag(tag)
    warnings = Gathered()

    operation: Any = diff if format is Format.TEXT else review

    async def look(name: str, settings: Settings) -> Any:
        found = await operation(name, tag, settings, Named(name, terminal, warnings), **options)
        for text in warnings_of(found):
            warnings.add(name, text)
        changes = [getattr(change, "change", change) for change in found.changes]
        terminal.done("diff", f"{name}: {summary(changes)}")
        return found

    found = run(look_at_each(names, at_once, terminal.settings, look))
    warnings.tell(names, terminal)
    (_show_texts if format is Format.TEXT else partial(_show_reviews, format=format))(found, context=context)
    return gravest(_code(ended, detailed=detailed) for ended in found.values())


def _code(ended: Ended[Any], *, detailed: bool) -> int:
    result: Any = ended.result
    return ended.error.exit_code if ended.error else 2 if detailed and result.changes else 0


def _show_texts(found: Mapping[str, Ended[Any]], *, context: int) -> None:
    from helmtool.model.change import summary

    for name, ended in found.items():
        if ended.result is None:
            _print_headline(name, "not known")
            _print_error(name, ended.error)
        else:
            _print_headline(name, f"{ended.result.base} → {ended.result.target}, {summary(ended.result.changes)}")
            print_diff(ended.result.changes, context, ended.result.names)
            print_changes(ended.result.changes, sys.stderr, base=ended.result.base)
    terminal.data("\n")
    terminal.table(("ENV", "OBJECTS", "EFFECT"), [_summary_row(name, ended) for name, ended in found.items()])


def _summary_row(name: str, ended: Ended[Any]) -> tuple[str, str, str]:
    from helmtool.model.change import worst

    result: Any = ended.result
    if ended.error:
        return name, "-", f"not known: {ended.error.code}"
    changes = result.changes
    return name, str(len(changes)), worst(changes).label if changes else "no changes"


def _show_reviews(found: Mapping[str, Any], *, context: int, format: Format) -> None:
    from helmtool.cli.review.document import review_document
    from helmtool.cli.review.sections import sections

    documents = {name: review_document(ended.result, context) if ended.result else ended.error for name, ended in found.items()}
    if format is Format.JSON:
        terminal.document([_failed(name, one) if isinstance(one, HelmtoolError) else one for name, one in documents.items()])
        return
    terminal.data(sections(documents))
    for name, ended in found.items():
        _print_error(name, ended.error)


def _failed(name: str, error: HelmtoolError) -> dict[str, Any]:
    return {"environment": name, "error": error.as_dict()}


def _print_headline(name: str, text: str, stream: Any = None) -> None:
    target = stream or sys.stdout
    line = terminal.paint(f"== {name}: {text}", target, bold=True)
    if stream:
        terminal.line(stream, line)
    else:
        terminal.data(line)


def _print_error(name: str, error: HelmtoolError | None) -> None:
    if error:
        terminal.error(error, about=name)


def release_each(names: Sequence[str], tag: str, options: ReleaseOptions, at_once: int, *, yes: bool) -> None:
    """Releases to several environments and shows how each ended. Raises what a plan raises, FleetFailed and Interrupted."""
    from helmtool.cli.running import run
    from helmtool.operations.fleet_release import release_each as operation
    from helmtool.operations.fleet_release import require_complete

    def confirm(plans: Sequence[Planned]) -> None:
        _confirm([planned.plan for planned in plans], tag, yes=yes)

    try:
        members = run(operation(names, tag, options, at_once, terminal.settings, terminal, confirm))
    except Interrupted as error:
        if error.hint:  # by a second Ctrl-C, which leaves no time to say how each ended
            error.hint = f"helmtool status {' '.join(names)}"
        raise
    document = {"tag": tag, "dryRun": options.dry_run, "environments": [_member_document(member, tag) for member in members]}
    if terminal.as_json:
        terminal.beside_error = document
        require_complete(members, tag)
        terminal.document(document)
        return
    if options.dry_run:
        _show_plans([member.planned.plan for member in members], sys.stdout)
    else:
        terminal.table(("ENV", "OUTCOME", "REVISION", "SECONDS", "NEXT"), [_member_row(member, tag) for member in members])
    require_complete(members, tag)


def _confirm(plans: Sequence[Any], tag: str, *, yes: bool) -> None:
    """Shows what is to happen, and asks: once for all, and once more for each that is protected. Raises NotConfirmed."""
    if not terminal.quiet:
        _show_plans(plans, sys.stderr, diffs=not yes)
    if yes:
        return
    require_terminal(f"{len(plans)} environments are to be released to", "review with --dry-run, then add --yes")
    first, *others = (plan.session.environment.name for plan in plans)
    require_yes(f"Release {tag} to {first} first, then to {', '.join(others)}?")
    protected: list[Environment] = [plan.session.environment for plan in plans if plan.session.environment.protected]
    for environment in protected:
        require_yes(f"{environment.name} is protected. Release {tag} to it too?")


def _show_plans(plans: Sequence[Any], stream: Any, *, diffs: bool = True) -> None:
    """Each plan with its diff, and a table of all of them at the end."""
    from helmtool.model.change import summary

    for plan in plans if diffs else ():
        _print_headline(plan.session.environment.name, summary(plan.changes), stream)
        terminal.diff([line for change in plan.changes for line in change.unified()], stream)
        print_changes(plan.changes, stream)
    rows = [_plan_row(plan) for plan in plans]
    terminal.line(stream, "")
    terminal.table(("ENV", "RUNS", "OBJECTS", "EFFECT"), rows, stream)


def _plan_row(plan: Any) -> tuple[str, str, str, str]:
    from helmtool.model.change import worst
    from helmtool.model.revision import running, tag_of

    current = running(plan.revisions)
    name = plan.session.environment.name
    effect = worst(plan.changes).label if plan.changes else "no changes"
    return name, (tag_of(current) if current else "") or "-", str(len(plan.changes)), effect


def _member_row(member: Member, tag: str) -> tuple[str, str, str, str, str]:
    seconds = "-" if member.seconds is None else f"{member.seconds:.0f}"
    return member.environment, member.outcome.value, _revision(member) or "-", seconds, member.next_command(tag)


def _revision(member: Member) -> str:
    return str(member.released.revision or "") if member.released else ""


def _member_document(member: Member, tag: str) -> dict[str, Any]:
    plan, released = member.planned.plan, member.released
    return {
        "environment": member.environment,
        "outcome": member.outcome.value,
        "image": plan.composed.image,
        "revision": released.revision if released else None,
        "deployed": bool(released and released.deployed),
        "seconds": None if member.seconds is None else round(member.seconds, 1),
        "next": member.next_command(tag),
        "secrets": member.planned.secrets.document,
        "changes": [change_document(change) for change in plan.changes],
        **({"error": member.error.as_dict()} if member.error else {}),
    }
