"""Asks several environments at once, each in a thread of its own, and waits for none of them longer than its time."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

Answer = TypeVar("Answer")

AT_ONCE = 32
"""The most that are asked at the same time."""
PATIENCE = 30.0
"""Seconds after which one that has not answered is not waited for."""
TELL_AFTER = 1.0
"""Seconds after which those are named that are still waited for."""


async def ask_each(
    names: Sequence[str],
    ask: Callable[[str], Answer],
    *,
    patience: float = PATIENCE,
    waiting: Callable[[Sequence[str]], None] | None = None,
) -> dict[str, Answer | None]:
    """What `ask` gives for each name, in their order; nothing for those that did not answer in time.

    `waiting` is told who is still waited for, where that takes longer than a second and whenever it has changed. The threads are
    daemons: one that hangs holds up neither the others nor the end of the program. What `ask` raises is raised.
    """
    found: dict[str, Answer | None] = dict.fromkeys(names)
    to_ask = deque(found)
    asked: dict[asyncio.Future[Answer], str] = {}
    until: dict[str, float] = {}
    told: list[str] = []
    while to_ask or asked:
        while to_ask and len(asked) < AT_ONCE:
            name = to_ask.popleft()
            asked[_in_thread(ask, name)], until[name] = name, time.monotonic() + patience
        done, _ = await asyncio.wait(asked, timeout=TELL_AFTER, return_when=asyncio.FIRST_COMPLETED)
        for future in done:
            found[asked.pop(future)] = future.result()
        for future, name in [*asked.items()]:
            if time.monotonic() >= until[name]:
                del asked[future]
        if waiting and not done and asked and told != [*asked.values()]:
            told = [*asked.values()]
            waiting(told)
    return found


def _in_thread(ask: Callable[[str], Answer], name: str) -> asyncio.Future[Answer]:
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Answer] = loop.create_future()

    def settle(answer: Answer | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error:
            future.set_exception(error)
        else:
            future.set_result(answer)  # type: ignore[arg-type]

    def run() -> None:
        answer, error = None, None
        try:
            answer = ask(name)
        except BaseException as raised:
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, answer, error)

    threading.Thread(target=run, daemon=True, name=f"ask {name}").start()
    return future
