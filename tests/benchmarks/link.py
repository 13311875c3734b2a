"""A link on which a round trip takes its time, before a server of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator

CHUNK = 1 << 16


@contextlib.contextmanager
def far(port: int, seconds: float) -> Iterator[int]:
    """Passes connections on to a port of this machine, each byte half a round trip of `seconds` later; gives the port to connect to.

    What a client says first comes a whole round trip later still: its connection would have taken that long.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True, name="link")
    thread.start()
    serving = asyncio.run_coroutine_threadsafe(_serve(port, seconds), loop).result()
    try:
        yield serving.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


async def _serve(port: int, seconds: float) -> asyncio.Server:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_late(reader, back, seconds / 2, seconds), _late(there, writer, seconds / 2, 0.0))

    return await asyncio.start_server(connected, "127.0.0.1", 0, backlog=256)


async def _late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float, first: float) -> None:
    """Hands on what is read, in its order, after its time; an end as well."""
    loop = asyncio.get_running_loop()
    open_from = loop.time() + first
    with contextlib.suppress(OSError):
        while chunk := await reader.read(CHUNK):
            loop.call_at(max(loop.time(), open_from) + seconds, writer.write, chunk)
    loop.call_at(max(loop.time(), open_from) + seconds, writer.close)
