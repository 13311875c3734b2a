"""What all pages share: the copy of the checkout, the embedded cluster."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from place import Place, copy_checkout

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_checkout(tmp_path_factory.mktemp("template"))


@pytest.fixture
def state_home() -> Iterator[Path]:
    """XDG_STATE_HOME of one page, with a short path for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="helmtool-docs-")).resolve()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def place(template: Path, state_home: Path, tmp_path: Path) -> Place:
    return Place(tmp_path).make(template, state_home)
