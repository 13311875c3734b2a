"""A link on which a round trip takes its time, before a server of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import Future

CHUNK = 1 << 16


@contextlib.contextmanager
def far(port: int, seconds: float) -> Iterator[int]:
    """Passes connections on to a port of this machine, each byte half a round trip of `seconds` later; gives the port to connect to.

    What a client says first comes a whole round trip later still: its connection would have taken that long.
    """
    link = _Link(port, seconds)
    thread = threading.Thread(target=asyncio.run, args=(link.serve(),), name="link")
    thread.start()
    loop, end, own = link.begun.result()
    try:
        yield own
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()


class _Link:
    def __init__(self, port: int, seconds: float) -> None:
        self._port, self._seconds = port, seconds
        self.begun: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event, int]] = Future()

    async def serve(self) -> None:
        """Until the event that `begun` gives, beside the port, is set; connections end with it."""
        end = asyncio.Event()
        async with await asyncio.start_server(self._connected, "127.0.0.1", 0, backlog=256) as server:
            self.begun.set_result((asyncio.get_running_loop(), end, server.sockets[0].getsockname()[1]))
            await end.wait()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            await asyncio.gather(self._late(reader, back, self._seconds), self._late(there, writer, 0.0))
        except asyncio.CancelledError:
            pass  # the link ends
        finally:
            for each in (writer, back):
                each.close()

    async def _late(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, first: float) -> None:
        """Hands on what is read, in its order, after its time; an end as well."""
        loop = asyncio.get_running_loop()
        open_from, way = loop.time() + first, self._seconds / 2
        with contextlib.suppress(OSError):
            while chunk := await reader.read(CHUNK):
                loop.call_at(max(loop.time(), open_from) + way, writer.write, chunk)
        await asyncio.sleep(max(0.0, open_from - loop.time()) + way)
        writer.close()
