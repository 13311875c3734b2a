"""helmtool as people install it: a wheel, in a virtual environment away from any checkout."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from wheels import FILES, ROOT, SOURCES, Installed, Source, build_wheel, in_empty_folder, pip, toolbox_folder

from helmtool.adapters import toolbox


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


@pytest.fixture
def installed(tmp_path: Path, cache: Path, program: Path) -> Installed:
    return in_empty_folder(tmp_path, cache, program)
