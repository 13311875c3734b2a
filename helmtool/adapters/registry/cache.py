"""Facts of digests, kept in the cache folder: a digest's facts never change. A cache that cannot be used is done without."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from pathlib import Path

from helmtool.adapters.regular import read_file
from helmtool.adapters.toolbox import cache_home
from helmtool.errors import HelmtoolError
from helmtool.model.registry import Facts, facts_from

LARGEST = 1 << 20


class FactsCache:
    """One small file for each digest, in `$XDG_CACHE_HOME/helmtool/facts`; files appear whole or not at all."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        if folder is None:
            with contextlib.suppress(HelmtoolError):
                self._folder = cache_home() / "helmtool" / "facts"

    def get(self, digest: str) -> Facts | None:
        """What is known of the digest, if anything."""
        if self._folder is None:
            return None
        try:
            return facts_from(json.loads(read_file(self._file(self._folder, digest), LARGEST)), digest)
        except (OSError, ValueError, RecursionError):
            return None

    def put(self, facts: Facts) -> None:
        """Keeps facts."""
        if self._folder is None:
            return
        file = self._file(self._folder, facts.digest)
        draft = file.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
        with contextlib.suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(json.dumps(facts.as_dict()))
            draft.replace(file)

    @staticmethod
    def _file(folder: Path, digest: str) -> Path:
        return folder / f"{digest.removeprefix('sha256:')}.json"
