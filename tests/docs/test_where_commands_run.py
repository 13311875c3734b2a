"""The page that tells where each documented command is run tells the truth, as far as that is known without running it."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest
from blocks import ALL, CHECKOUT, MARKS, commands

sys.path.append(str(Path(__file__).parent / "executed"))

from elsewhere import BY_CI, BY_SUITES, NOT_AT_ALL, Elsewhere
from figures import PAGE, Where, where, with_figures
from plan import PLANS, Plan

STEPS = [line.removeprefix("step ").split() for line in (CHECKOUT / ".ci/run").read_text().splitlines() if line.startswith("step ")]
TEXTS = {command.text for command in ALL}


def test_the_page_is_up_to_date() -> None:
    """UPDATE_FIGURES=1 writes it again."""
    text = PAGE.read_text(encoding="utf-8")
    if os.environ.get("UPDATE_FIGURES"):
        PAGE.write_text(with_figures(text), encoding="utf-8")
        return
    assert text == with_figures(text), "Next: UPDATE_FIGURES=1 .venv/bin/pytest tests/docs/test_where_commands_run.py"


@pytest.mark.parametrize("target", sorted({step for steps in BY_CI.values() for step in steps}))
def test_a_step_of_ci(target: str) -> None:
    assert any(step[-2:] == target.split() for step in STEPS)


@pytest.mark.parametrize("found", BY_SUITES.values(), ids=BY_SUITES)
def test_another_suite_runs_it(found: Elsewhere) -> None:
    text = (CHECKOUT / found.file).read_text(encoding="utf-8")
    assert [words for words in found.words if words not in text] == []


def test_no_list_names_what_no_page_has() -> None:
    assert {*BY_CI, *BY_SUITES, *NOT_AT_ALL} <= TEXTS
    assert not BY_CI.keys() & BY_SUITES.keys() | BY_CI.keys() & NOT_AT_ALL.keys() | BY_SUITES.keys() & NOT_AT_ALL.keys()


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_a_plan_fits_its_page(plan: Plan) -> None:
    assert {*plan.ahead, *plan.codes, *plan.answers} <= {command.text for command in commands(CHECKOUT / plan.page)}


def says(code: int, page: str) -> bool:
    """Whether a page's text has the exit code."""
    return bool(re.search(rf"\b(?:exit|exit code is|ends with) {code}\b", page.replace("\n", " ")))


@pytest.mark.parametrize("plan", [plan for plan in PLANS.values() if plan.codes], ids=lambda plan: plan.page)
def test_a_page_says_how_a_command_ends_that_does_not_end_well(plan: Plan) -> None:
    page = CHECKOUT / plan.page
    text = page.read_text(encoding="utf-8")
    shown = {command.text for command in commands(page) if any(line.startswith("✗ ") for line in command.shown)}
    assert [command for command, code in plan.codes.items() if command not in shown and not says(code, text)] == []
    assert shown <= set(plan.codes)


def test_what_is_marked_is_not_run_as_it_is() -> None:
    assert [command.text for command in ALL if command.mark in MARKS and where(command) is Where.HERE] == []
