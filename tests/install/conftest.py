"""helmtool as people install it: a wheel, in a virtual environment away from any checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tests/cli"))

from program import Cli, Ran, clean_variables  # noqa: E402 - beside it

from helmtool.adapters import toolbox  # noqa: E402

SOURCES = ("charts", "helmtool", "requirements", "schemas", "tools", "values")
FILES = ("CHANGELOG.md", "LICENSE", "README.md", "pyproject.toml")


@dataclass(frozen=True)
class Source:
    """A committed copy of what the distributions are made from."""

    root: Path

    def git(self, *arguments: str) -> str:
        own = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
        return subprocess.run(["git", "-C", str(self.root), *own, *arguments], check=True, capture_output=True, text=True).stdout.strip()

    @property
    def commit(self) -> str:
        return self.git("rev-parse", "HEAD")


@dataclass(frozen=True)
class Installed(Cli):
    """The program of a virtual environment, in an empty folder."""

    program: Path = Path()

    @property
    def copy(self) -> Path:
        """The folder of the chart and values that it carries."""
        return next(self.program.parents[1].glob("lib/python*/site-packages/helmtool/packaged"))

    def run(self, *arguments: str, **more: object) -> Ran:
        env = {k: v for k, v in {**self.variables, **(more.pop("env", None) or {})}.items() if v is not None}  # type: ignore[dict-item, attr-defined]
        cwd = more.pop("cwd", None) or self.root
        assert not more
        done = subprocess.run(
            [str(self.program), *arguments], cwd=str(cwd), env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120
        )
        return Ran(done.returncode, done.stdout, done.stderr).without_traces()


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    made = Source(tmp_path_factory.mktemp("source") / "helmtool")
    for folder in SOURCES:
        shutil.copytree(ROOT / folder, made.root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in FILES:
        shutil.copy(ROOT / file, made.root / file)
    made.git("init", "-q")
    made.git("add", "-A")
    made.git("commit", "-q", "-m", "x")
    # What lies about in a checkout and belongs in no wheel.
    (made.root / "values/notes.txt").write_text("mine")
    (made.root / "charts/newdqmgui/templates/service.yaml.orig").write_text("mine")
    (made.root / "helmtool/__pycache__").mkdir()
    (made.root / "helmtool/__pycache__/x.cpython-311.pyc").write_bytes(b"")
    return made


def pip(*arguments: str) -> None:
    """pip without any index: what is not here is not needed."""
    argv = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, env={**os.environ, "PIP_NO_INDEX": "1"}, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def build_wheel(source: Path, into: Path) -> Path:
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(into), str(source))
    return next(into.glob("*.whl"))


@pytest.fixture(scope="session")
def wheel(source: Source, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(source.root, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """helmtool in an environment of its own, where the libraries of this one are found after its own packages."""
    venv = tmp_path_factory.mktemp("venv") / "v"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True, timeout=120)
    pip("--python", str(venv / "bin/python"), "install", "--no-deps", str(wheel))
    packages = next(venv.glob("lib/python*/site-packages"))
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return venv / "bin/helmtool"


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder in which helm is the only tool."""
    folder = tmp_path_factory.mktemp("cache")
    link = toolbox_folder(folder) / "helm"
    link.parent.mkdir(parents=True)
    link.symlink_to(toolbox.locate("helm").path)
    return folder


def toolbox_folder(cache: Path, program: str = "helm") -> Path:
    return cache / "helmtool/tools" / f"{program}-{toolbox.VERSIONS[program]}"


@pytest.fixture
def installed(tmp_path: Path, cache: Path, program: Path) -> Installed:
    root, home = tmp_path / "empty", tmp_path / "home"
    root.mkdir()
    home.mkdir()
    variables = clean_variables(home, cache, root)
    del variables["PYTHONPATH"]
    return Installed(root, home, variables, program)
