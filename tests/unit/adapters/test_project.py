"""The checkout: where it is found, its files, and the commit it is at."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from helmtool.adapters import packaged, process
from helmtool.adapters.packaged import Copy
from helmtool.adapters.process import Completed
from helmtool.adapters.project import FileUnreadable, GitState, NoCheckout, Project, ProjectNotFound, UnsafeProject, find_project
from helmtool.errors import InvalidInput
from helmtool.model.environment import UnknownEnvironment

ENVIRONMENTS = "environments:\n  local: {description: d, embedded: true, namespace: dqm, release: newdqmgui}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    (folder / "charts" / "newdqmgui").mkdir(parents=True)
    (folder / "values").mkdir()
    (folder / "charts" / "newdqmgui" / "Chart.yaml").write_text("version: 1.2.3\n")
    (folder / "values" / "environments.yaml").write_text(ENVIRONMENTS)
    return folder


def test_is_found_upward_from_the_working_directory(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in (root, root / "values", root / "charts" / "newdqmgui"):
        monkeypatch.chdir(folder)
        assert find_project(None) == Project(root)


def test_config_dir_is_that_folder_and_no_other(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root.parent)
    assert find_project(Path("checkout")) == Project(root)
    with pytest.raises(ProjectNotFound, match=r"no values/environments\.yaml and charts/newdqmgui in ") as caught:
        find_project(root / "values")
    assert "or above it" not in caught.value.message


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give a folder to another user")
@pytest.mark.parametrize("foreign", [".", "values", "charts/newdqmgui"])
def test_a_project_of_another_user_is_taken_only_if_it_is_named(root: Path, monkeypatch: pytest.MonkeyPatch, foreign: str) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    os.chown(root / foreign, 65534, 65534)
    monkeypatch.chdir(root / "values")
    with pytest.raises(UnsafeProject, match=f"the project {root} belongs to another user") as caught:
        find_project(None)
    assert caught.value.exit_code == 4
    assert caught.value.hint.endswith(f"--config-dir {root}, or: git config --global --add safe.directory {root}")
    assert find_project(root) == Project(root)


@pytest.mark.parametrize("missing", ["values/environments.yaml", "charts/newdqmgui/Chart.yaml"])
def test_half_a_project_is_none(root: Path, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    (root / missing).unlink()
    monkeypatch.chdir(root)
    with pytest.raises(ProjectNotFound, match="or above it") as caught:
        find_project(None)
    assert (caught.value.exit_code, caught.value.hint) == (3, "cd to a checkout, or --config-dir DIR")


def test_a_working_directory_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(ProjectNotFound, match="the working directory is not there"):
        find_project(None)
    assert Project(tmp_path).shown(Path("a")) == str(tmp_path / "a")


def test_files_are_named_as_a_person_would_type_them(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Project(root)
    monkeypatch.chdir(root)
    assert project.shown(Path("values/prod.yaml")) == "values/prod.yaml"
    monkeypatch.chdir(root / "values")
    assert project.shown(Path("values/prod.yaml")) == "prod.yaml"
    assert project.shown(Path("charts/x")) == str(root / "charts/x")


def test_a_file_that_is_missing_or_none(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    with pytest.raises(FileUnreadable, match=r"^values/prod\.yaml: No such file or directory$"):
        Project(root).document(Path("values/prod.yaml"))
    with pytest.raises(FileUnreadable, match=r"^values: Is a directory$"):
        Project(root).read(Path("values"))


def test_environments_and_the_charts_version(root: Path) -> None:
    project = Project(root)
    assert list(project.environments()) == ["local"]
    assert project.environment("local").embedded
    with pytest.raises(UnknownEnvironment) as caught:
        project.environment("lokal")
    assert "did you mean local?" in caught.value.hint
    assert project.chart_version() == "1.2.3"
    assert project.chart == root / "charts" / "newdqmgui"
    assert project.values_file(project.environment("local")) == Path("values/local.yaml")


def test_a_problem_of_environments_yaml_carries_its_place(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    (root / "values" / "environments.yaml").write_text(
        ENVIRONMENTS + "  prod: {description: d, namespace: dqm, release: newdqmgui, protectd: true}\n"
    )
    with pytest.raises(InvalidInput) as caught:
        Project(root).environments()
    assert any(
        p.file == "values/environments.yaml" and p.line == 3 and "did you mean protected?" in p.message for p in caught.value.problems
    )


@pytest.mark.parametrize(("text", "where"), [(b"{", ":1:2"), (b'{\n  "a": x\n}', ":2:8"), (b"", ":1:1"), (b"\xff\xfe{", "")])
def test_a_schema_that_is_not_json(root: Path, monkeypatch: pytest.MonkeyPatch, text: bytes, where: str) -> None:
    monkeypatch.chdir(root)
    (root / "charts" / "newdqmgui" / "values.schema.json").write_bytes(text)
    with pytest.raises(FileUnreadable) as caught:
        Project(root).schema()
    assert caught.value.message == f"charts/newdqmgui/values.schema.json{where}: the schema is not JSON"


GIT = shutil.which("git")
with_git = pytest.mark.skipif(GIT is None, reason="needs git")


def git(root: Path, *arguments: str) -> None:
    process.run(["git", "-C", str(root), "-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false", *arguments], timeout=60)


@pytest.fixture
def repository(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(root.parent))
    return root


@with_git
def test_the_state_of_git(repository: Path) -> None:
    project = Project(repository)
    assert project.git_state() == GitState()
    git(repository, "init", "-q")
    assert project.git_state() == GitState(), "no commit yet"
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "one")
    state = project.git_state()
    assert (len(state.commit), state.clean) == (40, True)
    (repository / "notes").write_text("what a release does not read")
    assert project.git_state().clean
    (repository / "values" / "prod.yaml").write_text("{}")
    assert project.git_state() == GitState(state.commit, clean=False)


@pytest.mark.parametrize("failure", [FileNotFoundError(), PermissionError(), subprocess.TimeoutExpired(["git"], 10)])
def test_a_git_that_is_missing_or_hangs_is_no_commit(root: Path, monkeypatch: pytest.MonkeyPatch, failure: Exception) -> None:
    def fail(*_: object, **__: object) -> Completed:
        raise failure

    monkeypatch.setattr(process, "run", fail)
    assert Project(root).git_state() == GitState()


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (GitState(), "not in git"),
        (GitState("0123456789abcdef", True), "0123456789ab"),
        (GitState("0123456789abcdef", False), "0123456789ab (with uncommitted changes)"),
    ],
)
def test_the_state_for_people(state: GitState, text: str) -> None:
    assert str(state) == text


@pytest.fixture
def carried(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project as the copy that helmtool carries."""
    monkeypatch.setattr(packaged, "FOLDER", root)
    (root / "source.json").write_text('{"commit": "0123456789abcdef", "clean": true}')
    return root


