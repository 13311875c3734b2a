"""The committed plots of the benchmarks, and how they are drawn."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
IMAGES = ROOT / "docs" / "images"
NAMESPACES = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
RESULT = ROOT / "tests" / "benchmarks" / "result.json"
FILES = {"growth": "growth.svg", "side by side": "benchmarks.svg"}
NAMES = [FILES[group] for group in json.loads(RESULT.read_text())]


@pytest.fixture(scope="module")
def plots() -> ModuleType:
    specification = importlib.util.spec_from_file_location("benchmark_plots", ROOT / "tools" / "benchmark_plots.py")
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def result() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(RESULT.read_text())
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_plot_asks_no_other_place_and_runs_nothing(name: str) -> None:
    text = (IMAGES / name).read_text()
    assert set(re.findall(r"https?://[^\s\"'<>)]+", text)) <= NAMESPACES
    assert not re.findall(r"<script|<foreignObject|@import|url\(|\son[a-z]+=|href=", text)


def test_the_plots_are_drawn_from_the_result(plots: ModuleType, result: dict[str, Any]) -> None:
    assert plots.plots(result) == {name: (IMAGES / name).read_text() for name in NAMES}


def test_a_plot_has_title_and_units_and_every_command(plots: ModuleType, result: dict[str, Any]) -> None:
    text = plots.plots(result)["growth.svg"]
    assert "processor time in seconds" in text
    assert all(name in text for table in result["growth"].values() for name in table["commands"])


def test_a_changed_result_is_noticed(
    plots: ModuleType, result: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = tmp_path / "result.json"
    next(iter(next(iter(result["growth"].values()))["commands"].values()))["costs"][0]["processor"] += 1
    changed.write_text(json.dumps(result))
    monkeypatch.setattr(plots, "RESULT", changed)
    monkeypatch.setattr(plots, "ROOT", tmp_path)
    assert plots.main(["--check"]) == 1
    error = capsys.readouterr().err
    assert "growth.svg" in error
    assert "benchmarks.svg" not in error


def test_the_result_names_no_machine(result: dict[str, Any]) -> None:
    tables = [table for group in result.values() for table in group.values()]
    assert {frozenset(table["on"]) for table in tables} == {frozenset({"cpus", "python", "helm"})}
    assert not re.findall(r"/(home|root|tmp|work)/", json.dumps(result))
