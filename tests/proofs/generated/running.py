"""Many numbers at a time, with a line of progress every few seconds."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
RUNS = int(os.environ.get("HELMTOOL_GENERATED_RUNS", "0"))
"""How many of each kind; 0 for the sample."""
SEED = os.environ.get("HELMTOOL_GENERATED_SEED", "1")
ONLY = os.environ.get("HELMTOOL_GENERATED_NUMBER", "")
"""The one number to run again, with the seed."""
WORKERS = 4
PROGRESS = 5.0
"""Seconds between two lines of progress."""


def numbers(sample: int) -> Iterable[int]:
    """The numbers to run."""
    return [int(ONLY)] if ONLY else range(RUNS or sample)


def until(what: str, sample: int, run: Callable[[int], T], counts: Callable[[T], bool]) -> list[T]:
    """The results of as many numbers, from 0, as it takes until that many count."""
    if ONLY:
        return [run(int(ONLY))]
    results: list[T] = []
    missing = wanted = RUNS or sample
    while missing > 0 and len(results) < 4 * wanted:
        results += each(what, range(len(results), len(results) + missing), run)
        missing = wanted - sum(map(counts, results))
    return results


def seen(number: int, wrong: str) -> str:
    """What is wrong, said at once: a long run shows it long before its end."""
    if wrong:
        print(f"number {number}: {wrong[:400]}", flush=True)
    return wrong


def again(number: int) -> str:
    """The command that makes one document again."""
    return f"HELMTOOL_GENERATED_SEED={SEED} HELMTOOL_GENERATED_NUMBER={number} make test-generated"


def each(what: str, chosen: Iterable[int], run: Callable[[int], T]) -> Iterator[T]:
    """The results in the order of the numbers; several are run at once."""
    chosen, said = list(chosen), time.monotonic()
    with ThreadPoolExecutor(WORKERS) as pool:
        for done, result in enumerate(pool.map(run, chosen), 1):
            if time.monotonic() - said > PROGRESS or done == len(chosen):
                print(f"{what}: {done}/{len(chosen)}", flush=True)
                said = time.monotonic()
            yield result
