"""git, called for one folder: its commit, what the next commit would hold, and what any commit ever held. Nothing else starts it."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterable, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

from helmtool.adapters import process

TIMEOUT, QUICK = 60.0, 10.0
"""Seconds: for a command that reads the whole history, and for one that every release waits for."""
KEPT = {
    *("GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_SYSTEM"),
    *("GIT_CEILING_DIRECTORIES", "GIT_DISCOVERY_ACROSS_FILESYSTEM", "GIT_EXEC_PATH"),
}
"""Variables that say where git looks, on any repository. All others, GIT_DIR or GIT_INDEX_FILE, belong to the git that started a hook."""


NOISE = (".*", "*~", "*.orig", "*.swp", "__pycache__")
"""Names of files that git may ignore and no chart, values file or image is made from (the chart's .helmignore; Python's bytecode)."""


class Head(NamedTuple):
    """The commit that is checked out, and whether the folders that were asked for hold what it holds, whatever git was told to overlook."""

    commit: str
    clean: bool


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
        found = Path(output.decode(errors="surrogateescape").rstrip("\n")) if output else None
        return found if found and self._folder.resolve().is_relative_to(found.resolve()) else None

    def head(self, folders: Sequence[str]) -> Head | None:
        """The commit; None outside git, without a commit, or if git fails."""
        shown = ("--untracked-files=normal", "--ignored=matching")  # whatever status.showUntrackedFiles says
        output = self._run("status", "--porcelain=v2", "--branch", *shown, "--", *folders, seconds=QUICK)
        lines = (output or b"").decode(errors="replace").splitlines()
        commit = next((line.rsplit(" ", 1)[1] for line in lines if line.startswith("# branch.oid ")), "")
        if commit in ("", "(initial)"):
            return None
        changed = [line for line in lines if not (line.startswith("#") or (line.startswith("! ") and _is_noise(line[2:])))]
        return Head(commit, not changed and not self._overlooked(folders))

    def _overlooked(self, folders: Sequence[str]) -> list[str]:
        """The files that are there and that git does not compare: assume-unchanged or skip-worktree (git-update-index)."""
        output = self._run("ls-files", "-v", "-z", "--", *folders, seconds=QUICK)
        marks = (entry.partition(" ") for entry in _split(output or b""))
        return [name for mark, _, name in marks if (mark.islower() or mark == "S") and (self._folder / name).exists()]

    def origin(self) -> str:
        """The address that the repository was cloned from, which may hold credentials; empty if there is none."""
        return (self._run("remote", "get-url", "origin", seconds=QUICK) or b"").decode(errors="replace").strip()

    def tracked(self) -> frozenset[str]:
        """The names of the folder's files that git has, in the index at least."""
        return self._names("--cached")

    def new(self) -> frozenset[str]:
        """The names of the files that the next commit may be the first to hold: staged, `add -N`, or neither tracked nor ignored.

        That holds for whichever index a hook is called with: `commit -a` takes files of `add -N` too.
        """
        kinds = ("--name-only", "-z", "--diff-filter=A", "--no-renames", "--ita-visible-in-index")
        staged = self._run("diff", "--cached", *kinds, "--relative", "--", ".") or b""
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

    def _run(self, *arguments: str, seconds: float = TIMEOUT) -> bytes | None:
        argv = ["git", "-C", str(self._folder), *arguments]
        try:
            done = process.run(argv, env=environment() | {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}, timeout=seconds)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout if done.returncode == 0 else None


def is_safe(folder: Path, *below: Path) -> bool:
    """Whether git would trust the folder: it is this user's (under sudo, the caller's too), or named in safe.directory (git-config).

    So must be what is `below` it, as git's own folder must: anybody may write into a folder such as /tmp.
    """
    own = {os.geteuid()} | ({int(os.environ["SUDO_UID"])} if not os.geteuid() and os.environ.get("SUDO_UID", "").isdecimal() else set())
    if all(path.stat().st_uid in own for path in (folder, folder / ".git", *below) if path.exists()):
        return True
    trusted: list[str] = []
    anywhere = Git(Path("/"))  # no repository's own settings
    for entry in (anywhere._run("config", "--type=path", "-z", "--get-all", "safe.directory", seconds=QUICK) or b"").split(b"\0")[:-1]:
        trusted = [*trusted, entry.decode(errors="surrogateescape")] if entry else []
    return any(entry in ("*", str(folder)) or (entry.endswith("/*") and f"{folder}/".startswith(entry[:-1])) for entry in trusted)


def environment() -> dict[str, str]:
    """This process's environment without the repository, index and options of a git around it (githooks(5)), for programs that call git."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name in KEPT}


def _split(output: bytes) -> frozenset[str]:
    return frozenset(name for name in output.decode(errors="surrogateescape").split("\0") if name)


def _is_noise(path: str) -> bool:
    return any(fnmatch(part, pattern) for part in path.rstrip("/").split("/") for pattern in NOISE)


def steps(root: Path | None, changed: Iterable[Path], message: str) -> list[str]:
    """The commands that bring changed files of a checkout to everybody."""
    import shlex

    if root is None:
        return []
    at = f"git -C {shlex.quote(str(root))}"
    files = " ".join(shlex.quote(str(path.resolve().relative_to(root.resolve()))) for path in changed)
    return [f"{at} add {files}", f"{at} commit -m {shlex.quote(message)}", f"{at} push"] if files else []
