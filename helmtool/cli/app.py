"""The command line: every command in its group, and the one handler of errors at the top."""

from __future__ import annotations

import contextlib
import errno
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from helmtool import __version__
from helmtool.cli.commands import Program
from helmtool.cli.last_words import print_traceback
from helmtool.cli.options import ANY_OUTPUT, reset, terminal, with_globals
from helmtool.cli.zsh import replace_script
from helmtool.errors import HelmtoolError, Interrupted, InvalidInput, OperationFailed, UsageError

app = typer.Typer(
    name="helmtool",
    cls=Program,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Release the newdqmgui service to Kubernetes: validated, diffed, watched, rolled back.",
)

NO_NAME = (errno.ENAMETOOLONG, errno.ELOOP)
"""What a person's own path can be: longer than the system's names, or a link to itself."""
REPORT = "run it again with -vv, and report what it prints"


def _print_version(asked: bool) -> None:
    if asked:
        if terminal.as_json:
            terminal.document({"version": __version__})
        else:
            terminal.data(f"helmtool {__version__}")
        raise typer.Exit


def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)] = False,
) -> None:
    """Release the newdqmgui service to Kubernetes: validated, diffed, watched, rolled back."""


app.callback()(with_globals(root, ANY_OUTPUT))


def run(arguments: Sequence[str]) -> int:
    """Runs one command line and gives its exit code; every error ends here, with a sentence and never a traceback (but with -vv)."""
    reset()
    replace_script()
    try:
        result = app(args=_seen_early(arguments), prog_name="helmtool", standalone_mode=False)
    except HelmtoolError as error:
        return _fail(error)
    except KeyboardInterrupt:
        return _fail(Interrupted("interrupted"))
    except Exception as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # the help, which is printed already, says it all
            return UsageError.exit_code
        return _fail(_as_error(error))
    if result == Interrupted.exit_code:  # typer makes this of a Ctrl-C, without a word
        return _fail(Interrupted("interrupted"))
    return result if isinstance(result, int) else 0


def _seen_early(arguments: Sequence[str]) -> list[str]:
    """Notes `-o json` before anything is parsed, so that a command line that cannot be parsed is still answered in JSON."""
    pairs = zip(arguments, [*arguments[1:], ""], strict=False)
    if any((one in ("-o", "--output") and two == "json") or one in ("-ojson", "--output=json") for one, two in pairs):
        terminal.output = "json"
    return list(arguments)


def _as_error(error: Exception) -> HelmtoolError:
    """What typer says of a command line that does not exist, or a mistake in this program."""
    format_message: Any = getattr(error, "format_message", None)
    if format_message:
        command = getattr(getattr(error, "ctx", None), "command_path", "helmtool")
        return UsageError(str(format_message()) or "a command is missing", hint=f"{command} --help")
    if isinstance(error, typer.Abort):
        return Interrupted("interrupted")
    if isinstance(error, OSError):
        kind = InvalidInput if error.errno in NO_NAME else OperationFailed
        return kind(": ".join(str(part) for part in (error.filename, error.strerror or error) if part), hint=REPORT)
    import traceback

    # Not its text: it may quote a value, and a value may be a secret.
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return OperationFailed(f"a mistake in helmtool: {type(error).__name__} at {frame.filename}:{frame.lineno}", hint=REPORT)


def _fail(error: HelmtoolError) -> int:
    try:
        terminal.error(error)
    except HelmtoolError:  # stdout cannot be written: stderr may be read
        terminal.output = "text"
        with contextlib.suppress(HelmtoolError):
            terminal.error(error)
    cause = sys.exc_info()[1]
    if terminal.verbose > 1 and cause:
        print_traceback(cause)
    return error.exit_code
