"""What an encrypted file says of itself, and the form that a plaintext gets."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helmtool.errors import InvalidInput
from helmtool.model.envelope import Damaged, Form, NotEncrypted, form_for, read_envelope

ENC = "ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]"
META = '"sops": {"age": [{"recipient": "age1abc", "enc": "…"}, {"recipient": "age1def", "enc": "…"}], "mac": "m"}'
YAML_META = "sops:\n    age:\n        - enc: x\n          recipient: age1abc\n    mac: m\n"


@pytest.mark.parametrize(
    ("text", "key", "form", "clear"),
    [
        (f'{{"data": "{ENC}", {META}}}', "a.keytab", Form.BINARY, False),
        (f'{{"data": "{ENC}", {META}}}', "a.json", Form.JSON, False),
        (f'{{"data": "{ENC}", {META}}}', "A.JSON", Form.JSON, False),
        (f'{{"data": "{ENC}", "more": "{ENC}", {META}}}', "a", Form.JSON, False),
        (f'{{"a": ["{ENC}", "", null], {META}}}', "a", Form.JSON, False),
        (f'{{"a": ["{ENC}", "clear"], {META}}}', "a", Form.JSON, True),
        (f'{{"a": 5, {META}}}', "a", Form.JSON, True),
        (f"a: {ENC}\n{YAML_META}", "a.yaml", Form.YAML, False),
        (f"a: {ENC}\nb: clear\n{YAML_META}", "a", Form.YAML, True),
        (f"A={ENC}\nsops_version=3\nsops_age__list_0__map_recipient=age1abc\n", "a.env", Form.DOTENV, False),
        (f"A={ENC}\nB=clear\nsops_version=3\nsops_age__list_0__map_recipient=age1abc\n", "a.env", Form.DOTENV, True),
        (f"[x]\na = {ENC}\n\n[sops]\nage__list_0__map_recipient = age1abc\n", "a.ini", Form.INI, False),
        (f"[x]\na = clear\nb = {ENC}\n[sops]\nage__list_0__map_recipient = age1abc\n", "a.ini", Form.INI, True),
    ],
)
def test_forms_and_recipients(text: str, key: str, form: Form, clear: bool) -> None:
    envelope = read_envelope(text.encode(), key)
    assert (envelope.form, envelope.partly_clear) == (form, clear)
    assert envelope.recipients[0] == "age1abc"


@pytest.mark.parametrize("text", ["", "secret", "{", '{"a": "secret"}', '{"sops": "secret"}', "a: secret\n", "[a]\nb = secret", "\0", "["])
def test_what_is_not_encrypted_is_not_quoted(text: str) -> None:
    with pytest.raises(NotEncrypted) as caught:
        read_envelope(text.encode(), "a")
    assert "secret" not in caught.value.message.replace("secrets", "")


@pytest.mark.parametrize(
    "text", [f'{{"a": "{ENC}"', f'{{"a": "{ENC}"}}', f"a: {ENC}\n", f"a: [{ENC}\n{YAML_META}", "{" * 9999 + ENC, "sops:\na: &a [*a]\n"]
)
def test_what_is_not_whole(text: str) -> None:
    with pytest.raises(Damaged):
        read_envelope(text.encode(), "a")


@pytest.mark.parametrize(
    ("plain", "key", "form"),
    [
        (b"x", "a", Form.BINARY),
        (b"a: 1", "a.yaml", Form.BINARY),
        (b"A=1", "a.env", Form.BINARY),
        (b'{"a": [1, true, null, "x", {}]}', "a.json", Form.JSON),
        (b"{}", "a.json", Form.BINARY),
        (b"[]", "a.json", Form.BINARY),
        (b"1", "a.json", Form.BINARY),
        (b'{"a": 1.5}', "a.json", Form.BINARY),
        (b'{"a": 9223372036854775807}', "a.json", Form.JSON),
        (b'{"a": 9223372036854775808}', "a.json", Form.BINARY),
        (b'{"a": 1, "a": 1}', "a.json", Form.BINARY),
        (b'{"sops": 1}', "a.json", Form.BINARY),
        (b'{"x": {"a_unencrypted": 1}}', "a.json", Form.BINARY),
        (b'{"data": "{}"}', "a.json", Form.BINARY),
        (b'{"data": "word"}', "a.json", Form.JSON),
        (rb'{"a": "\ud800"}', "a.json", Form.BINARY),
        (rb'{"\ud800": 1}', "a.json", Form.BINARY),
    ],
)
def test_the_form_of_a_plaintext(plain: bytes, key: str, form: Form) -> None:
    assert form_for(plain, key) is form


@pytest.mark.parametrize("plain", [b"", b"{", b"{'a': 1}", b'{"a": NaN}', b"\xff", b"\xef\xbb\xbf{}", b"[" * 99999])
def test_json_that_is_none(plain: bytes) -> None:
    with pytest.raises(InvalidInput, match=r"a\.json"):
        form_for(plain, "a.json")


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)))
def test_every_json_has_a_form(value: object) -> None:
    assert form_for(json.dumps(value).encode(), "a.json") in (Form.JSON, Form.BINARY)
