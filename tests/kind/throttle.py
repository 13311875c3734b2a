"""A way to a port of this machine that lets only so many bytes through in a second, whatever the number of connections."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

PIECE = 1 << 16


class Budget:
    """What may pass: `rate` bytes in a second, over all connections."""

    def __init__(self, rate: float) -> None:
        self._rate, self._free_at, self._lock = rate, 0.0, threading.Lock()

    def spend(self, size: int) -> None:
        """Returns when that many bytes may have passed."""
        with self._lock:
            now = time.monotonic()
            self._free_at = max(self._free_at, now) + size / self._rate
            pause = self._free_at - now
        time.sleep(pause)


@contextlib.contextmanager
def throttled(address: str, upstream: int, rate: float) -> Iterator[int]:
    """Listens at the address and gives the port; what the upstream port of loopback answers comes at `rate` bytes a second."""
    budget = Budget(rate)
    with socket.create_server((address, 0)) as listener:
        threading.Thread(target=_accept, args=(listener, upstream, budget), daemon=True).start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            # Closing alone does not wake a thread that waits in accept.
            listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, upstream: int, budget: Budget) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, _ = listener.accept()
            server = socket.create_connection(("127.0.0.1", upstream))
            threading.Thread(target=_pass_on, args=(client, server, None), daemon=True).start()
            threading.Thread(target=_pass_on, args=(server, client, budget), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket, budget: Budget | None) -> None:
    """Until the source ends; then the target is told, and the other direction may go on."""
    with contextlib.suppress(OSError), source:
        while piece := source.recv(PIECE):
            if budget:
                budget.spend(len(piece))
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
