from __future__ import annotations

import base64
import html
import json
import random
import re
import shlex
import string
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
import yaml
from hypothesis import given, settings
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


FORMS: dict[str, Callable[[bytes], str]] = {
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


def text_of(value: bytes) -> str:
    return value.decode(errors="replace")


def go_json(value: bytes) -> str:
    escaped: dict[str, str | int | None] = {character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}
    return json.dumps(text_of(value), ensure_ascii=False).translate(str.maketrans(escaped))


def wrapped(text: str, columns: int = 20, indent: str = "  ") -> str:
    return f"\n{indent}".join(text[at : at + columns] for at in range(0, len(text), columns))


OF_PROGRAMS: dict[str, Callable[[bytes], str]] = {
    "decimal bytes, Go": lambda value: f"[{' '.join(map(str, value))}]",
    "decimal bytes, JSON": lambda value: json.dumps(list(value)),
    "decimal bytes, JSON with indentation": lambda value: json.dumps({"a": {"b": list(value)}}, indent=4),
    "decimal bytes in a string of JSON": lambda value: json.dumps(json.dumps(list(value), indent=1)),
    "hexadecimal with spaces": lambda value: value.hex(" "),
    "hexadecimal with colons": lambda value: value.hex(":").upper(),
    "hexadecimal, Go's syntax": lambda value: f"[]byte{{{', '.join(f'0x{byte:x}' for byte in value)}}}",
    "hexadecimal with one 0x": lambda value: "0x" + value.hex(),
    "base64 for addresses without padding": lambda value: base64.urlsafe_b64encode(value).decode().rstrip("="),
    "base64 in lines": lambda value: wrapped(base64.b64encode(value).decode()),
    "base64 in lines in JSON": lambda value: json.dumps(base64.encodebytes(value).decode()),
    "base64 of name and password": lambda value: base64.b64encode(b"user:" + value).decode(),
    "JSON of Go": go_json,
    "JSON of Go in JSON": lambda value: json.dumps(go_json(value)),
    "JSON in JSON in JSON": lambda value: json.dumps(json.dumps(json.dumps(text_of(value)))),
    "HTML of Go": lambda value: html.escape(text_of(value)).replace("&quot;", "&#34;").replace("&#x27;", "&#39;"),
    "HTML in JSON": lambda value: json.dumps(html.escape(text_of(value))),
    "YAML": lambda value: yaml.safe_dump({"a": text_of(value)}, width=20),
    "YAML in double quotes": lambda value: yaml.safe_dump({"a": text_of(value)}, default_style='"', width=20),
    "YAML in single quotes": lambda value: f"'{text_of(value)}'".replace("'", "''")[1:-1],
    "YAML on one line": lambda value: " ".join(text_of(value).split()),
    "percent codes": lambda value: "".join(f"%{byte:02X}" for byte in value),
    "percent codes in lower case": lambda value: "".join(f"%{byte:02x}" for byte in value),
    "a form": quote_plus,
    "an address": lambda value: f"https://user:{quote(value, safe='')}@host:6443/path",
    "an address in JSON": lambda value: json.dumps(f"https://user:{quote(value, safe='').replace('%2F', '%2f')}@host"),
    "octal codes, git": lambda value: "".join(f"\\{byte:03o}" for byte in value),
    "hexadecimal codes": lambda value: "".join(f"\\x{byte:02x}" for byte in value),
    "shell, by backslashes": lambda value: re.sub(r"([^\w\n])", r"\\\1", text_of(value)),
    "shell, the other apostrophe": lambda value: "'" + text_of(value).replace("'", "'\\''") + "'",
}
ALL_FORMS: dict[str, Callable[[bytes], str]] = {**FORMS, **OF_PROGRAMS}
SECRETS = st.one_of(
    st.text(string.printable, min_size=8, max_size=80).map(str.encode),
    st.text(min_size=8, max_size=40).map(lambda text: text.encode(errors="ignore")),
    st.binary(min_size=8, max_size=80),
).filter(lambda value: len(set("".join(text_of(value).split()))) > 4 and len("".join(text_of(value).split())) >= 8)


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


@pytest.mark.parametrize("form", ALL_FORMS)
@settings(max_examples=60, deadline=None)
@given(value=SECRETS, before=st.text(" .:,[=-xZ", max_size=9), after=st.text(" .:,]=-xZ", max_size=9))
def test_no_secret_survives_in_any_form(form: str, value: bytes, before: str, after: str) -> None:
    shown = ALL_FORMS[form](value)
    told = redactor(value).redact(f"{before} {shown} {after}")
    assert REDACTED in told
    left, shown = ("".join(text.split()) for text in (told.replace(REDACTED, ""), shown))
    assert len(left) <= len(before) + len(after) + max(30, len(shown) // 3), left


@pytest.mark.parametrize("form", ALL_FORMS)
def test_time_grows_with_the_text_alone(form: str) -> None:
    made, shown = redactor(PASSWORD, UNICODE, KEYTAB), ALL_FORMS[form](PASSWORD)

    def seconds(count: int) -> float:
        text = f"{shown} and more\n" * (count // len(shown))
        started = time.process_time()
        made.redact(text)
        return time.process_time() - started

    small, large = min(seconds(20_000) for _ in range(3)), seconds(160_000)
    assert large < 8 * 3 * small + 0.05


ODD = ("\\", '\\"', "%4", "&#", "&amp", "1 ", "0x1 ", "'", "''", "'\"'\"'", "\n", " \n", "\\u", "-----BEGIN ", "eyJa.", "://a:")


@pytest.mark.parametrize("odd", ODD)
def test_no_text_takes_long(odd: str) -> None:
    made = redactor(PASSWORD, PEM, KEYTAB)
    started = time.process_time()
    made.redact(odd * (200_000 // len(odd)))
    redactor((odd * 10_000).encode()[:15_000])
    assert time.process_time() - started < 5


PLAIN = "hunter2-Zq8wLp2Xk"


@pytest.mark.parametrize(
    "file",
    [
        json.dumps({"user": "robot", "password": PLAIN}),
        json.dumps({"password": PLAIN, "x": 1}, indent=1),
        json.dumps(["first", PLAIN]),
        f"{{user: robot, password: {PLAIN}}}",
        f"URL=postgres://user:{PLAIN}@host/db",
        f"machine h login u password {PLAIN}",
        f"<password>{PLAIN}</password>",
        f"user;{PLAIN};x",
        f"user=a; password={PLAIN}",
        f'export PASS="{PLAIN}"',
        f"PASS={PLAIN} # the one",
        f"PASS='{PLAIN}'  # the one",
        f"\ufeff{PLAIN}",
        f"\ufeffPASS={PLAIN}\r\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_value_of_a_file_is_struck_alone(file: str, encoding: str) -> None:
    made = redactor(file.encode(encoding))
    assert made.redact(f"auth failed for {PLAIN} today") == f"auth failed for {REDACTED} today"
    assert made.redact(base64.b64encode(PLAIN.encode()).decode()) == REDACTED


NAMES = ("cmsweb-test4.cern.ch", "/etc/secrets/password2", "2026-01-05")


@pytest.mark.parametrize("text", ["password", "username", "the password is wrong", *NAMES])
def test_names_in_a_file_are_no_secrets(text: str) -> None:
    file = {"username": "robot1", "password": PLAIN, "list": [" ".join((PLAIN, *NAMES))]}
    assert redactor(json.dumps(file).encode()).redact(text) == text


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


@given(
    st.text(string.printable, min_size=8, max_size=60).filter(lambda t: len(set(t)) > 4 and t not in REDACTED),
    st.text(max_size=20),
    st.text(max_size=20),
)
def test_no_value_survives(value: str, before: str, after: str) -> None:
    made = redactor(value.encode())
    assert value not in made.redact(before + value + after)
    assert json.dumps(value)[1:-1] not in made.redact(json.dumps(before + value + after))


def test_a_large_value_takes_no_time_that_is_felt() -> None:
    started = time.perf_counter()
    made = redactor(b"\n".join(base64.b64encode(random.Random(i).randbytes(48)) for i in range(1600)))
    made.redact("x" * 100_000)
    assert time.perf_counter() - started < 3


@given(st.text("\\uUxX{}0123dD8fF'\"%&#;abn \n\r,:+-_=<>é\ud800\U0001f600", max_size=80), st.binary(min_size=1, max_size=60))
def test_any_text_and_any_value_are_taken(text: str, value: bytes) -> None:
    assert Redactor().redact(text) == text
    redactor(value, text.encode(errors="surrogatepass")).redact(text)
