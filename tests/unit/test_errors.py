"""Errors: one family for each exit code, a stable code, and one line for a problem."""

from __future__ import annotations

import importlib
import pkgutil
import re

import pytest

import helmtool
from helmtool import errors
from helmtool.errors import HelmtoolError, Problem


@pytest.mark.parametrize(
    ("family", "exit_code", "code"),
    [
        (errors.HelmtoolError, 1, "failed"),
        (errors.OperationFailed, 1, "failed"),
        (errors.UsageError, 2, "usage"),
        (errors.InvalidInput, 3, "invalid-input"),
        (errors.Refused, 4, "refused"),
        (errors.Unreachable, 5, "unreachable"),
        (errors.Interrupted, 130, "interrupted"),
    ],
)
def test_families(family: type[HelmtoolError], exit_code: int, code: str) -> None:
    error = family("sentence", hint="next")
    assert (error.exit_code, error.code, error.message, error.hint, error.problems) == (exit_code, code, "sentence", "next", ())
    assert str(error) == "sentence"


@pytest.mark.parametrize(
    ("problem", "line"),
    [
        (Problem("wrong"), "wrong"),
        (Problem("wrong", "f.yaml"), "f.yaml: wrong"),
        (Problem("wrong", "f.yaml", 3, 7), "f.yaml:3:7: wrong"),
        (Problem("wrong", "f.yaml", 3, 7, "image.tag"), "f.yaml:3:7: image.tag: wrong"),
        (Problem("wrong", path="image.tag"), "image.tag: wrong"),
        (Problem("wrong", line=3, column=7), "wrong"),
    ],
)
def test_a_problem_on_one_line(problem: Problem, line: str) -> None:
    assert str(problem) == line


def test_what_quotes_another_program_is_not_recorded() -> None:
    problems = [Problem("s3cret", path="x", quoted=True), Problem("ours", path="image.tag")]
    error = HelmtoolError("helm: s3cret", problems=problems, recorded="helm failed")
    assert error.lines == ["helm failed", "image.tag: ours"]
    assert HelmtoolError("ours").lines == ["ours"]
    assert "quoted" not in str(error.as_dict())


def test_a_problem_as_json() -> None:
    assert Problem("m", "f", 1, 2, "p").as_dict() == {"file": "f", "line": 1, "column": 2, "path": "p", "message": "m"}


def _every_class(base: type[HelmtoolError]) -> list[type[HelmtoolError]]:
    return [base, *(found for sub in base.__subclasses__() for found in _every_class(sub))]


def test_every_error_of_the_program_has_a_kebab_case_code_and_an_exit_code_of_the_contract() -> None:
    for module in pkgutil.walk_packages(helmtool.__path__, "helmtool."):
        if module.name != "helmtool.__main__":
            importlib.import_module(module.name)
    found = [cls for cls in _every_class(HelmtoolError) if cls.__module__.startswith("helmtool.")]
    assert len(found) > 20
    for cls in found:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", cls.code), cls
        assert cls.exit_code in (1, 2, 3, 4, 5, 130), cls
