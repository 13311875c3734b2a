"""Where to look: what the global options say. A module of its own, because every start of the program needs it and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Settings(NamedTuple):
    """What the global options and the process environment say of where to look."""

    config_dir: Path | None = None
    kubeconfig: str | None = None
    kube_context: str | None = None

    def through(self, kubeconfig: str) -> Settings:
        """The same for an environment's own kubeconfig, whatever KUBECONFIG and the options say of another one; empty for the embedded."""
        return self._replace(kubeconfig=kubeconfig or None, kube_context=None)
