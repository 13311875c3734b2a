"""The real helm renders the real chart; equal calls are run once per session."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import pytest
from rendering import Helm


@functools.cache
def _session_helm() -> Helm:
    return Helm.find()


@pytest.fixture(scope="session")
def helm() -> Helm:
    return _session_helm()


@pytest.fixture
def write_values(tmp_path: Path) -> Any:
    """Writes values to a file and gives its path; JSON is YAML."""

    def write(values: dict[str, Any]) -> Path:
        path = tmp_path / "values.yaml"
        path.write_text(json.dumps(values), encoding="utf-8")
        return path

    return write
