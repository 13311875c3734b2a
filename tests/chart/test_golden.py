"""Each environment's manifests, kept as files, so that a change of the chart is seen in review as a change of what runs.

`UPDATE_GOLDEN=1 pytest tests/chart/test_golden.py` writes the files again.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from rendering import ENVIRONMENTS, Helm

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_manifests_are_the_reviewed_ones(helm: Helm, environment: str) -> None:
    rendered = helm.template(environment)
    golden = GOLDEN / f"{environment}.yaml"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(rendered, encoding="utf-8")
    assert rendered == golden.read_text(encoding="utf-8"), "meant? then: UPDATE_GOLDEN=1 pytest tests/chart/test_golden.py"


def test_no_file_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(ENVIRONMENTS)
