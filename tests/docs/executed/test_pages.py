"""The commands of each page run as they are written, one after the other, and give what the page shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pytest
from blocks import CHECKOUT, Command, commands
from comparing import difference
from figures import is_run_here
from place import Place
from plan import PLANS, Plan
from shell import Ran, Shell

TRACES = ("Traceback", "a mistake in helmtool")


@contextmanager
def shell_in(place: Place) -> Iterator[Shell]:
    shell = Shell(place.checkout, place.variables)
    try:
        yield shell
    finally:
        shell.close()


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_page(plan: Plan, place: Place) -> None:
    with shell_in(place) as shell:
        wrong = list(prepared(shell, plan.before))
        here = [command for command in commands(CHECKOUT / plan.page) if is_run_here(command)]
        wrong += [problem for command in here for problem in tried(shell, plan, command)]
    assert not wrong, "\n\n".join(wrong)


def prepared(shell: Shell, lines: Iterable[str]) -> Iterator[str]:
    """Runs what a plan has ahead of a page or a command; what fails of it."""
    for ran in map(shell.run, lines):
        if ran.code != 0:
            yield f"ahead of it: {ran.command}\nended with {ran.code}:\n{ran.output}"


def tried(shell: Shell, plan: Plan, command: Command) -> Iterator[str]:
    """Runs a command of the page; what is wrong with it, in words."""
    yield from prepared(shell, plan.ahead.get(command.text, ()))
    ran = shell.run(command.text, plan.answers.get(command.text, ""))
    print(f"$ {ran.command}\n{ran.output}({ran.code})\n")
    yield from judged(command, ran, plan.codes.get(command.text, 0))


def judged(command: Command, ran: Ran, code: int) -> Iterator[str]:
    where = f"{command.page}:{command.line}: {command.text}"
    if ran.code != code:
        yield f"{where}\nended with {ran.code}, not {code}:\n{ran.output}"
    yield from (f"{where}\nsaid {trace}:\n{ran.output}" for trace in TRACES if trace in ran.output)
    if command.shown and (different := difference(command.shown, ran.output)):
        yield f"{where}\n{different}"
