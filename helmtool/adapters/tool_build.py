"""helm, sops and age-keygen built from their Go modules, by `tools/build.py`: the checkout's, or the one in the wheel."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from helmtool.adapters import packaged, process, toolbox
from helmtool.errors import InvalidInput, OperationFailed

MODULES = ("go.mod", "sops/go.mod")
AGAIN = "helmtool tools install"


class NoGo(InvalidInput):
    """There is no Go on PATH that could build them."""

    code = "no-go"


class BuildFailed(OperationFailed):
    """The build ended without the programs."""

    code = "tool-build-failed"


def build(tell: Callable[[str], None]) -> None:
    """Builds what is missing of them into the cache; takes minutes, and `tell` hears of it. Raises NoGo, BuildFailed."""
    folder = _sources()
    _require_go(max(toolbox.go_line((folder / module).read_text()) for module in MODULES))
    lines: list[str] = []

    def on_line(line: str) -> None:
        lines.append(line.removeprefix("tools: "))
        tell(lines[-1])

    with process.follow([sys.executable, str(folder / "build.py"), "client", "--again", AGAIN], on_line) as program:
        code = program.wait()
    if code != 0:
        raise _failed(code, lines)


def _sources() -> Path:
    """The folder of build.py and the modules. Raises BuildFailed."""
    for folder in (packaged.FOLDER / "tools", packaged.FOLDER.parents[1] / "tools"):
        if (folder / "build.py").is_file():
            return folder
    raise BuildFailed("this installation has no tools/build.py", hint="helmtool tools install --download, or install helmtool again")


def _require_go(oldest: tuple[int, ...]) -> None:
    """Raises NoGo. `tools/build.py` would fetch a Go of its own: 270 MB that nobody asked for here."""
    wanted, found = ".".join(map(str, oldest)), shutil.which("go")
    version = toolbox.go_version(Path(found)) if found else None
    if version and version >= oldest:
        return
    there = f"{found} is {'.'.join(map(str, version))}" if version else f"{found} does not tell its version" if found else "there is none"
    raise NoGo(f"Go {wanted} or newer on PATH is needed to build them, but {there}", hint="helmtool tools install --download")


def _failed(code: int | None, lines: list[str]) -> BuildFailed:
    """What build.py says in the end: `error: …`, maybe with the compiler's last lines, and `next: …`."""
    text = "\n".join(lines)
    told = re.search(r"^error: (.*?)(?:^next: (.*))?\Z", text, re.MULTILINE | re.DOTALL)
    if told:
        return BuildFailed(told[1].strip(), hint=(told[2] or "helmtool tools install --download").strip())
    return BuildFailed(f"the build ended with {code}: {lines[-1] if lines else 'without a word'}", hint="helmtool tools install --download")
