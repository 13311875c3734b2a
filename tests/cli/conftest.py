"""A copy of the checkout in a temporary folder, the program in it, and a server that counts what reaches it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from program import Cli, FakeApi, Inside, clean_variables, serve

from helmtool.adapters import toolbox

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder in which helm is the only tool."""
    folder = tmp_path_factory.mktemp("cache")
    tool = toolbox.locate("helm")
    link = folder / "helmtool" / "tools" / f"helm-{toolbox.VERSIONS['helm']}" / "helm"
    link.parent.mkdir(parents=True)
    link.symlink_to(tool.path)
    return folder


@pytest.fixture
def cli(tmp_path: Path, cache: Path) -> Cli:
    root, home = tmp_path / "checkout", tmp_path / "home"
    home.mkdir()
    for folder in ("charts", "values", "schemas"):
        shutil.copytree(ROOT / folder, root / folder)
    return Cli(root, home, clean_variables(home, cache, ROOT))


@pytest.fixture
def api() -> Iterator[FakeApi]:
    fake = FakeApi()
    server = serve(fake)
    yield fake
    server.shutdown()
    server.server_close()


@pytest.fixture
def inside(cli: Cli) -> Inside:
    """The same checkout and environment, without a process of its own for each command line."""
    return Inside(cli.root, cli.home, cli.variables)
