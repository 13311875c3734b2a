"""Real registries for the tests, each in a folder of its own, and the program run against them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from images import AUTH, HTPASSWD, PATH, RealRegistry, registries
from meddler import Meddler
from runs import Ran, run_inside

ROOT = Path(__file__).parents[2]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., RealRegistry]]:
    """Starts registries, and ends them after the test."""
    with registries(tmp_path) as begin:
        yield begin


@pytest.fixture
def registry(start: Callable[..., RealRegistry]) -> RealRegistry:
    """A registry that anybody may read and write."""
    return start()


@pytest.fixture
def locked(start: Callable[..., RealRegistry], tmp_path: Path) -> RealRegistry:
    """A registry that wants a name and a password, with one image."""
    (tmp_path / "htpasswd").write_text(f"{HTPASSWD}\n")
    extra = {"auth": {"htpasswd": {"realm": "test", "path": str(tmp_path / "htpasswd")}}}
    registry = start(extra=extra, authorization=f"Basic {AUTH}")
    registry.push("HG0105a")
    return registry


@pytest.fixture
def meddle() -> Iterator[Callable[..., Meddler]]:
    """Puts a server that misbehaves on demand in front of a registry, or in place of one."""
    started: list[Meddler] = []

    def begin(*arguments: Any, **options: Any) -> Meddler:
        started.append(Meddler(*arguments, **options))
        return started[-1]

    yield begin
    for meddler in started:
        meddler.stop()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the files that releases are made from."""
    for folder in ("charts", "values", "schemas"):
        shutil.copytree(ROOT / folder, tmp_path / "checkout" / folder)
    return tmp_path / "checkout"


@pytest.fixture
def tool(tmp_path: Path, checkout: Path) -> Callable[..., Ran]:
    """Runs `helmtool tag …` in a checkout whose image.repository is at the host given first; `env` adds variables."""
    root, home = checkout, tmp_path / "home"
    home.mkdir()
    plain = (root / "values/prod.yaml").read_text()

    def run(host: str, *arguments: str, env: dict[str, str] | None = None, group: str = "tag") -> Ran:
        (root / "values/prod.yaml").write_text(f"{plain}\nimage: {{repository: '{host}/{PATH}'}}\n")
        variables = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(home), "XDG_CACHE_HOME": str(tmp_path / "cache"), **(env or {})}
        return run_inside(root, variables, [group, *arguments])

    return run


@pytest.fixture
def image_tool(tool: Callable[..., Ran]) -> Callable[..., Ran]:
    """The same for `helmtool image …`."""

    def run(host: str, *arguments: str, **options: Any) -> Ran:
        return tool(host, *arguments, group="image", **options)

    return run
