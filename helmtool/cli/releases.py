"""The commands that talk to a cluster: release, rollback, diff, status, history."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from helmtool.cli.changes import change_document, confirm_changes, print_changes, print_diff
from helmtool.cli.harmless import one_line
from helmtool.cli.options import (
    ANY_OUTPUT,
    USUAL_OUTPUTS,
    AtOnceOption,
    DryRunOption,
    EnvArgument,
    EnvsAndOptionalTag,
    EnvsAndTag,
    EnvsArgument,
    IdentityOption,
    NoteOption,
    Output,
    ServicesConfigOption,
    SetOption,
    TimeoutOption,
    WaitLockOption,
    YesOption,
    complete_revision,
    terminal,
    with_globals,
)
from helmtool.cli.review.show import Format, chosen_format, show
from helmtool.errors import Unreachable, UsageError, gravest

if TYPE_CHECKING:
    from helmtool.operations.secrets.step import SecretOptions
    from helmtool.operations.status import Status


class Engine(StrEnum):
    """Who makes a diff."""

    SERVER = "server"
    HELM_DIFF = "helm-diff"


def add_to(app: typer.Typer) -> None:
    """Adds the commands to the program."""
    for function, example in (
        (release, 'helmtool release prod HG0105a --note "new layouts"'),
        (rollback, "helmtool rollback prod --dry-run"),
        (diff, "helmtool diff prod HG0105a --detailed-exitcode"),
        (status, "helmtool status prod preprod -o json"),
        (history, "helmtool history prod"),
    ):
        outputs = ANY_OUTPUT if function is status else USUAL_OUTPUTS
        app.command(epilog=f"Example: {example}")(with_globals(function, outputs))


def release(
    envs_and_tag: EnvsAndTag,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    timeout: TimeoutOption = "10m",
    sets: SetOption = None,
    no_rollback: Annotated[bool, typer.Option("--no-rollback", help="Leave a failed release as it is.")] = False,
    no_prepull: Annotated[bool, typer.Option("--no-prepull", help="Do not fetch the image before the old pod stops.")] = False,
    no_verify: Annotated[bool, typer.Option("--no-verify", help="Do not ask the service once it runs; kept with the revision.")] = False,
    services_config: ServicesConfigOption = None,
    identity: IdentityOption = None,
    secrets_unchanged: Annotated[
        bool, typer.Option("--secrets-unchanged", help="Keep the version of the secret that is in use; needs no identity.")
    ] = False,
    wait_lock: WaitLockOption = "0s",
    note: NoteOption = "",
    at_once: AtOnceOption = 4,
) -> None:
    """Release an image tag to an environment, wait for it, and go back when it fails; of several, the first alone and then the others."""
    from helmtool.cli.names import chosen_with_tag
    from helmtool.cli.running import run
    from helmtool.operations.release import ReleaseOptions
    from helmtool.operations.release import release as operation

    names, given = chosen_with_tag(envs_and_tag, "release", required=True)
    secrets = secret_options(services_config, identity, secrets_unchanged)
    options = ReleaseOptions(
        sets or (), dry_run, timeout, not no_rollback, wait_lock, note, secrets, prepull=not no_prepull, verify=not no_verify
    )

    env, tag = names[0], given or ""
    if len(names) > 1:
        from helmtool.cli.fleet import release_each

        release_each(names, tag, options, at_once, yes=yes)
        return

    def confirm(plan: Any) -> bool:
        return confirm_changes(plan.session.environment, plan.changes, f"Release {plan.composed.image} to {env}?", yes)

    released = run(operation(env, tag, options, terminal.settings, terminal, confirm))
    if terminal.as_json:
        terminal.document(
            {
                "environment": env,
                "image": released.plan.composed.image,
                "revision": released.revision,
                "deployed": released.deployed,
                "dryRun": dry_run,
                "secrets": released.secrets.document,
                "changes": [change_document(change) for change in released.plan.changes],
            }
        )
    elif dry_run:
        print_changes(released.plan.changes, sys.stdout)
        print_diff(released.plan.changes)
    elif released.deployed:
        terminal.data(f"{env} runs {released.plan.composed.image_name} (revision {released.revision})")
    else:
        terminal.data(f"{env} runs {released.plan.composed.image_name} already (revision {released.revision}); nothing to do")


def secret_options(services_config: Path | None, identity: Path | None, unchanged: bool) -> SecretOptions:
    """What a person said of the service's secret. Raises UsageError where it contradicts itself."""
    from helmtool.operations.secrets.step import SecretOptions

    if services_config and unchanged:
        raise UsageError("--services-config and --secrets-unchanged do not go together", hint="leave one of them away")
    return SecretOptions(services_config, identity, unchanged=unchanged)


