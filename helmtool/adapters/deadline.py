"""A limit for the whole of something that waits for another side."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

MARGIN = 0.2
"""Seconds more, in which what is called can say better what it waited for."""
Result = TypeVar("Result")


def within(seconds: float, call: Callable[[], Result]) -> Result:
    """What the call returns, if it does within the seconds, whatever it waits for. Raises TimeoutError and what the call raises.

    urllib3's limits hold for each read, so that a server that sends a byte now and then would be waited for without end. A call that takes
    too long goes on in a daemon thread, and what it returns is dropped.
    """
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name="request", daemon=True).start()
    done = wait([future], seconds + MARGIN).done
    if not done:
        raise TimeoutError(f"no complete answer within {seconds:.0f} s")
    return future.result()
