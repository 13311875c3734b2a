"""How far a long copy is, told every few seconds."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from helmtool.model.size import in_words
from helmtool.operations.progress import Progress

EVERY = 2.0


class Meter:
    """Counts the bytes of one step, and tells how many of how many are done."""

    def __init__(self, progress: Progress, step: str, total: int) -> None:
        self._progress, self._step, self._total = progress, step, total
        self._done, self._told = 0, time.monotonic()

    def add(self, size: int) -> None:
        """So many bytes more are done."""
        self._done += size
        if time.monotonic() - self._told >= EVERY:
            self._told = time.monotonic()
            share = 100 * self._done // max(self._total, 1)
            self._progress.start(self._step, f"{in_words(self._done)} of {in_words(self._total)}, {share} %")

    def counted(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The same chunks, counted on their way."""
        for chunk in chunks:
            yield chunk
            self.add(len(chunk))