def rollback(
    env: EnvArgument,
    revision: Annotated[
        int | None,
        typer.Argument(
            metavar="[REVISION]",
            min=1,
            help="Default: the newest before that was deployed.",
            autocompletion=complete_revision,
            show_default=False,
        ),
    ] = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    force: Annotated[bool, typer.Option("--force", help="Go to a revision that never was deployed.")] = False,
    timeout: TimeoutOption = "10m",
    wait_lock: WaitLockOption = "0s",
    note: NoteOption = "",
) -> None:
    """Go back to an earlier revision, after showing what changes."""
    from helmtool.cli.running import run
    from helmtool.operations.rollback import RollbackOptions
    from helmtool.operations.rollback import rollback as operation

    def confirm(plan: Any) -> bool:
        return confirm_changes(
            plan.session.environment, plan.changes, f"Roll {env} back from revision {plan.current.number} to {plan.target.number}?", yes
        )

    options = RollbackOptions(revision, dry_run, force, timeout, wait_lock, note)
    plan, number = run(operation(env, options, terminal.settings, terminal, confirm))
    if terminal.as_json:
        changes = [change_document(change) for change in plan.changes]
        terminal.document(
            {
                "environment": env,
                "from": plan.current.number,
                "to": plan.target.number,
                "revision": number,
                "dryRun": dry_run,
                "changes": changes,
            }
        )
    elif dry_run:
        print_changes(plan.changes, sys.stdout)
        print_diff(plan.changes)
    else:
        terminal.data(f"{env} is back at what revision {plan.target.number} was (now revision {number})")


def diff(
    envs_and_tag: EnvsAndOptionalTag,
    revision: Annotated[
        int | None,
        typer.Option(
            "--revision", metavar="N", min=1, help="The state to reach is this stored revision.", autocompletion=complete_revision
        ),
    ] = None,
    against: Annotated[
        str, typer.Option("--against", metavar="live|release|ENV", help="What to compare with; an environment needs no cluster.")
    ] = "live",
    engine: Annotated[
        Engine, typer.Option("--engine", metavar="server|helm-diff", help="The API server's own answer, or the helm-diff plugin.")
    ] = Engine.SERVER,
    detailed_exitcode: Annotated[bool, typer.Option("--detailed-exitcode", help="Exit with 2 when something would change.")] = False,
    format: Annotated[
        Format,
        typer.Option("--format", metavar="text|markdown|html|json", help="Text, or a review with the cause of each changed field."),
    ] = Format.TEXT,
    context: Annotated[int, typer.Option("--context", metavar="N", min=0, help="Lines around each change.")] = 3,
    sets: SetOption = None,
    services_config: ServicesConfigOption = None,
    identity: IdentityOption = None,
    at_once: AtOnceOption = 4,
) -> None:
    """Show what a release would change, object by object; without --services-config the secret in use stays."""
    from helmtool.cli.names import chosen_with_tag
    from helmtool.operations.secrets.step import SecretOptions

    chosen = chosen_format(format)
    (env, *others), tag = chosen_with_tag(envs_and_tag, "diff", required=False)
    secrets = SecretOptions(services_config, identity, look_only=True)
    if engine is Engine.HELM_DIFF:
        if chosen not in (Format.TEXT, Format.JSON):
            raise UsageError(f"--format {chosen.value} needs helmtool's own diff", hint="leave --engine away")
        if others:
            raise UsageError("--engine helm-diff is for one environment", hint="leave --engine away, or name one environment")
        _diff_by_plugin(env, tag, sets or (), secrets, context, detailed_exitcode)
        return
    options = {"against": against, "revision": revision, "sets": sets or (), "secrets": secrets}
    if others:
        from helmtool.cli.fleet import diff_each

        raise typer.Exit(diff_each([env, *others], tag, chosen, options, context, at_once, detailed=detailed_exitcode))
    if show(chosen, env, tag, options, context) and detailed_exitcode:
        raise typer.Exit(2)


