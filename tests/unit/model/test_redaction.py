from __future__ import annotations

import base64
import html
import json
import random
import shlex
import string
import time
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helmtool.model.redaction import REDACTED, Redactor

PASSWORD = b"kT9$x'q\"Z7 &<w"
PEM = b"-----BEGIN PRIVATE KEY-----\n" + b"\n".join([base64.b64encode(random.Random(5).randbytes(48)) for _ in range(3)]) + b"\n-----END\n"
KEYTAB = b"\x05\x02\x00\x00\x00\x4a" + random.Random(7).randbytes(70)
UNICODE = "Schlüssel-für-größte-Geheimnisse-µ-Ω".encode()
LONG = random.Random(9).randbytes(50_000).hex().encode()


def redactor(*values: bytes) -> Redactor:
    made = Redactor()
    for value in values:
        made.protect(value)
    return made


FORMS = {
    "as it is": lambda value: value.decode(errors="replace"),
    "base64": lambda value: base64.b64encode(value).decode(),
    "base64 for addresses": lambda value: base64.urlsafe_b64encode(value).decode(),
    "base64 one byte further on": lambda value: base64.b64encode(b"x" + value).decode(),
    "base64 two bytes further on": lambda value: base64.b64encode(b"xy" + value).decode(),
    "base64 of base64": lambda value: base64.b64encode(base64.b64encode(value)).decode(),
    "hexadecimal": lambda value: value.hex(),
    "HEXADECIMAL": lambda value: value.hex().upper(),
    "address": lambda value: quote(value, safe=""),
    "JSON": lambda value: json.dumps(value.decode(errors="replace")),
    "JSON as it is written": lambda value: json.dumps(value.decode(errors="replace"), ensure_ascii=False),
    "JSON in JSON": lambda value: json.dumps(json.dumps(value.decode(errors="replace"))),
    "shell": lambda value: shlex.quote(value.decode(errors="replace")),
    "Python": repr,
    "Python text": lambda value: repr(value.decode(errors="replace")),
    "HTML": lambda value: html.escape(value.decode(errors="replace")),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "value", [PASSWORD, PEM, KEYTAB, UNICODE, LONG, b"8letters"], ids=["password", "pem", "keytab", "utf8", "long", "8"]
)
def test_a_value_is_struck_in_every_form(value: bytes, form: str) -> None:
    text = f"Error: {FORMS[form](value)} is not allowed"
    told = redactor(value).redact(text)
    assert told.startswith("Error: ")
    assert told.endswith(" is not allowed")
    assert REDACTED in told
    assert len(told) < len("Error:  is not allowed") + len(REDACTED) + 8


def test_lines_and_what_stands_right_of_a_name_are_struck() -> None:
    made = redactor(b"user=shifter01\npassword: 'long-Enough9'\n   indented line of it\nok\n")
    assert made.redact("got long-Enough9 and `indented line of it`") == f"got {REDACTED} and `{REDACTED}`"
    assert made.redact(base64.b64encode(b"long-Enough9").decode()) == REDACTED
    assert made.redact("ok") == "ok"


@pytest.mark.parametrize("length", [31, 40, 333])
def test_a_piece_that_somebody_cut_is_struck(length: int) -> None:
    start = 1000 + length
    text = LONG[start : start + length].decode()
    assert redactor(LONG).redact(f"[{text}]") == f"[{REDACTED}]"


def test_the_longest_form_wins() -> None:
    assert redactor(b"abcdefgh", b"abcdefgh12345").redact("<abcdefgh12345>") == f"<{REDACTED}>"


def test_names_of_the_program_itself_are_spared() -> None:
    made = Redactor()
    made.spare("newdqmgui")
    made.protect(b"service=newdqmgui\npassword=newdqmgui2")
    assert made.redact("release newdqmgui: newdqmgui2") == f"release newdqmgui: {REDACTED}"


@pytest.mark.parametrize("text", ["-" * 60, "no secret here", "", "sha256:" + "0123456789abcdef" * 4])
def test_other_text_is_left_alone(text: str) -> None:
    assert redactor(b"-" * 40 + b"\nreal-secret-1", PEM, KEYTAB).redact(text) == text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a\n-----BEGIN EC PRIVATE KEY-----\nMII\n-----END EC PRIVATE KEY-----\nb", f"a\n{REDACTED}\nb"),
        ("cut -----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNza", f"cut {REDACTED}"),
        ("id AGE-SECRET-KEY-1QQPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L end", f"id {REDACTED} end"),
        ("token eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl end", f"token {REDACTED} end"),
        (f"keytab {base64.b64encode(KEYTAB).decode()}", f"keytab {REDACTED}"),
        ("-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----", None),
    ],
)
def test_what_looks_like_a_key_needs_no_registration(text: str, told: str | None) -> None:
    assert Redactor().redact(text) == (told or text)


@given(st.text(string.printable, min_size=8, max_size=60).filter(lambda t: len(set(t)) > 4), st.text(max_size=20), st.text(max_size=20))
def test_no_value_survives(value: str, before: str, after: str) -> None:
    made = redactor(value.encode())
    assert value not in made.redact(before + value + after)
    assert json.dumps(value)[1:-1] not in made.redact(json.dumps(before + value + after))


def test_a_large_value_takes_no_time_that_is_felt() -> None:
    started = time.perf_counter()
    made = redactor(b"\n".join(base64.b64encode(random.Random(i).randbytes(48)) for i in range(1600)))
    made.redact("x" * 100_000)
    assert time.perf_counter() - started < 3
