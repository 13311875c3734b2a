"""Requests that are made at the same time: how many, in which order, and what a hanging one holds up."""

from __future__ import annotations

import subprocess
import sys
import time
from functools import partial

import pytest

from helmtool.adapters.cluster import Cluster
from helmtool.errors import OperationFailed


def test_requests_in_parallel_end_before_an_error_is_raised() -> None:
    ended: list[int] = []

    def call(number: int) -> int:
        time.sleep(0.01 * number)
        ended.append(number)
        if number == 1:
            raise OperationFailed("one")
        return number

    cluster = object.__new__(Cluster)  # no server is asked
    with pytest.raises(OperationFailed):
        cluster.in_parallel([partial(call, number) for number in range(20)])
    assert sorted(ended) == list(range(20))
    assert cluster.in_parallel([partial(call, number) for number in (0, 2, 3)]) == [0, 2, 3]
    assert cluster.in_parallel([]) == []


def test_only_so_many_are_under_way() -> None:
    cluster = object.__new__(Cluster)
    under_way: list[int] = []
    most = 0

    def call() -> None:
        nonlocal most
        under_way.append(1)
        most = max(most, len(under_way))
        time.sleep(0.01)
        under_way.pop()

    for future in cluster.begin([call] * 12, at_once=3):
        future.result()
    assert most == 3


def test_a_request_that_hangs_does_not_keep_the_program_from_ending() -> None:
    code = "import threading, time; from helmtool.adapters.cluster import Cluster\n"
    code += "hang = lambda: object.__new__(Cluster).in_parallel([lambda: time.sleep(60)] * 3)\n"
    code += "threading.Thread(target=hang, daemon=True).start(); time.sleep(0.2)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
