"""What an editor with yaml-language-server shows: each values file names a schema that is there and that it keeps to."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

ROOT = Path(__file__).parents[2]
FILES = [*sorted((ROOT / "values").glob("*.yaml")), ROOT / "charts/newdqmgui/values.yaml"]
MODELINE = re.compile(r"# yaml-language-server: \$schema=(\S+)")


def schema_of(file: Path) -> dict[str, Any]:
    """The schema that the first line names, relative to the file."""
    found = MODELINE.fullmatch(file.read_text(encoding="utf-8").splitlines()[0])
    assert found, f"{file.name} names no schema in its first line"
    schema: dict[str, Any] = json.loads((file.parent / found[1]).read_text(encoding="utf-8"))
    Draft7Validator.check_schema(schema)
    return schema


def errors(schema: dict[str, Any], text: str) -> list[str]:
    return [error.validator for error in Draft7Validator(schema).iter_errors(yaml.safe_load(text))]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_it_keeps_to_the_schema_that_it_names(file: Path) -> None:
    assert errors(schema_of(file), file.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("file", "text", "rule"),
    [
        ("values/prod.yaml", "imagee: {}", "additionalProperties"),
        ("values/prod.yaml", "probes: {startup: {failureTreshold: 3}}", "additionalProperties"),
        ("values/prod.yaml", "progressDeadlineSeconds: soon", "type"),
        ("values/test4.yaml", "networkPolicy: {from: [{podLabels: {app: x}}]}", "required"),
        ("values/environments.yaml", "environments: {prod: {description: x, namespace: dqm}}", "required"),
        ("values/environments.yaml", "environments: {prod: {description: x, namespace: dqm, release: r, protected: 'yes'}}", "type"),
        ("charts/newdqmgui/values.yaml", "environment: prod", "required"),
    ],
)
def test_what_is_wrong_is_shown(file: str, text: str, rule: str) -> None:
    assert rule in errors(schema_of(ROOT / file), text)


def test_only_what_differs_is_no_error() -> None:
    assert errors(schema_of(ROOT / "values/prod.yaml"), "logs: {claimName: another}") == []
