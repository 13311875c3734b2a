"""What of a log is shown."""

from __future__ import annotations

from helmtool.model.redaction import REDACTED
from helmtool.operations.logs import redacted

BEGIN, END = "-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----"


def shown(*lines: str, values: list[bytes] | None = None) -> list[str]:
    return list(redacted(iter(lines), values or []))


def test_lines_pass_as_they_are() -> None:
    assert shown("one", "", "  two\t") == ["one", "", "  two\t"]


def test_a_key_over_several_lines_is_one_mark() -> None:
    assert shown("before", BEGIN, "MIIabc", "def", END, "after") == ["before", REDACTED, "after"]


def test_a_key_without_an_end_hides_the_rest() -> None:
    assert shown("before", f"key: {BEGIN}", "MIIabc", "def") == ["before", REDACTED]


def test_a_key_on_one_line_hides_no_other() -> None:
    assert shown(f"{BEGIN}MIIabc{END}", "after") == [REDACTED, "after"]


def test_a_certificate_is_no_secret() -> None:
    lines = ("-----BEGIN CERTIFICATE-----", "MIIabc", "-----END CERTIFICATE-----")
    assert shown(*lines) == list(lines)


def test_a_short_value_is_struck_where_it_is_a_word() -> None:
    assert shown("pin 4711 of 47110", values=[b"4711"]) == [f"pin {REDACTED} of 47110"]
