"""The generated files of the chart are those that their source gives."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import schema_cases

GENERATOR = schema_cases.load_generator()


@pytest.mark.parametrize("file", list(GENERATOR.outputs()), ids=lambda file: file.name)
def test_is_current(file: Path) -> None:
    assert file.read_text(encoding="utf-8") == GENERATOR.outputs()[file], f"run: {GENERATOR.COMMAND}"


def test_check_passes() -> None:
    argv = [sys.executable, schema_cases.ROOT / "tools/generate_schemas.py", "--check"]
    assert subprocess.run(argv, timeout=60, check=False).returncode == 0


def test_check_says_what_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(GENERATOR, "CHART", tmp_path)
    monkeypatch.setattr(GENERATOR, "FOR_EDITORS", tmp_path)
    monkeypatch.setattr(GENERATOR, "ROOT", tmp_path)
    assert GENERATOR.main(["--check"]) == 1
    assert "values.schema.json: differs from its source; run: python tools/generate_schemas.py" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_writes_then_checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GENERATOR, "CHART", tmp_path)
    monkeypatch.setattr(GENERATOR, "FOR_EDITORS", tmp_path)
    monkeypatch.setattr(GENERATOR, "ROOT", tmp_path)
    assert GENERATOR.main([]) == 0
    assert GENERATOR.main(["--check"]) == 0
    assert json.loads((tmp_path / "values.schema.json").read_text())["title"] == "Values of the newdqmgui chart"
    (tmp_path / "README.md").write_text("changed by hand")
    assert GENERATOR.main(["--check"]) == 1


def test_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert GENERATOR.main(["--help"]) == 2
    assert "usage" in capsys.readouterr().err


def test_readme_escapes_what_would_end_a_cell() -> None:
    source = {"type": "object", "properties": {"a": {"type": "string", "description": "x|y.", "default": ""}}}
    assert GENERATOR.render_readme(source).endswith('| `a` | string | `""` | x\\|y. |\n')