def test_the_copy_is_used_where_nothing_else_is(carried: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = find_project(None)
    assert (found.root, found.named) == (carried, False)
    assert str(found.copy) == f"helmtool {packaged.__version__}, commit 0123456789ab"
    with pytest.raises(ProjectNotFound):
        find_project(tmp_path)
    assert find_project(carried).named
    monkeypatch.chdir(carried / "values")
    assert find_project(None) == found, "reached by its folder, it is the copy just as well"


@pytest.mark.parametrize("content", [None, "{", "[]", '{"commit": "a"}', "null"])
def test_a_copy_that_does_not_say_where_it_is_from(carried: Path, content: str | None) -> None:
    (carried / "source.json").unlink()
    if content is not None:
        (carried / "source.json").write_text(content)
    assert str(find_project(carried).copy).endswith(", commit unknown")


@with_git
def test_the_commit_of_the_copy_is_not_that_of_a_repository_around_it(carried: Path, repository: Path) -> None:
    git(repository, "init", "-q")
    git(repository, "remote", "add", "origin", "https://example.org/other.git")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "one")
    assert find_project(carried).git_state() == GitState("0123456789abcdef", clean=True)
    assert find_project(carried).git_origin() == ""
    assert len(Project(repository).git_state().commit) == 40


def test_what_the_copy_must_not_be_used_for(root: Path) -> None:
    checkout, copy, named = Project(root), Project(root, Copy("1", "", False)), Project(root, Copy("1", "", False), named=True)
    checkout.require_checkout("x")
    for project in (copy, named):
        with pytest.raises(NoCheckout, match="x, and this is the copy in helmtool 1, commit unknown"):
            project.require_checkout("x")
    for project in (checkout, named):
        project.require_chosen("x")
    with pytest.raises(NoCheckout) as caught:
        copy.require_chosen("x")
    assert (caught.value.exit_code, f"--config-dir {root}" in caught.value.hint) == (4, True)


def test_half_a_project_above_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "values" / "environments.yaml").unlink()
    monkeypatch.chdir(root / "values")
    with pytest.raises(ProjectNotFound, match=rf"values/environments\.yaml is missing in {root}$"):
        find_project(None)
