"""The copy of the chart and the values that an installed wheel carries; `tools/packaged.py` puts it there."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import NamedTuple

from helmtool import __version__

FOLDER = Path(__file__).resolve().parents[1] / "packaged"
"""Where it is; in a checkout and in an editable installation there is none."""

log = logging.getLogger("helmtool.packaged")
"""Told when the copy is used because there is no checkout: the command line shows it, whatever the verbosity."""


class Copy(NamedTuple):
    """Which copy it is: helmtool's version, and the commit that the wheel was built from (empty where that was not in git)."""

    version: str
    commit: str
    clean: bool

    def __str__(self) -> str:
        commit = f"commit {self.commit[:12]}" if self.commit else "commit unknown"
        return f"helmtool {self.version}, {commit}" + (" with changes" if self.commit and not self.clean else "")


def copy_of(folder: Path) -> Copy | None:
    """The copy where `folder` (resolved) is the one of this installation, else nothing."""
    if folder != FOLDER:
        return None
    try:
        source = json.loads((FOLDER / "source.json").read_bytes())
        return Copy(__version__, str(source["commit"]), bool(source["clean"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Copy(__version__, "", False)
