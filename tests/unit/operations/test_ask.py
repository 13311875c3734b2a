"""Asking many at once: nobody waits for another, and for nobody longer than its time."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

import pytest

from helmtool.operations import ask
from helmtool.operations.ask import ask_each


def test_the_answers_in_the_order_of_the_names() -> None:
    def slow_first(name: str) -> str:
        time.sleep(0.2 if name == "a" else 0)
        return name.upper()

    assert list(asyncio.run(ask_each(["a", "b", "c"], slow_first)).items()) == [("a", "A"), ("b", "B"), ("c", "C")]


def test_all_are_asked_at_once_and_one_that_hangs_is_given_up_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    together, ended, told = threading.Barrier(20), threading.Event(), list[Sequence[str]]()
    monkeypatch.setattr(ask, "TELL_AFTER", 0.1)

    def answer(name: str) -> str:
        together.wait(10)
        if name == "late":
            ended.wait(10)
        return name

    names = [f"test{n}" for n in range(19)] + ["late"]
    begun = time.monotonic()
    found = asyncio.run(ask_each(names, answer, patience=1.0, waiting=told.append))
    took = time.monotonic() - begun
    ended.set()
    assert found == {**{name: name for name in names}, "late": None}
    assert took < 8
    assert told[-1] == ["late"]
    assert told.count(["late"]) == 1


def test_no_more_than_the_most_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask, "AT_ONCE", 3)
    now, most, lock = 0, 0, threading.Lock()

    def answer(_: str) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.02)
        with lock:
            now -= 1

    asyncio.run(ask_each([str(n) for n in range(12)], answer))
    assert most == 3


def test_a_mistake_is_raised() -> None:
    def answer(_: str) -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        asyncio.run(ask_each(["a"], answer))


def test_one_that_hangs_does_not_keep_the_program_from_ending() -> None:
    code = "import asyncio, time; from helmtool.operations.ask import ask_each\n"
    code += "print(asyncio.run(ask_each(['a'], lambda name: time.sleep(60), patience=0.2)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=30, check=True)
    assert done.stdout.decode().strip() == "{'a': None}"
    assert done.stderr == b""
