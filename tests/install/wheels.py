"""Wheels of a copy of this checkout, and the program that pip makes of one."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tests/cli"))

from program import Cli, Ran, clean_variables  # noqa: E402 - beside it

from helmtool.adapters import toolbox  # noqa: E402

SOURCES = ("charts", "docs/man", "helmtool", "requirements", "schemas", "tools", "values")
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


def pip(*arguments: str) -> None:
    """pip without any index: what is not here is not needed."""
    argv = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, env={**os.environ, "PIP_NO_INDEX": "1"}, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def build_wheel(source: Path, into: Path) -> Path:
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(into), str(source))
    return next(into.glob("*.whl"))


def toolbox_folder(cache: Path, program: str = "helm") -> Path:
    return cache / "helmtool/tools" / f"{program}-{toolbox.VERSIONS[program]}"


def in_empty_folder(folder: Path, cache: Path, program: Path) -> Installed:
    root, home = folder / "empty", folder / "home"
    root.mkdir()
    home.mkdir()
    variables = clean_variables(home, cache, root)
    del variables["PYTHONPATH"]
    return Installed(root, home, variables, program)
