"""The program: `helmtool`, and `python -m helmtool`."""

from __future__ import annotations

import gc
import signal
import sys


def main() -> None:
    """Runs one command and ends the process with its exit code."""
    # Imports make many objects that stay: looking for garbage among them took a ninth of a release's start.
    gc.set_threshold(100_000, 20, 100)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends every command as a Ctrl-C does: with a word, and 130
    from helmtool.adapters.withheld import withhold
    from helmtool.cli.app import run
    from helmtool.cli.last_words import redact_last_words

    withhold("SOPS_AGE_KEY")  # an age identity is for sops alone
    redact_last_words()
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
