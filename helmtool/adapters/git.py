"""git, asked about one folder: what a commit would hold, and what any commit ever held."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from helmtool.adapters import process

TIMEOUT = 60.0


class History(NamedTuple):
    """Every blob that a branch, a tag, the stash or the reflog still reaches: its object name and one path from the root."""

    paths: dict[str, str]
    algorithm: str

    def holds(self, content: bytes) -> str | None:
        """The path under which exactly this content is kept; nothing where it is not. The hash stays in this process."""
        digest = hashlib.new(self.algorithm, b"blob %d\0" % len(content), usedforsecurity=False)
        digest.update(content)
        return self.paths.get(digest.hexdigest())

    @property
    def names(self) -> frozenset[str]:
        """Every path that was ever committed."""
        return frozenset(self.paths.values())


class Git:
    """The repository that a folder is in, if it is in one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def root(self) -> Path | None:
        """The top of the working tree; nothing outside git, without git, or where git refuses to look."""
        output = self._run("rev-parse", "--show-toplevel")
        return Path(output.decode(errors="surrogateescape").rstrip("\n")) if output else None

    def tracked(self) -> frozenset[str]:
        """The names of the folder's files that git has, in the index at least."""
        return self._names("--cached")

    def new(self) -> frozenset[str]:
        """The names of the files that the next commit would be the first to hold: staged, or neither tracked nor ignored."""
        staged = self._run("diff", "--cached", "--name-only", "-z", "--diff-filter=A", "--no-renames", "--relative", "--", ".") or b""
        return self._names("--others", "--exclude-standard") | _split(staged)

    def history(self) -> History | None:
        """All blobs of the whole history, the index included; nothing where git cannot tell."""
        output = self._run("rev-list", "--objects", "--all", "--reflog", "--indexed-objects")
        kind = self._run("rev-parse", "--show-object-format")
        if output is None or kind is None:
            return None
        lines = (line.partition(" ") for line in output.decode(errors="surrogateescape").splitlines())
        return History({name: path for name, _, path in lines if path}, kind.decode().strip() or "sha1")

    def _names(self, *options: str) -> frozenset[str]:
        return _split(self._run("ls-files", "-z", *options, "--", ".") or b"")

    def _run(self, *arguments: str) -> bytes | None:
        argv = ["git", "-C", str(self._folder), *arguments]
        try:
            done = process.run(argv, env=process.environment() | {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}, timeout=TIMEOUT)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout if done.returncode == 0 else None


def _split(output: bytes) -> frozenset[str]:
    return frozenset(name for name in output.decode(errors="surrogateescape").split("\0") if name)


def steps(root: Path | None, changed: Iterable[Path], message: str) -> list[str]:
    """The commands that bring changed files of a checkout to everybody."""
    import shlex

    if root is None:
        return []
    at = f"git -C {shlex.quote(str(root))}"
    files = " ".join(shlex.quote(str(path.resolve().relative_to(root.resolve()))) for path in changed)
    return [f"{at} add {files}", f"{at} commit -m {shlex.quote(message)}", f"{at} push"] if files else []
