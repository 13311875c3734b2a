"""Real sops, real keys of age, a real git repository."""

from __future__ import annotations

from pathlib import Path

import pytest
from checkout import SERVICE, Checkout, Key, make_key, tool


@pytest.fixture(autouse=True)
def programs() -> None:
    """What every test here needs."""
    tool("sops")
    tool("age-keygen")


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    made = Checkout(tmp_path / "services_config", tmp_path / "home")
    made.service.mkdir(parents=True)
    (made.home / "tmp").mkdir(parents=True)
    assert made.service.name == SERVICE
    return made


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> Key:
    return make_key(tmp_path_factory.mktemp("keys") / "dqm-keys.txt")


@pytest.fixture(scope="session")
def other(tmp_path_factory: pytest.TempPathFactory) -> Key:
    """The key of somebody else, or the next one."""
    return make_key(tmp_path_factory.mktemp("keys") / "other.txt")
