"""The program: `helmtool`, and `python -m helmtool`."""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

COMPLETES = "_HELMTOOL_COMPLETE"
"""The variable with which a shell asks what could be typed next (typer's protocol)."""


def main() -> None:
    """Runs one command and ends the process with its exit code."""
    # Imports make many objects that stay: looking for garbage among them took a ninth of a release's start.
    gc.set_threshold(100_000, 20, 100)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends every command as a Ctrl-C does: with a word, and 130
    from helmtool.cli.help import print_help

    if print_help(sys.argv[1:]):
        sys.exit(0)
    from helmtool.adapters.withheld import withhold
    from helmtool.cli.app import run
    from helmtool.cli.last_words import redact_last_words

    withhold("SOPS_AGE_KEY")  # an age identity is for sops alone
    redact_last_words()
    if os.environ.get(COMPLETES, "").startswith("complete_"):
        _complete(run)
    end(run(sys.argv[1:]))


def end(code: int) -> NoReturn:
    """Ends the process as Python does, after all that was registered for its end, but without taking apart what was imported: that would be
    a tenth of a short command's time."""
    import threading

    threading._shutdown()  # type: ignore[attr-defined] # ends the threads of pools, and waits for all that are no daemons
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(code)


def _complete(run: Callable[[Sequence[str]], int]) -> NoReturn:
    """Answers a shell on stdout, says nothing on stderr whatever happens, and waits for no request that is still under way."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    code: object = 1
    try:
        code = run(sys.argv[1:])
    except SystemExit as end:
        code = end.code
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
        os._exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
