"""The options that every command takes, before or after its name, and the arguments that several share."""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from helmtool.cli.terminal import Terminal, log_to_stderr
from helmtool.errors import HelmtoolError, UsageError
from helmtool.operations.settings import Settings

PANEL = "Global options"


class Output(StrEnum):
    """How a result is written to stdout."""

    TEXT = "text"
    JSON = "json"
    OPENMETRICS = "openmetrics"


WORD, UNSAFE, LONGEST = r"[A-Za-z0-9][A-Za-z0-9._/@+-]*", r"[^\w.,/+-]+", 80
"""Of what a shell is offered: a word, what a description may not hold, and characters of a description."""
ANY_OUTPUT = frozenset(Output)
USUAL_OUTPUTS = ANY_OUTPUT - {Output.OPENMETRICS}


def complete_environment(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """The environments of the checkout that the shell is in, or of --config-dir; none where there is no checkout."""
    from helmtool.operations import completion

    return _offered(lambda: completion.environments(_settings_of(ctx)), incomplete)


def complete_tag(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """The tags that the registry has; nothing where it does not answer soon."""
    from helmtool.operations import completion

    return _offered(lambda: completion.tags(_environment_of(ctx) or "prod", _settings_of(ctx)), incomplete)


def complete_environment_or_tag(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Environments, and the tags too where one is typed already."""
    return complete_environment(ctx, incomplete) + (complete_tag(ctx, incomplete) if _environment_of(ctx) else [])


def complete_revision(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """The revisions of the environment that stands before it; nothing where its cluster does not answer soon."""
    from helmtool.operations import completion

    return _offered(lambda: completion.revisions(_environment_of(ctx), _settings_of(ctx)), incomplete)


def _offered(find: Callable[[], list[tuple[str, str]]], incomplete: str) -> list[tuple[str, str]]:
    """The entries that begin as what is typed; whatever goes wrong, a shell that completes says nothing of it.

    They come from files, clusters and registries, and the scripts of typer have the shell evaluate them: so a word has nothing
    that a shell interprets, and a description is reduced to words.
    """
    try:
        words = [(word, re.sub(UNSAFE, " ", text)[:LONGEST].strip()) for word, text in find() if re.fullmatch(WORD, word)]
        return [entry for entry in words if entry[0].startswith(incomplete)]
    except Exception:
        return []


def _environment_of(ctx: typer.Context) -> str:
    """The environment that was typed, whichever way the command takes it.

    Where the value of an option is completed, the parser gives up at the option and leaves the arguments before it in `args`.
    """
    given = ctx.params.get("env") or ctx.params.get("envs") or ctx.params.get("envs_and_tag") or ctx.args or [""]
    return str(given if isinstance(given, str) else given[0])


def _settings_of(ctx: typer.Context) -> Settings:
    """The global options that were typed before what is completed: the command did not run, so `terminal` does not have them."""
    given: dict[str, Any] = {}
    level: Any = ctx
    while level is not None:
        given = {name: level.params[name] for name in ("config_dir", "kubeconfig", "kube_context") if level.params.get(name)} | given
        level = level.parent
    folder = given.pop("config_dir", None)
    return Settings(Path(folder) if folder else None, **given)


EnvArgument = Annotated[
    str, typer.Argument(metavar="ENV", help="An environment of values/environments.yaml.", autocompletion=complete_environment)
]
EnvsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[ENV]...",
        help="Environments, or patterns of them such as 'test*'; all of them when none is named.",
        autocompletion=complete_environment,
        show_default=False,
    ),
]
EnvsAndTag = Annotated[
    list[str],
    typer.Argument(
        metavar="ENV... TAG",
        help="Environments, or patterns of them such as 'test*'; then an image tag: HG<day><month><a-z>, as in HG0105a or HG0105a-stable.",
        autocompletion=complete_environment_or_tag,
    ),
]
EnvsAndOptionalTag = Annotated[
    list[str],
    typer.Argument(
        metavar="ENV... [TAG]",
        help="Environments, or patterns of them such as 'test*'; then an image tag: without it, the one that runs.",
        autocompletion=complete_environment_or_tag,
    ),
]
AtOnceOption = Annotated[
    int,
    typer.Option("--at-once", metavar="N", min=1, max=32, help="At most so many environments at the same time, where there are several."),
]
TagArgument = Annotated[
    str,
    typer.Argument(metavar="TAG", help="An image tag: HG<day><month><a-z>, as in HG0105a or HG0105a-stable.", autocompletion=complete_tag),
]
OptionalTag = Annotated[
    str | None,
    typer.Argument(metavar="[TAG]", help="An image tag; without it, the one that runs.", autocompletion=complete_tag, show_default=False),
]
SetOption = Annotated[list[str] | None, typer.Option("--set", metavar="K=V", help="A value over the environment's own, as Helm's --set.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
TimeoutOption = Annotated[str, typer.Option("--timeout", metavar="DURATION", help="How long to wait for the pods, such as 10m.")]
WaitLockOption = Annotated[
    str, typer.Option("--wait-lock", metavar="DURATION", help="How long to wait for somebody else who is releasing, such as 5m.")
]
NoteOption = Annotated[str, typer.Option("--note", metavar="TEXT", help="Kept with the revision and shown by history.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show what would happen and write nothing.")]
ServicesConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--services-config", metavar="DIR", help="The services_config checkout; else HELMTOOL_SERVICES_CONFIG.", show_default=False
    ),
]
IdentityOption = Annotated[
    Path | None, typer.Option("--identity", metavar="FILE", help="The age identity; over SOPS_AGE_KEY, SOPS_AGE_KEY_FILE and the cluster.")
]

GLOBAL: dict[str, Any] = {
    "config_dir": Annotated[
        Path | None, typer.Option("--config-dir", metavar="DIR", help="Where charts/ and values/ are.", rich_help_panel=PANEL)
    ],
    "kubeconfig": Annotated[
        str | None, typer.Option("--kubeconfig", metavar="FILE", help="Over KUBECONFIG and environments.yaml.", rich_help_panel=PANEL)
    ],
    "kube_context": Annotated[
        str | None, typer.Option("--kube-context", metavar="NAME", help="Over the current context.", rich_help_panel=PANEL)
    ],
    "output": Annotated[
        Output | None,
        typer.Option("--output", "-o", help="json: one document on stdout, errors too; openmetrics: status alone.", rich_help_panel=PANEL),
    ],
    "verbose": Annotated[
        int,
        typer.Option(
            "--verbose", "-v", count=True, show_default=False, help="Show programs; twice: requests, tracebacks.", rich_help_panel=PANEL
        ),
    ],
    "quiet": Annotated[bool, typer.Option("--quiet", "-q", help="Only data, warnings and errors.", rich_help_panel=PANEL)],
    "no_color": Annotated[bool, typer.Option("--no-color", help="No colours; NO_COLOR does the same.", rich_help_panel=PANEL)],
}
DEFAULTS = {"config_dir": None, "kubeconfig": None, "kube_context": None, "output": None, "verbose": 0, "quiet": False, "no_color": False}

# The one terminal of the process: the handler of errors needs it even where no command was found.
terminal = Terminal()


def with_globals(function: Callable[..., None], outputs: frozenset[Output] = USUAL_OUTPUTS) -> Callable[..., None]:
    """The function as a command that also takes the global options; it is called without them, they go to `terminal`.

    `outputs` are the forms that it can give; another one is a UsageError, wherever on the command line it was asked for.
    """
    own = inspect.signature(function, eval_str=True)

    def command(**arguments: Any) -> None:
        apply_globals(terminal, {name: arguments.pop(name) for name in GLOBAL})
        if terminal.output not in outputs:
            _refuse_output(function.__name__)
        try:
            function(**arguments)
        except HelmtoolError as error:
            if name := _one_environment(arguments):
                error.name_environment(name)
            raise

    extra = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=DEFAULTS[name], annotation=annotation)
        for name, annotation in GLOBAL.items()
    ]
    parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own.parameters.values()]
    command.__signature__ = own.replace(parameters=parameters + extra)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters + extra}
    command.__doc__, command.__name__ = function.__doc__, function.__name__
    return command


def _one_environment(arguments: dict[str, Any]) -> str:
    """The environment that the command is about; empty if it names none, or several, whose errors are named one by one."""
    words = arguments.get("envs_and_tag") or ()
    names = words[:1] if len(words) <= len(("ENV", "TAG")) else words
    found = [*names, *(arguments.get("envs") or ()), *(arguments[name] for name in ("env", "target") if arguments.get(name))]
    return str(found[0]) if len(found) == 1 else ""


def _refuse_output(command: str) -> NoReturn:
    asked, terminal.output = terminal.output, Output.TEXT.value
    raise UsageError(
        f"-o {asked} is for status alone, not for {command.removesuffix('_command')}", hint="-o json, or helmtool status -o openmetrics"
    )


def group(summary: str) -> typer.Typer:
    """A group of commands that takes the global options before its command too."""

    def callback() -> None:
        pass

    app = typer.Typer(no_args_is_help=True, help=summary)
    app.callback(help=summary)(with_globals(callback, ANY_OUTPUT))  # what its command gives is the command's to say
    return app


def apply_globals(target: Terminal, given: dict[str, Any]) -> None:
    """Sets what was given; what was not keeps what an earlier place on the command line has set."""
    paths = {name: given[name] for name in ("config_dir", "kubeconfig", "kube_context") if given[name] is not None}
    target.settings = target.settings._replace(**paths) if paths else target.settings
    target.output = given["output"].value if given["output"] else target.output
    target.verbose = max(target.verbose, given["verbose"])
    target.quiet = target.quiet or given["quiet"]
    target.no_color = target.no_color or given["no_color"]
    if given["verbose"]:
        log_to_stderr(given["verbose"])
    _tell_of_the_copy()


class _Told(logging.Handler):
    """Shows each thing once: several operations of a command look for the project."""

    def __init__(self) -> None:
        super().__init__()
        self.told: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if text not in self.told:
            self.told.add(text)
            terminal.warn(text)


def _tell_of_the_copy() -> None:
    """From here on a person hears that there is no checkout; not in `complete_environment`, where stderr is the prompt's."""
    log = logging.getLogger("helmtool.packaged")
    if not log.handlers:
        log.addHandler(_Told())
        log.setLevel(logging.INFO)
        log.propagate = False


def reset() -> None:
    """Forgets the options of an earlier command line of the same process."""
    logging.getLogger("helmtool.packaged").handlers.clear()
    fresh = Terminal(settings=Settings())
    terminal.__dict__.update(fresh.__dict__)
