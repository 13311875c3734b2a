"""Text of others that fits no pattern for long: however it is repeated, looking through it takes little time."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

import pytest

from helmtool.cli.harmless import harmless, one_line
from helmtool.model.causes.admitting import refusal
from helmtool.model.helm_summary import summarize_failure
from helmtool.model.reading import LONGEST_MESSAGE
from helmtool.model.registry import UnexpectedAnswer, next_page, parse_challenges

REPEATED = (
    *" a0A<\"'\\-./:=,\n{[(&%\t;_~\u2028",
    *(
        "a ",
        "a.",
        "a=",
        "a:",
        "a/",
        "a0",
        "0.",
        "1,",
        "[1 ",
        "aB3",
        " \n",
        "a: ",
        "://",
        "http://a:",
        "user:pa@",
        "eyJ",
        "%4",
        "--",
        "\\u00",
        '\\"',
    ),
    *("-----BEGIN ", "password=", '"a":"b",', 'a "', 'conflict with "a"', "failed quota: ", "cannot a ", "a/b.", "Length: ", "validating "),
)
SECONDS = 3.0
"""Of the processor: a pattern that takes quadratic time needs half a minute."""


def links(text: str) -> None:
    with contextlib.suppress(UnexpectedAnswer):
        next_page(text)


READERS: dict[str, tuple[Callable[[str], object], int]] = {
    "a table cell": (one_line, 100_000),
    "a block of text": (harmless, 100_000),
    "helm's words": (summarize_failure, 100_000),
    "a challenge": (lambda text: parse_challenges([text]), 100_000),
    "a link": (links, 100_000),
    "the API server's words": (lambda text: refusal(text, {}), LONGEST_MESSAGE),
}


@pytest.mark.parametrize("reader", READERS)
def test_nothing_that_is_repeated_takes_long(reader: str) -> None:
    read, length = READERS[reader]
    for piece in REPEATED:
        for text in ((piece * length)[:length] + "!", "x" + (piece * length)[: length - 1]):
            began = time.process_time()
            read(text)
            assert time.process_time() - began < SECONDS, piece
