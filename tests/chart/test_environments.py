"""The files of the environments: only what differs from the chart's defaults, and good for helm alone."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from rendering import CHART, ENVIRONMENTS, TAG, VALUES, Helm, chart_defaults

MISSING = object()
BOOLEAN_WORD = re.compile(r"(?:^|[:\-]\s+|[\[,{]\s*)(y|n|yes|no|on|off)\s*(?:$|[,\]}#:])", re.IGNORECASE)
"""Words that YAML 1.1 reads as true or false; what is meant as text must be quoted, and true and false written so."""


def repeated(values: Any, defaults: Any, path: str = "") -> list[str]:
    """The leaves (lists are leaves, since Helm replaces them whole) that say what the defaults say."""
    if isinstance(values, dict) and isinstance(defaults, dict):
        return [found for key, value in values.items() for found in repeated(value, defaults.get(key, MISSING), f"{path}.{key}")]
    return [path.lstrip(".")] if values == defaults and type(values) is type(defaults) else []


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_no_default_is_repeated(environment: str) -> None:
    values = yaml.safe_load((VALUES / f"{environment}.yaml").read_text(encoding="utf-8"))
    assert repeated(values, chart_defaults()) == []


def test_a_repeated_default_is_found() -> None:
    assert repeated({"a": {"b": 1, "c": 2}, "d": [1]}, {"a": {"b": 1, "c": 3}, "d": [1]}) == ["a.b", "d"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_no_bare_boolean_word(environment: str) -> None:
    lines = (VALUES / f"{environment}.yaml").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not line.lstrip().startswith("#") and BOOLEAN_WORD.search(line)] == []


@pytest.mark.parametrize("line", ["environment: no", "a: [on]", "- off", "y: 1", "a: Yes  # really"])
def test_a_bare_boolean_word_is_found(line: str) -> None:
    assert BOOLEAN_WORD.search(line)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_lint_is_strict(helm: Helm, environment: str) -> None:
    file = VALUES / f"{environment}.yaml"
    assert "0 chart(s) failed" in helm.run("lint", "--strict", CHART, "-f", file, "--set", f"image.tag={TAG}")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_pod_knows_its_environment(helm: Helm, environment: str) -> None:
    template = helm.objects(environment)["Deployment/newdqmgui"]["spec"]["template"]
    assert template["metadata"]["labels"]["env"] == f"k8s-{environment}"


def test_notes_say_what_to_look_at_next(helm: Helm) -> None:
    shown = helm.run("install", "newdqmgui", CHART, "-n", "dqm", "--dry-run=client", "--set", f"image.tag={TAG}")
    for command in ("rollout status deployment/newdqmgui", "logs -f deployment/newdqmgui", "helm -n dqm test", "rollback newdqmgui"):
        assert command in shown
    assert "index of samples is lost" in shown


def test_the_chart_packages(helm: Helm, tmp_path: Any) -> None:
    helm.run("package", CHART, "-d", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["newdqmgui-0.1.0.tgz"]
