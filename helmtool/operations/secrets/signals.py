"""A signal that ends the program lets it clean up first."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any, NoReturn

from helmtool.errors import Interrupted

ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


@contextlib.contextmanager
def ended_by_signals(state: str) -> Iterator[None]:
    """Makes an Interrupted of the first signal that would end the process, and ignores the others: what is under way is cleaned up.

    `state` says how things are then. Does nothing outside the main thread, which alone gets signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, _frame: Any) -> NoReturn:
        for one in ENDING:
            signal.signal(one, signal.SIG_IGN)
        raise Interrupted(f"ended by {signal.Signals(number).name}; {state}")

    kept = {number: signal.signal(number, end) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
