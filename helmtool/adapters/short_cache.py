"""Small lists that completion asks for again and again, kept for a short time; a cache that cannot be used is done without."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

from helmtool.adapters.regular import read_file
from helmtool.adapters.toolbox import cache_home
from helmtool.errors import HelmtoolError

LARGEST = 4 << 20
Entry = tuple[str, str]
"""What may be typed, and a few words about it."""


class ShortCache:
    """One file for each key in `$XDG_CACHE_HOME/helmtool/completion`; files appear whole or not at all."""

    def get(self, key: str, seconds: float) -> list[Entry] | None:
        """What was kept under the key at most so many seconds ago."""
        file = self._file(key)
        try:
            if file is None or not 0 <= time.time() - file.stat().st_mtime <= seconds:
                return None
            return [(str(value), str(words)) for value, words in json.loads(read_file(file, LARGEST))]
        except (OSError, ValueError, TypeError, RecursionError):
            return None

    def put(self, key: str, entries: Sequence[Entry]) -> None:
        """Keeps a list."""
        file = self._file(key)
        if file is None:
            return
        draft = file.with_suffix(f".{os.getpid()}")
        with contextlib.suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(json.dumps(list(entries)))
            draft.replace(file)

    @staticmethod
    def _file(key: str) -> Path | None:
        with contextlib.suppress(HelmtoolError):
            return cache_home() / "helmtool" / "completion" / f"{hashlib.sha256(key.encode()).hexdigest()}.json"
        return None
