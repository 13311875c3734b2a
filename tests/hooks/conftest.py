"""The hooks installed once by the real pre-commit, from a clone of what is committed and changed here."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATIENCE = 400.0
"""Seconds: the first run installs the package and what it needs into an environment of pre-commit's own."""


@dataclass(frozen=True)
class Hooks:
    """A throw-away repository in which `git commit` runs one hook."""

    folder: Path
    home: Path

    def commit(self) -> subprocess.CompletedProcess[str]:
        """Adds everything and commits it, as a person does."""
        self.git("add", "-A")
        return self.git("commit", "-m", "a change", check=False)

    def git(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return run(["git", *arguments], self.folder, self.home, check=check)


def run(argv: list[str], folder: Path, home: Path, *, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Runs a program with an identity of git's and pre-commit's own cache."""
    identity = {f"GIT_{who}_{what}": "t@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    own = {"PRE_COMMIT_HOME": str(home), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "GIT_CONFIG_GLOBAL": os.devnull}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") and name != "PYTHONPATH"}
    return subprocess.run(argv, cwd=folder, env=inherited | identity | own, capture_output=True, text=True, timeout=PATIENCE, check=check)


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This checkout's files as a repository with one commit, for pre-commit takes a revision of one."""
    folder, home = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("unused")
    files = run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], ROOT, home).stdout.split("\0")
    for file in files:
        if file and (ROOT / file).is_file():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes((ROOT / file).read_bytes())
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"]):
        run(["git", *arguments], folder, home)
    return folder


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pre-commit's cache, which keeps the installed hooks for the whole session."""
    return tmp_path_factory.mktemp("pre-commit")


@pytest.fixture
def hooks(source: Path, home: Path, tmp_path: Path) -> Callable[..., Hooks]:
    """A new repository with one hook installed."""

    def make(hook: str) -> Hooks:
        made = Hooks(tmp_path / "repository", home)
        made.folder.mkdir()
        made.git("init", "-q")
        revision = run(["git", "rev-parse", "HEAD"], source, home).stdout.strip()
        (made.folder / ".pre-commit-config.yaml").write_text(f"repos:\n- repo: {source}\n  rev: {revision}\n  hooks: [{{id: {hook}}}]\n")
        run(["pre-commit", "install"], made.folder, home)
        return made

    return make
