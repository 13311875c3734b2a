"""Several things at once, all of them ended before an error goes on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable
from importlib import import_module
from typing import Any, TypeVar

from helmtool.errors import HelmtoolError

Result = TypeVar("Result")


async def together(*awaitables: Awaitable[Any]) -> list[Any]:
    """The results in their order; the first error is raised once nothing is under way any more.

    asyncio.gather raises at once, and what is left is cancelled at the end of the program: a helm that was just being
    started then hangs, or prints a traceback.
    """
    results = await asyncio.gather(*awaitables, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


@contextlib.asynccontextmanager
async def beside(awaitable: Awaitable[Result]) -> AsyncIterator[asyncio.Future[Result]]:
    """Runs something beside the block, which may await it; it has ended when the block is left.

    Where both fail, its own error is the one that is raised: what runs beside is what comes first in the order of steps.
    """
    future = asyncio.ensure_future(awaitable)
    try:
        yield future
    except HelmtoolError:
        await finish(future)
        future.result()
        raise
    finally:
        await finish(future)


def load(*operations: str) -> None:
    """Imports operations that come later, which takes a tenth of a second: to be run beside something that is waited for anyway."""
    for name in operations:
        import_module(f"helmtool.operations.{name}")


async def finish(future: asyncio.Future[Any]) -> None:
    """Waits until what is under way has ended, however often the task is cancelled meanwhile; its result or error stays in the future."""
    while not future.done():
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await asyncio.shield(future)


def uncancel() -> None:
    """Takes back the cancellation of the task, so that it can clean up and await again."""
    task = asyncio.current_task()
    if task:
        task.uncancel()