def status(
    envs: EnvsArgument = None,
    rollback: Annotated[bool, typer.Option("--rollback", help="Also say what a rollback would do now, and whether it can.")] = False,
) -> None:
    """Show what runs where: image, revision, since when, who, whether it is healthy, and what other hands have changed."""
    from helmtool.cli.names import all_names, chosen
    from helmtool.cli.running import run
    from helmtool.operations.status import status as operation

    found = run(operation(chosen(envs) if envs else all_names(), terminal.settings, terminal, rollback=rollback))
    failed = next((entry.error for entry in found if entry.error), None)
    if terminal.output == Output.OPENMETRICS:
        from helmtool.cli.metrics import openmetrics

        terminal.data(openmetrics(found))
        if envs and failed and not isinstance(failed, Unreachable):  # of which a metric tells
            raise failed
        return
    if terminal.as_json and not (failed and len(found) == 1):
        terminal.document([_without_error(entry) for entry in found])
    elif failed and len(found) == 1:
        raise failed
    else:
        rows = [
            (
                e.environment,
                e.state,
                f"{e.ready}/{e.desired}",
                str(e.revision or "-"),
                _age(e.updated),
                _user(e.who) or "-",
                _short(e.image) or "-",
            )
            for e in found
        ]
        terminal.table(("ENV", "STATE", "READY", "REVISION", "SINCE", "BY", "TAG"), rows)
        for entry in found:
            _print_findings(entry)
    if envs and failed:
        raise typer.Exit(gravest(entry.error.exit_code for entry in found if entry.error))


def _print_findings(entry: Any) -> None:
    """What a person should know of an environment beside its line in the table."""
    drift = entry.drift if entry.drift is not None else ["whether other hands changed anything is not known: it takes the right to write"]
    for text in (*filter(None, [entry.problem]), *entry.notes, *drift):
        terminal.warn(f"{entry.environment}: {text}")
    if entry.drift:
        terminal.say(f"  next: helmtool diff {entry.environment}")
    if entry.rollback:
        terminal.data(f"{entry.environment}: a rollback {entry.rollback['text']}")
        for text in (*entry.rollback["obstacles"], *entry.rollback["doubts"]):
            terminal.warn(f"{entry.environment}: {text}")


def history(env: EnvArgument) -> None:
    """Show the revisions: tag, status, when, who, commit, note, and why one failed."""
    from helmtool.operations.status import history as operation

    lines = operation(env, terminal.settings, terminal)
    if terminal.as_json:
        terminal.document([{**line._asdict(), "record": line.record._asdict() if line.record else None} for line in lines])
        return
    newest = max((x.revision for x in lines if x.kept), default=0)
    rows = [
        (str(x.revision), x.tag or "-", _status(x, newest), _age(x.updated), _user(_field(x, "who")), _commit(x), _field(x, "note"))
        for x in lines
    ]
    terminal.table(("REVISION", "TAG", "STATUS", "SINCE", "BY", "COMMIT", "NOTE"), rows)
    for line in lines:
        for number, text in enumerate(line.record.evidence if line.record else ()):
            terminal.data(f"{_first_words(line) if number == 0 else '  '}{one_line(text)}")


def _status(line: Any, newest: int) -> str:
    """What became of a revision; of a record without one, whether Helm has pruned it or never made it (above the `newest`)."""
    return line.status if line.kept else f"{line.status} ({'no revision' if line.revision > newest > 0 else 'not kept'})"


def _first_words(line: Any) -> str:
    """What a failure is told with: the revision, and the code of its cause where one is known."""
    cause = line.record.cause
    return f"revision {line.revision} ({cause}): " if cause else f"revision {line.revision}: "


def _diff_by_plugin(env: str, tag: str | None, sets: Sequence[str], secrets: SecretOptions, context: int, detailed_exitcode: bool) -> None:
    from helmtool.cli.running import run
    from helmtool.operations.diff import diff_by_plugin

    text = run(diff_by_plugin(env, tag, terminal.settings, terminal, sets=sets, secrets=secrets, context=context))
    if terminal.as_json:
        terminal.document({"base": "helm-diff", "text": text})
    else:
        terminal.diff(text.splitlines())
    if detailed_exitcode and text.strip():
        raise typer.Exit(2)


def _without_error(entry: Status) -> dict[str, Any]:
    left_out = {"error"} | (set() if entry.rollback else {"rollback"})
    document = {_camel(name): value for name, value in entry._asdict().items() if name not in left_out}
    error = entry.error
    return document | ({"error": {"code": error.code, "message": error.message, "hint": error.hint}} if error else {})


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def _age(moment: str) -> str:
    from helmtool.operations.clock import age

    return age(moment)


def _short(image: str) -> str:
    """The tag alone, or what else follows the repository's name: what fits a table."""
    return image.rsplit("/", 1)[-1].split("@", 1)[0].split(":", 1)[-1]


def _user(who: str) -> str:
    """The person without the host: what fits a table; `-o json` has both."""
    return who.split("@", 1)[0]


def _field(line: Any, name: str) -> str:
    return str(getattr(line.record, name, "") or "-")


def _commit(line: Any) -> str:
    return f"{line.record.commit[:8]}{'' if line.record.clean else '*'}" if line.record and line.record.commit else "-"
