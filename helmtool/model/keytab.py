"""Kerberos keytabs, format 0x0502 of MIT and Heimdal: whose keys, which versions, what kind. The keys themselves are passed over.

The format: https://web.mit.edu/kerberos/krb5-latest/doc/formats/keytab_file_format.html.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from helmtool.errors import InvalidInput

MAGIC = b"\x05\x02"
OLD_MAGIC = b"\x05\x01"
ENCRYPTION_TYPES = {
    1: "des-cbc-crc",
    2: "des-cbc-md4",
    3: "des-cbc-md5",
    16: "des3-cbc-sha1",
    17: "aes128-cts-hmac-sha1-96",
    18: "aes256-cts-hmac-sha1-96",
    19: "aes128-cts-hmac-sha256-128",
    20: "aes256-cts-hmac-sha384-192",
    23: "arcfour-hmac",
    24: "arcfour-hmac-exp",
    25: "camellia128-cts-cmac",
    26: "camellia256-cts-cmac",
}
"""Numbers and names of the Kerberos parameters at IANA."""
WEAK = frozenset({1, 2, 3, 16, 23, 24})
"""Those that RFC 6649 and RFC 8429 give up."""


class KeytabInvalid(InvalidInput):
    """A file is no keytab, or not a whole one."""

    code = "keytab-invalid"


class KeytabEntry(NamedTuple):
    """One key of a keytab without the key: principal, key version number, encryption type (IANA's number), and when it was written."""

    principal: str
    version: int
    encryption: int
    written: datetime

    @property
    def encryption_name(self) -> str:
        """The encryption type as Kerberos' programs call it."""
        return ENCRYPTION_TYPES.get(self.encryption, f"type {self.encryption}")

    @property
    def weak(self) -> bool:
        """Whether a KDC of today may refuse it."""
        return self.encryption in WEAK


def parse_keytab(data: bytes) -> tuple[KeytabEntry, ...]:
    """The entries of a keytab, deleted ones left out. Raises KeytabInvalid, which quotes nothing of it."""
    if not data.startswith(MAGIC):
        what = "of the old format 0x0501" if data.startswith(OLD_MAGIC) else "no keytab: it does not begin with 0x0502"
        raise KeytabInvalid(what, hint="ask the KDC for a new one (cern-get-keytab, ktutil)")
    try:
        entries = tuple(_entry(record) for record in _records(data))
    except (struct.error, IndexError, ValueError, OverflowError):
        raise KeytabInvalid("no whole keytab: it ends in the middle of an entry", hint="klist -kte FILE, or restore it from git") from None
    if not entries:
        raise KeytabInvalid("a keytab without a key", hint="ask the KDC for a new one")
    return entries


def _records(data: bytes) -> Iterator[bytes]:
    at = len(MAGIC)
    while at < len(data):
        (size,) = struct.unpack_from(">i", data, at)
        at += 4
        if at + abs(size) > len(data):
            raise ValueError(size)
        if size == 0:
            return
        if size > 0:
            yield data[at : at + size]
        at += abs(size)


def _entry(record: bytes) -> KeytabEntry:
    (components,) = struct.unpack_from(">H", record)
    at, names = 2, []
    for _ in range(components + 1):  # the realm comes first
        text, at = _counted(record, at)
        names.append(text)
    _, written, version, encryption, length = struct.unpack_from(">IIBHH", record, at)
    at += 13 + length
    if at > len(record):
        raise ValueError(length)
    if len(record) - at >= 4:
        (long_version,) = struct.unpack_from(">I", record, at)
        version = long_version or version
    return KeytabEntry(f"{'/'.join(names[1:])}@{names[0]}", version, encryption, datetime.fromtimestamp(written, UTC))


def _counted(record: bytes, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from(">H", record, at)
    text = record[at + 2 : at + 2 + length]
    if len(text) < length:
        raise ValueError(length)
    return text.decode(errors="replace"), at + 2 + length
