"""The programs that a real cluster needs: which are there, and how those that are not get there."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from typing import NamedTuple

from helmtool.adapters import tool_build, tool_download, toolbox
from helmtool.errors import OperationFailed
from helmtool.operations.progress import Progress


class Standing(NamedTuple):
    """One program: which versions do, and the one that is used, or would be if it did (empty where there is none).

    `place` is `cache` or `PATH`.
    """

    program: str
    wanted: str
    version: str = ""
    path: str = ""
    place: str = ""
    fits: bool = False


def standings() -> list[Standing]:
    """Every program of toolbox.CLIENT."""
    return [_standing(program) for program in toolbox.CLIENT]


def install(progress: Progress, *, download: bool = False, mirror: str = "") -> list[Standing]:
    """Gets what does not fit: built from source, or downloaded where that was asked for; what fits on PATH is used as it is.

    Raises UsageError, NoHome, NoGo, BuildFailed, and what `tool_download` raises; what was complete before stays.
    """
    address = tool_download.check_mirror(mirror) if mirror else ""
    before = standings()
    for each in before:
        if each.fits:
            progress.done("tools", f"{each.program} {each.version}: {each.path} is used")
    missing = [each.program for each in before if not each.fits]
    if missing:
        _get(missing, progress, download=download or bool(mirror), mirror=address)
    after = standings()
    if missing and not all(each.fits for each in after):
        raise OperationFailed("the programs were made, and are still not found", hint="helmtool tools status")
    return after


def _get(missing: list[str], progress: Progress, *, download: bool, mirror: str) -> None:
    if not download:
        tool_build.build(partial(progress.start, "build"))
        progress.done("build", f"{', '.join(missing)}: in {toolbox.tools_folder()}")
        return
    releases = [tool_download.find_release(program) for program in missing]
    try:
        with toolbox.locked(lambda lock: progress.start("tools", f"another one is at it (it holds {lock}): waiting")):
            for release in releases:
                _download(release, mirror, progress)
    except OSError as error:  # of the lock: the rest has its own
        raise tool_download.not_kept(toolbox.tools_folder(), error) from None


def _download(release: tool_download.Release, mirror: str, progress: Progress) -> None:
    if toolbox.is_pinned(release.program):
        progress.done("tools", f"{release.program} {release.version}: another one has brought it")
        return
    tool = tool_download.download(release, mirror, partial(progress.start, "download"))
    progress.done("download", f"{tool.program} {tool.version}: the sha256 is the pinned one; {tool.path}")


def _standing(program: str) -> Standing:
    wanted = toolbox.expectation(program, toolbox.VERSIONS[program]).rstrip(",")
    try:
        tool = toolbox.locate(program)
    except toolbox.ToolMissing:
        path = shutil.which(program)
        version = toolbox.read_version(program, Path(path).absolute()) if path else None
        return Standing(program, wanted, version or "", path or "", "PATH" if path else "")
    place = "cache" if toolbox.is_pinned(program) else "PATH"
    return Standing(program, wanted, tool.version, str(tool.path), place, fits=True)
