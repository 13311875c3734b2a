"""Archives whose headers lie: each ends with an error at once, and little of it is read into memory."""

from __future__ import annotations

import io
import resource
import tarfile
from pathlib import Path

import pytest

from helmtool.adapters.image_archive import open_archive
from helmtool.model.image_layout import InvalidArchive

LARGE = 400 << 20
HOLE = b"a hole of so many bytes"


def header(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE) -> bytes:
    """One block; a size that no octal number can have is written as GNU tar does, in base 256."""
    made = tarfile.TarInfo(name)
    made.type = kind
    block = bytearray(made.tobuf(tarfile.GNU_FORMAT))
    octal = 0 <= size < 8**11
    block[124:136] = b"%011o\0" % size if octal else bytes([0x80 if size >= 0 else 0xFF]) + (size % 256**11).to_bytes(11, "big")
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def attributes(**values: str) -> bytes:
    """Extended attributes of the next member, which stand in a member of their own (POSIX pax)."""
    lines = b""
    for key, value in values.items():
        rest = f" {key}={value}\n".encode()
        lines += str(len(rest) + (2 if len(rest) < 98 else 3)).encode() + rest
    return header("attributes", len(lines), tarfile.XHDTYPE) + lines + bytes(-len(lines) % 512)


END = bytes(1024)
LIES = {
    "a negative size": header("oci-layout") + header("x", -512) + END,
    "the first one negative": header("x", -1024) + END,
    "negative by attributes": header("oci-layout") + attributes(size="-1024") + header("x") + END,
    "a negative name": header("oci-layout") + header("x", -512, tarfile.GNUTYPE_LONGNAME) + END,
    "a name of 400 MiB": header("x", LARGE, tarfile.GNUTYPE_LONGNAME) + HOLE + header("x") + END,
    "attributes of 400 MiB": header("x", LARGE, tarfile.XHDTYPE) + HOLE + header("x") + END,
    "names of names": header("x", 512, tarfile.GNUTYPE_LONGNAME) + (bytes(512) + header("x", 512, tarfile.GNUTYPE_LONGNAME)) * 3000 + END,
    "beyond its end": header("oci-layout", 1 << 60) + END,
}


@pytest.mark.parametrize("content", LIES.values(), ids=LIES)
def test_a_size_that_is_none(content: bytes, tmp_path: Path) -> None:
    first, _, last = content.partition(HOLE)
    with (tmp_path / "image.tar").open("wb") as file:
        file.write(first)
        file.seek(LARGE if last else 0, io.SEEK_CUR)
        file.write(last)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InvalidArchive), open_archive(tmp_path / "image.tar") as archive:
        archive.entries()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 << 10  # KiB


def test_names_and_attributes_as_other_programs_write_them(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "image.tar", "w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in (("oci-layout", b"{}"), ("index.json", b'{"manifests": []}'), ("x" * 300, b"")):
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(content), 0.5
            tar.addfile(member, io.BytesIO(content))
    with open_archive(tmp_path / "image.tar") as archive:
        assert archive.entries() == []
