"""An embedded cluster of the benchmarks' own, and the programs that are compared."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import growth
import pytest
from growth import Growth
from record import keep_growth, keep_rows
from timing import CHECKOUT, Row, own_environment, table

from helmtool.adapters import local

HERE = Path(__file__).parent


class Unheard:
    """Progress that nobody reads."""

    def start(self, step: str, text: str) -> None:
        pass

    def done(self, step: str, text: str) -> None:
        pass

    def skip(self, step: str, reason: str) -> None:
        pass

    def warn(self, text: str) -> None:
        pass


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.benchmark)


@pytest.fixture
def helmtool() -> list[str]:
    """helmtool as installed beside the Python that runs the benchmarks, for the charts and values of this checkout."""
    return [str(Path(sys.executable).with_name("helmtool")), "--config-dir", str(CHECKOUT)]


@pytest.fixture
def show(capsys: pytest.CaptureFixture[str]) -> Callable[..., None]:
    """Prints a table, also where pytest keeps what tests print; record.py keeps it."""

    def show(title: str, rows: Sequence[Row], limits: dict[str, float] | None = None) -> None:
        with capsys.disabled():
            sys.stdout.write(table(title, rows, limits) + "\n")
        keep_rows(title, rows, limits)

    return show


@pytest.fixture
def show_growth(capsys: pytest.CaptureFixture[str]) -> Callable[..., None]:
    """The same for how a cost grows."""

    def show(title: str, unit: str, growths: Sequence[Growth]) -> None:
        with capsys.disabled():
            sys.stdout.write(growth.table(title, unit, growths) + "\n")
        keep_growth(title, unit, growths)

    return show


@pytest.fixture(scope="session")
def state_home() -> Iterator[Path]:
    """XDG_STATE_HOME with a running embedded cluster; both are gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="helmtool-bench-")).resolve()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder))
        patch.delenv("KUBECONFIG", raising=False)
        try:
            local.up(Unheard())
            yield folder
        finally:
            local.down(Unheard())
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def cluster_environment(state_home: Path) -> dict[str, str]:
    """For helmtool, helm and kubectl alike: all of them reach the embedded cluster."""
    return own_environment(XDG_STATE_HOME=str(state_home))


@pytest.fixture
def kubeconfig(state_home: Path) -> str:
    """The embedded cluster's own."""
    return str(local.kubeconfig_path())
