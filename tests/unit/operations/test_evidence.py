"""What is kept of a log is bounded, and holds no key."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from helmtool.model.redaction import REDACTED, protect, redactor
from helmtool.operations.evidence import KEPT_LINES, KEPT_WIDTH, clean

KEY = [base64.b64encode(bytes((7 * n + 31 * m) % 256 for n in range(48))).decode() for m in range(9)]
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N"


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    yield
    redactor.forget()


@pytest.mark.parametrize(
    "lines",
    [
        ["-----BEGIN RSA PRIVATE KEY-----", *KEY, "-----END RSA PRIVATE KEY-----"],
        [*KEY[4:], "-----END PRIVATE KEY-----"],
        ["-----BEGIN PRIVATE KEY-----", *KEY[:3]],
        KEY[2:5],
        [f"key: {KEY[1]}", f"token={JWT}", "BQIAAA" + KEY[0]],
    ],
    ids=["whole", "its end", "its beginning", "its middle", "in a line"],
)
def test_a_key_is_struck_wherever_the_log_was_cut(lines: list[str]) -> None:
    kept = clean(["INFO before", *lines, "ERROR after"])
    assert kept[-1] == (REDACTED if lines[0].startswith("-----BEGIN PRIVATE") else "ERROR after")  # without its end, to the log's end
    assert [piece for piece in (*KEY, JWT) if any(piece in line for line in kept)] == []
    assert any(REDACTED in line for line in kept)


def test_values_are_struck_short_ones_as_words() -> None:
    protect(b"correct-horse-battery")
    kept = clean(["user x, password correct-horse-battery", "pin 4711, 47110 events"], [b"4711"])
    assert kept == (f"user x, password {REDACTED}", f"pin {REDACTED}, 47110 events")


@pytest.mark.parametrize("line", ["/home/cmsusr/dqmgui/data/logs/dqm-gui-backend-server-of-today", "x" * 60, "=" * 70])
def test_long_words_that_are_no_key_stay(line: str) -> None:
    assert clean([line]) == (line,)


def test_the_newest_lines_are_kept_and_cut() -> None:
    kept = clean([f"{number} {'y' * 1000}" for number in range(100)])
    assert len(kept) == KEPT_LINES
    assert kept[-1].startswith("99 ")
    assert {len(line) for line in kept} == {KEPT_WIDTH}
