"""Runs an operation to its end, or to the signal that ends it; imported late, because asyncio is felt with every command."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from helmtool.errors import HelmtoolError, Interrupted

Result = TypeVar("Result")


def run(operation: Coroutine[Any, Any, Result]) -> Result:
    """The operation's result; the first Ctrl-C or SIGTERM cancels it, so that it can clean up, a second one ends it."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        return asyncio.run(_with_sigterm(operation))
    except KeyboardInterrupt:
        raise Interrupted("interrupted twice: left as it is", hint="helmtool status ENV says what is pending") from None
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)  # asyncio leaves the system's own, which ends the process without a word


async def _with_sigterm(operation: Coroutine[Any, Any, Result]) -> Result:
    task = asyncio.current_task()
    asyncio.get_running_loop().set_exception_handler(_without_own_errors)
    if task and threading.current_thread() is threading.main_thread():
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        return await operation
    except asyncio.CancelledError:
        raise Interrupted("interrupted before anything was written") from None


def _without_own_errors(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """After a second Ctrl-C asyncio would print how the operation ended, or the start of a program that the Ctrl-C met, as a
    traceback; the command's last sentence says it."""
    if not isinstance(context.get("exception"), (HelmtoolError, KeyboardInterrupt)):
        loop.default_exception_handler(context)
