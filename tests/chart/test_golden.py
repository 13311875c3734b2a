"""Each environment's manifests, kept as files, so that a change of the chart is seen in review as a change of what runs.

`UPDATE_GOLDEN=1 pytest tests/chart/test_golden.py` writes the files again.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from rendering import ENVIRONMENTS, Helm, documents

GOLDEN = Path(__file__).parent / "golden"


class _Dumper(yaml.SafeDumper):
    """Texts of several lines are written as such."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def normal(rendered: str) -> str:
    """The objects in one order and one spelling, since neither is the same in every version of helm."""
    objects = sorted(documents(rendered), key=lambda item: (item["kind"], item["metadata"]["name"]))
    return yaml.dump_all(objects, Dumper=_Dumper, width=1000)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_manifests_are_the_reviewed_ones(helm: Helm, environment: str) -> None:
    rendered = normal(helm.template(environment))
    golden = GOLDEN / f"{environment}.yaml"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(rendered, encoding="utf-8")
    assert rendered == golden.read_text(encoding="utf-8"), "meant? then: UPDATE_GOLDEN=1 pytest tests/chart/test_golden.py"


def test_no_file_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(ENVIRONMENTS)
