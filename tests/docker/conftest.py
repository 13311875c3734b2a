"""A real docker daemon and real registries; the stand-in is the service. Where docker cannot run, CI fails and others skip."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
sys.path += [str(TESTS / "image"), str(TESTS / "registry")]

from checkout import Checkout, make_base, need  # noqa: E402 - beside this file
from images import RealRegistry, registries  # noqa: E402
from pod import STAND_IN  # noqa: E402

ROOT = TESTS.parent


@pytest.fixture(scope="session", autouse=True)
def daemon(tmp_path_factory: pytest.TempPathFactory) -> None:
    need("docker")
    make_base(tmp_path_factory.mktemp("docker") / "base")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., RealRegistry]]:
    with registries(tmp_path) as begin:
        yield begin


@pytest.fixture
def registry(start: Callable[..., RealRegistry]) -> RealRegistry:
    return start()


@pytest.fixture
def checkout(tmp_path: Path, registry: RealRegistry) -> Iterator[Checkout]:
    """A committed checkout whose image.repository is in the registry; its images and containers go with the test."""
    made = Checkout(tmp_path / "checkout", tmp_path / "home", registry.host)
    for folder in ("charts", "values", "schemas", "docker"):
        shutil.copytree(ROOT / folder, made.root / folder)
    shutil.copytree(STAND_IN, made.root / "docker/newdqmgui/stand-in", ignore=shutil.ignore_patterns("__pycache__"))
    with (made.root / "values/prod.yaml").open("a") as file:
        file.write(f"\nimage: {{repository: '{made.repository}'}}\n")
    made.commit()
    yield made
    made.clear()
