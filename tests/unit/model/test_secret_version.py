from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helmtool.model.secret_version import (
    KeyChanges,
    KeyDamaged,
    SecretUnreadable,
    canonical,
    compare_keys,
    key_object,
    mounted_name,
    read_key,
    read_version,
    shown,
    version_name,
    version_object,
)

KEY = bytes(range(32))
FILES = st.dictionaries(st.text(min_size=1, max_size=8), st.binary(max_size=20), max_size=4)


@given(FILES, FILES)
def test_one_text_for_one_content(one: dict[str, bytes], other: dict[str, bytes]) -> None:
    assert (canonical(one) == canonical(other)) == (one == other)
    assert canonical(dict(reversed(one.items()))) == canonical(one)


@pytest.mark.parametrize(
    ("one", "other"),
    [({"ab": b"c"}, {"a": b"bc"}), ({"a": b"", "b": b"x"}, {"a": b"x", "b": b""}), ({"a": b"1"}, {"a": b"1", "b": b""})],
)
def test_what_a_plain_concatenation_would_confuse(one: dict[str, bytes], other: dict[str, bytes]) -> None:
    assert version_name("s", one, KEY) != version_name("s", other, KEY)


def test_the_name_depends_on_the_key_and_says_nothing_else() -> None:
    files = {"password": b"guess-me"}
    assert version_name("newdqmgui-secrets", files, KEY) == "newdqmgui-secrets-6d82654791482b59"
    assert version_name("newdqmgui-secrets", files, KEY[::-1]) != version_name("newdqmgui-secrets", files, KEY)


def test_a_change_is_told_by_names_of_keys() -> None:
    changes = compare_keys({"a": b"1", "b": b"2", "c": b"3"}, {"b": b"2", "c": b"4", "d": b"5"})
    assert changes == KeyChanges(("d",), ("a",), ("c",))
    assert str(changes) == "added d; removed a; changed c"
    assert not compare_keys({"a": b"1"}, {"a": b"1"})
    assert str(KeyChanges()) == "no key changes"


def test_a_version_is_stored_and_read() -> None:
    stored = version_object("s-1", "dqm", "r", {"b": b"\x00", "a": b"x"})
    assert stored["immutable"] is True
    assert stored["data"] == {"a": "eA==", "b": "AA=="}
    assert read_version(stored).files == {"a": b"x", "b": b"\x00"}
    assert read_version(stored).keys == ("a", "b")
    assert "x" not in repr(read_version(stored)).replace("extra", "")


def test_the_key_is_stored_and_read() -> None:
    assert read_key(key_object("s", "dqm", "r", KEY)) == KEY


@pytest.mark.parametrize("data", [None, {}, {"key": ""}, {"key": base64.b64encode(KEY[:31]).decode()}, {"other": "eA=="}])
def test_a_key_that_is_none(data: dict[str, str] | None) -> None:
    with pytest.raises(KeyDamaged) as caught:
        read_key({"metadata": {"name": "s-key"}, "data": data})
    assert "s-key" in caught.value.message


def test_what_is_shown_has_no_value() -> None:
    assert shown("s-1", ["b", "a"], ["b"])["data"] == {"a": "<redacted>", "b": "<redacted, changed>"}


@pytest.mark.parametrize(
    ("volumes", "name"),
    [
        ([{"name": "secrets", "secret": {"secretName": "s-1"}}], "s-1"),
        ([{"name": "proxy", "secret": {"secretName": "p"}}], ""),
        ([{"name": "secrets", "emptyDir": {}}], ""),
        (None, ""),
    ],
)
def test_which_secret_is_mounted(volumes: list[object] | None, name: str) -> None:
    deployment = {"kind": "Deployment", "spec": {"template": {"spec": {"volumes": volumes}}}}
    assert mounted_name([{"kind": "Service"}, deployment]) == name
    assert mounted_name([]) == ""


def test_a_secret_that_no_api_server_takes() -> None:
    with pytest.raises(SecretUnreadable, match="the Secret a holds what is not base64"):
        read_version({"metadata": {"name": "a"}, "data": {"k": "QQ"}})
    assert read_version({"metadata": 5, "data": [1]}).files == {}
