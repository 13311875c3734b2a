"""What the machine lacks: helm, git, a home folder, a working directory, rights, a UTF-8 locale."""

from __future__ import annotations

import dataclasses
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from program import PROGRAM, Cli, FakeApi

NOBODY = 65534


def with_helm(cli: Cli, script: str) -> dict[str, str | None]:
    """An empty cache, and a PATH whose only helm is that script."""
    folder = cli.home / "bin"
    folder.mkdir(exist_ok=True)
    path = folder / "helm"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return {"PATH": f"{folder}:/usr/bin:/bin", "XDG_CACHE_HOME": str(cli.home / "cache")}


def without_helm(cli: Cli) -> dict[str, str | None]:
    return {"PATH": "/usr/bin:/bin", "XDG_CACHE_HOME": str(cli.home / "cache")}


def test_without_helm(cli: Cli, api: FakeApi) -> None:
    config = cli.kubeconfig(api.url)
    for command in (["validate", "prod"], ["render", "prod"], ["--kubeconfig", config, "release", "test4", "HG0105a"]):
        error = cli.fails(*command, code=3, says=["helm >= 4.1", "there is no helm in", "helmtool tools install"], env=without_helm(cli))
        assert error["code"] == "tool-missing"
    assert api.asked == []


def test_what_needs_no_helm_works_without(cli: Cli) -> None:
    for command in (
        ["tag", "check", "--offline", "HG0105a"],
        ["env", "list"],
        ["env", "show", "prod"],
        ["values", "prod"],
        ["--version"],
        ["--help"],
    ):
        assert cli.run(*command, env=without_helm(cli)).code == 0


HELMS = [
    ("echo v3.14.0", "is 3.14.0"),
    ("echo v4.2.1", "is 4.2.1"),
    ("echo v4.0.5", "is 4.0.5"),
    ("echo v5.0.0", "is 5.0.0"),
    ("echo v4.3.0-rc.1", "is 4.3.0-rc.1"),
    ("echo garbage", "does not tell its version"),
    ("printf '\\377\\376'", "does not tell its version"),
    ("exit 1", "does not tell its version"),
    ("kill -9 $$", "does not tell its version"),
]


@pytest.mark.parametrize(("script", "said"), HELMS, ids=[case[0] for case in HELMS])
def test_a_helm_that_does_not_fit(cli: Cli, script: str, said: str) -> None:
    ran = cli.run("validate", "prod", "-o", "json", env=with_helm(cli, script))
    error = ran.document["error"]
    assert (ran.code, error["code"]) == (3, "tool-missing")
    assert said in error["message"]
    assert f"{cli.home}/bin/helm" in error["message"]
    assert "helmtool tools install" in error["hint"]


GARBAGE = ["echo '{{{{'", "printf '\\377\\376\\000'", "echo 'a: b'", "echo '- 1'", "echo 'kind: 5'", ":"]
BROKEN_HELMS = [(3, script) for script in GARBAGE] + [(1, script) for script in ("echo broken >&2; exit 1", "kill -9 $$", "exit 7")]


@pytest.mark.parametrize(("code", "script"), BROKEN_HELMS)
def test_a_helm_that_fits_and_then_prints_garbage(cli: Cli, code: int, script: str) -> None:
    env = with_helm(cli, f"case $1 in version) echo v4.3.1;; *) cat >/dev/null; {script};; esac")
    error = cli.fails("render", "prod", code=code, says=["helm"], env=env)
    assert error["message"].strip()


def test_without_git(cli: Cli) -> None:
    helm = Path(cli.variables["XDG_CACHE_HOME"])
    assert cli.run("validate", "prod", env={"PATH": "/nosuch", "XDG_CACHE_HOME": str(helm)}).code == 0


def test_without_a_home(cli: Cli) -> None:
    for home in (None, "", "not/absolute", "/nosuch"):
        assert cli.run("validate", "prod", env={"HOME": home}).code == 0
        assert cli.run("tag", "check", "--offline", "HG0105a", env={"HOME": home}).code == 0
    error = cli.fails("release", "local", "HG0105a", code=3, says=["no home folder", "export HOME"], env={"HOME": None})
    assert error["code"] == "no-home"


def test_a_working_directory_that_is_gone(cli: Cli) -> None:
    gone = f"mkdir -p {cli.home}/gone && cd {cli.home}/gone && rmdir {cli.home}/gone && "
    lost = cli.shell(f"{gone} $H validate prod")
    assert (lost.code, lost.out) == (3, "")
    assert "the working directory is not there" in lost.err
    assert "--config-dir DIR" in lost.err
    assert cli.shell(f"{gone} $H --config-dir {cli.root} validate prod").code == 0


@pytest.fixture
def everybodys(cli: Cli) -> Iterator[Path]:
    """A copy of the checkout that everybody may read."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        shutil.copytree(cli.root, Path(folder) / "checkout")
        yield Path(folder)


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root, to become somebody with fewer rights")
def test_somebody_without_rights(cli: Cli, everybodys: Path) -> None:
    cli = dataclasses.replace(cli, root=everybodys / "checkout", home=everybodys)
    as_nobody = f"setpriv --reuid {NOBODY} --regid {NOBODY} --clear-groups "
    if cli.shell(f"{as_nobody} {PROGRAM[0]} -c 'import helmtool'").code:
        pytest.skip("the interpreter is not readable for others")
    home = {"HOME": "/nosuch"}
    assert cli.shell(f"{as_nobody} $H tag check --offline HG0105a", env=home).code == 0
    refused = cli.shell(f"{as_nobody} $H values prod", env=home)  # in a checkout of root
    assert (refused.code, refused.out) == (4, "")
    assert "belongs to another user" in refused.err
    assert cli.shell(f"{as_nobody} $H --config-dir . values prod", env=home).code == 0
    for folder in (".", "values", "charts/newdqmgui"):
        os.chown(cli.root / folder, NOBODY, NOBODY)
    assert cli.shell(f"{as_nobody} $H values prod", env=home).code == 0
    (cli.root / "values/prod.yaml").chmod(0)
    refused = cli.shell(f"{as_nobody} $H values prod", env=home)
    assert (refused.code, refused.out) == (3, "")
    assert "values/prod.yaml: Permission denied" in refused.err
    config = cli.kubeconfig("https://127.0.0.1:1")
    Path(config).chmod(0)
    unreadable = cli.shell(f"{as_nobody} $H --kubeconfig {config} release test4 HG0105a", env=home)
    assert unreadable.code == 3
    assert "Permission denied" in unreadable.err


@pytest.mark.parametrize("variables", [{"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}, {"PYTHONIOENCODING": "ascii"}, {"LANG": None}])
def test_a_locale_that_is_not_utf8(cli: Cli, variables: dict[str, str | None]) -> None:
    cli.write("values/prod.yaml", 'podAnnotations: {"a": "\u00fc\u4e2d\U0001f600"}\n')
    for command in (["values", "prod"], ["values", "prod", "--explain"], ["validate", "prod"], ["values", "prod", "-o", "json"]):
        assert cli.run(*command, env=variables).code == 0
    shown = cli.run("values", "prod", "-o", "json", env=variables).document
    assert shown["podAnnotations"]["a"] == "\u00fc\u4e2d\U0001f600"
    cli.write("values/prod.yaml", '"\u00fc\u4e2d": 1\n')
    cli.fails("validate", "prod", code=3, says=["values/prod.yaml:1:1"], env=variables)
