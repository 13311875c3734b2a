"""git as a child of another git: hooks, linked worktrees and `rebase --exec` set variables that are not for our calls."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from helmtool.adapters.git import Git, environment, is_safe

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
AUTHOR = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *AUTHOR, *arguments], env=environment(), capture_output=True, text=True, check=True)
    return done.stdout.strip()


def repository(folder: Path, file: str) -> Path:
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / file).write_text(file)
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", file)
    return folder


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)


def test_no_variable_of_a_repository_reaches_our_own_git(monkeypatch: pytest.MonkeyPatch) -> None:
    local = subprocess.run(["git", "rev-parse", "--local-env-vars"], capture_output=True, text=True, check=True).stdout.split()
    assert "GIT_DIR" in local
    for name in (*local, "GIT_LITERAL_PATHSPECS", "GIT_NAMESPACE", "GIT_EXTERNAL_DIFF"):
        monkeypatch.setenv(name, "of-another")
    assert not [name for name, value in environment().items() if value == "of-another"]


@pytest.mark.parametrize(
    "names", [("GIT_DIR",), ("GIT_DIR", "GIT_WORK_TREE"), ("GIT_INDEX_FILE",), ("GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY")]
)
def test_the_folders_own_repository_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]) -> None:
    own, other = repository(tmp_path / "own", "ours"), repository(tmp_path / "other", "theirs")
    ends = {"GIT_WORK_TREE": "", "GIT_INDEX_FILE": ".git/index", "GIT_OBJECT_DIRECTORY": ".git/objects"}
    for name in names:
        monkeypatch.setenv(name, str(other / ends.get(name, ".git")))
    head, history = Git(own).head(["."]), Git(own).history()
    assert head
    assert (head.commit, head.clean, Git(own).root()) == (git(own, "rev-parse", "HEAD"), True, own)
    assert history
    assert (history.names, Git(own).tracked(), Git(own).new()) == ({"ours"}, {"ours"}, set())


@pytest.mark.parametrize("arguments", [("-am", "all"), ("-m", "one", "new"), ("-m", "index")])
@pytest.mark.parametrize("announced", [False, True], ids=["added", "announced"])
@pytest.mark.parametrize("linked", [False, True], ids=["checkout", "linked worktree"])
def test_a_hook_sees_what_the_commit_would_hold(tmp_path: Path, arguments: tuple[str, ...], announced: bool, linked: bool) -> None:
    """git sets another GIT_INDEX_FILE for `commit -a` and `commit FILE`, and GIT_DIR in a linked worktree.

    What the hook sees holds whatever git then commits, also of a file that `add -N` announced.
    """
    main = repository(tmp_path / "main", "old")
    folder = tmp_path / "linked" if linked else main
    if linked:
        git(main, "worktree", "add", "-q", str(folder))
    hook = main / ".git/hooks/pre-commit"
    code = f"from pathlib import Path; from helmtool.adapters.git import Git; print(*Git(Path({str(folder)!r})).new())"
    hook.write_text(f"#!/bin/sh\n{sys.executable} -c {code!r} >{tmp_path}/seen\n".replace(repr(code), '"' + code + '"'))
    hook.chmod(0o755)
    (folder / "new").write_text("new")
    git(folder, "add", *(["-N"] if announced else []), "new")
    (folder / "old").write_text("changed")
    git(folder, "add", *(["old"] if announced else ["."]))
    git(folder, "commit", "-q", *arguments)
    held = set(git(folder, "diff", "--name-only", "--diff-filter=A", "HEAD~1", "HEAD").split())
    assert (held or {"new"}) == {"new"} == set((tmp_path / "seen").read_text().split())


@pytest.mark.parametrize("shown", ["no", "normal", "all"])
def test_a_new_file_is_a_difference_whatever_git_status_shows(tmp_path: Path, shown: str) -> None:
    own = repository(tmp_path / "own", "ours")
    git(own, "config", "status.showUntrackedFiles", shown)
    assert Git(own).head(["."]) == (git(own, "rev-parse", "HEAD"), True)
    (own / "new").write_text("new")
    assert Git(own).head(["."]) == (git(own, "rev-parse", "HEAD"), False)


def test_a_work_tree_elsewhere_is_not_the_folders(tmp_path: Path) -> None:
    own = repository(tmp_path / "own", "ours")
    (tmp_path / "elsewhere").mkdir()
    git(own, "config", "core.worktree", str(tmp_path / "elsewhere"))
    assert Git(own).root() is None


OVERLOOKED = {
    "excluded": lambda folder: (folder / ".git/info/exclude").write_text("*.local.yaml\n"),
    "ignored by the person's own file": lambda folder: git(folder, "config", "core.excludesFile", str(ignores(folder, "*.local.yaml"))),
    "ignored with its folder": lambda folder: ignores(folder / "charts", "sub/\nnew.local.yaml\n"),
    "assume-unchanged": lambda folder: git(folder, "update-index", "--assume-unchanged", "charts/old.yaml"),
    "skip-worktree": lambda folder: git(folder, "update-index", "--skip-worktree", "charts/old.yaml"),
}


def ignores(folder: Path, pattern: str) -> Path:
    (folder / ".gitignore").write_text(pattern)
    if folder.name == "charts":
        git(folder, "add", ".gitignore")
        git(folder, "commit", "-q", "-m", "ignore")
    return folder / ".gitignore"


@pytest.mark.parametrize("overlook", OVERLOOKED.values(), ids=OVERLOOKED)
def test_what_git_was_told_to_overlook_is_no_commit(tmp_path: Path, overlook: Callable[[Path], object]) -> None:
    folder = repository(tmp_path / "own", "elsewhere")
    (folder / "charts").mkdir()
    for name in ("charts/old.yaml", "values.yaml"):
        (folder / name).write_text("old")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "chart")
    overlook(folder)
    if git(folder, "ls-files", "-v", "charts/old.yaml")[0] in "hS":
        (folder / "charts/old.yaml").write_text("new")
    else:
        assert (head := Git(folder).head(["charts"]))
        assert head.clean
        (folder / "charts/new.local.yaml").write_text("new")
        (folder / "charts/sub").mkdir()
        (folder / "charts/sub/new.local.yaml").write_text("new")
    assert git(folder, "status", "--porcelain", "charts") == ""
    assert (head := Git(folder).head(["charts"]))
    assert (head.commit, head.clean) == (git(folder, "rev-parse", "HEAD"), False)
    other = Git(folder).head(["values.yaml"])
    assert other
    assert other.clean


def test_files_that_no_chart_reads_and_files_that_are_not_there_change_nothing(tmp_path: Path) -> None:
    folder = repository(tmp_path / "own", "old")
    (folder / "charts").mkdir()
    for name in ("charts/a", "charts/b"):
        (folder / name).write_text("a")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "chart")
    (folder / ".git/info/exclude").write_text("*~\n.*.swp\n__pycache__/\n")
    (folder / "charts/__pycache__").mkdir()
    for name in ("charts/a~", "charts/.a.swp", "charts/__pycache__/a.pyc"):
        (folder / name).write_text("a")
    git(folder, "update-index", "--skip-worktree", "charts/b")
    (folder / "charts/b").unlink()  # as a sparse checkout
    assert (head := Git(folder).head(["charts"]))
    assert head.clean


SAFE = {
    "own": ((), True),
    "another user's": ((), False),
    "another user's .git": ((), False),
    "named": (("{folder}",), True),
    "another one is named": (("{folder}/sub",), False),
    "all are": (("*",), True),
    "named, and taken back": (("{folder}", ""), False),
    "taken back, and named": (("*", "", "{folder}"), True),
}


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give a folder to another user")
@pytest.mark.parametrize("case", SAFE)
@pytest.mark.parametrize("sudo", ["", "65534", "1"])
def test_a_folder_is_as_safe_as_git_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str, sudo: str) -> None:
    folder, settings = repository(tmp_path / "own", "file"), tmp_path / "settings"
    entries, safe = SAFE[case]
    settings.write_text("[safe]\n" + "".join(f'directory = "{entry.format(folder=folder)}"\n' for entry in entries))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    if sudo:
        monkeypatch.setenv("SUDO_UID", sudo)
    if case != "own":
        os.chown(folder / ".git" if ".git" in case else folder, 65534, 65534)
    refuses = subprocess.run(["git", "-C", str(folder), "status"], env=environment(), capture_output=True).returncode != 0
    assert is_safe(folder) is not refuses
    assert is_safe(folder) is (safe or sudo == "65534")
