"""Keytabs as bytes: what is read, and what is refused."""

from __future__ import annotations

import contextlib
import struct
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helmtool.model.keytab import KeytabInvalid, parse_keytab

KEY = b"\xaa" * 32


def counted(text: bytes) -> bytes:
    return struct.pack(">H", len(text)) + text


def entry(*components: bytes, realm: bytes = b"R", version: int = 2, kind: int = 18, long_version: int | None = None) -> bytes:
    body = struct.pack(">H", len(components)) + counted(realm) + b"".join(counted(c) for c in components)
    body += struct.pack(">IIBHH", 1, 86400, version & 0xFF, kind, len(KEY)) + KEY
    body += b"" if long_version is None else struct.pack(">I", long_version)
    return struct.pack(">i", len(body)) + body


def keytab(*entries: bytes) -> bytes:
    return b"\x05\x02" + b"".join(entries)


def test_entries() -> None:
    (first, second) = parse_keytab(keytab(entry(b"dqm", b"host.example.org"), entry(b"x", version=1, kind=23)))
    assert (first.principal, first.version, first.encryption_name, first.weak) == (
        "dqm/host.example.org@R",
        2,
        "aes256-cts-hmac-sha1-96",
        False,
    )
    assert first.written == datetime(1970, 1, 2, tzinfo=UTC)
    assert (second.principal, second.encryption_name, second.weak) == ("x@R", "arcfour-hmac", True)
    assert KEY.hex() not in repr(first)


def test_a_long_version_counts_unless_it_is_zero() -> None:
    assert [e.version for e in parse_keytab(keytab(entry(b"x", version=300, long_version=300)))] == [300]
    assert [e.version for e in parse_keytab(keytab(entry(b"x", version=7, long_version=0)))] == [7]


def test_deleted_entries_and_the_end_are_passed_over() -> None:
    hole = struct.pack(">i", -8) + bytes(8)
    assert len(parse_keytab(keytab(hole, entry(b"x"), hole, struct.pack(">i", 0), b"rest"))) == 1


def test_an_unknown_kind_has_its_number() -> None:
    assert parse_keytab(keytab(entry(b"x", kind=99)))[0].encryption_name == "type 99"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "does not begin"),
        (b"\x05", "does not begin"),
        (b"\x05\x01" + entry(b"x"), "0x0501"),
        (b"\x05\x02", "without a key"),
        (keytab(entry(b"x"))[:-1], "middle of an entry"),
        (keytab(entry(b"x"))[:20], "middle of an entry"),
        (keytab(struct.pack(">i", 3) + b"abc"), "middle of an entry"),
        (keytab(struct.pack(">i", -99)), "middle of an entry"),
        (keytab(b"\0"), "middle of an entry"),
    ],
)
def test_what_is_no_keytab(data: bytes, says: str) -> None:
    with pytest.raises(KeytabInvalid, match=says):
        parse_keytab(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_keytab_or_are_refused(data: bytes) -> None:
    with contextlib.suppress(KeytabInvalid):
        assert parse_keytab(b"\x05\x02" + data)
