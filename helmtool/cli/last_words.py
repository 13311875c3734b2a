"""What reaches stderr beside the terminal's own sentences: the log, tracebacks, and what Python itself prints. All of it redacted."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import warnings
from typing import Any

from helmtool.cli.harmless import harmless


class RedactedFormatter(logging.Formatter):
    """A line of the log, and the traceback in it, redacted, with an escape for what cannot be seen."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        return harmless(super().format(record))


def print_traceback(error: BaseException) -> None:
    """The traceback of an error on stderr, redacted."""
    import traceback

    _say("".join(traceback.format_exception(error)))


def redact_last_words() -> None:
    """What Python itself prints on stderr goes through the redactor too: errors of threads and finalizers, warnings, logs."""

    def warned(message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: Any, **__: Any) -> None:
        _say(f"{filename}:{lineno}: {category.__name__}: {message}\n")

    def failed(args: Any) -> None:
        if args.exc_value is not None and args.exc_type is not SystemExit:
            print_traceback(args.exc_value)

    sys.excepthook = lambda _kind, error, _traceback: print_traceback(error)
    sys.unraisablehook = failed
    threading.excepthook = failed
    warnings.showwarning = warned
    if logging.lastResort:
        logging.lastResort.setFormatter(RedactedFormatter())


def _say(text: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        if sys.stderr:
            sys.stderr.write(harmless(text))
