"""An image in one file: a tar of an OCI image layout. It appears whole or not at all, and every byte of it is checked when it is read."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tarfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Self

from helmtool.errors import OperationFailed
from helmtool.model.image_layout import LAYOUT, Descriptor, Entry, InvalidArchive, Whole, gather, parse_index
from helmtool.model.registry import Manifest, parse_manifest
from helmtool.model.size import in_words

PART = 1 << 20
NAMES = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)
"""Types of members that hold the name or attributes of the next one."""
SMALL = 4 << 20
"""Bytes of an index or a manifest at most."""


class ArchiveNotWritten(OperationFailed):
    """The archive could not be written; nothing is left of it."""

    code = "archive-not-written"


class ArchiveUnreadable(InvalidArchive):
    """The file is not there, or may not be read."""


class ImageArchive:
    """An archive that is open for reading; nothing of it is unpacked, and what no manifest names is never read."""

    def __init__(self, file: Path, stream: IO[bytes], places: dict[str, tuple[int, int]]) -> None:
        self._file, self._stream, self._places = file, stream, places

    def entries(self) -> list[Entry]:
        """The images that the archive holds. Raises InvalidArchive."""
        for name in ("oci-layout", "index.json"):
            if name not in self._places:
                raise InvalidArchive(
                    str(self._file), f"it has no {name}, so it is not an archive of an image layout, or only a part of one"
                )
        return parse_index(self._small("index.json"), str(self._file))

    def whole(self, root: Descriptor) -> Whole:
        """The image with all its parts, manifests checked, blobs not yet. Raises InvalidArchive and UnexpectedAnswer."""
        return gather(self._manifest(root), self._manifest)

    def verify(self, whole: Whole, on_bytes: Callable[[int], None]) -> None:
        """Reads every blob and compares it with its digest. Raises InvalidArchive."""
        for blob in whole.blobs:
            for chunk in self.chunks(blob):
                on_bytes(len(chunk))

    def chunks(self, blob: Descriptor) -> Iterator[bytes]:
        """The bytes of a blob, part by part; the last part comes only if all of them are those of the digest. Raises InvalidArchive."""
        name = _member(blob.digest)
        begin, size = self._place(name)
        if size != blob.size:
            raise InvalidArchive(str(self._file), f"{name} has {size} bytes where its manifest says {blob.size}")
        seen, left = hashlib.sha256(), size
        while left:
            self._stream.seek(begin + size - left)
            chunk = self._stream.read(min(PART, left))
            if not chunk:
                raise InvalidArchive(str(self._file), f"it ends within {name}: it is truncated")
            seen.update(chunk)
            left -= len(chunk)
            if left:
                yield chunk
        if f"sha256:{seen.hexdigest()}" != blob.digest:
            raise InvalidArchive(str(self._file), f"{name} holds the bytes of sha256:{seen.hexdigest()}: it was changed or damaged")
        if size:
            yield chunk

    def _manifest(self, descriptor: Descriptor) -> Manifest:
        name = f"{self._file}: {_member(descriptor.digest)}"
        if descriptor.size > SMALL:
            raise InvalidArchive(str(self._file), f"a manifest of {descriptor.size} bytes")
        return parse_manifest(b"".join(self.chunks(descriptor)), descriptor.media_type, name)

    def _small(self, name: str) -> bytes:
        begin, size = self._place(name)
        if size > SMALL:
            raise InvalidArchive(str(self._file), f"its {name} has {size} bytes")
        self._stream.seek(begin)
        return self._stream.read(size)

    def _place(self, name: str) -> tuple[int, int]:
        if name not in self._places:
            raise InvalidArchive(str(self._file), f"{name} is missing: it is truncated, or was not made as a whole")
        return self._places[name]


@contextlib.contextmanager
def open_archive(file: Path) -> Iterator[ImageArchive]:
    """Opens an archive for reading. Raises ArchiveUnreadable and InvalidArchive."""
    try:
        stream = file.open("rb")
    except OSError as error:
        raise ArchiveUnreadable(str(file), str(error.strerror), hint=f"ls -l {file.parent}") from None
    with stream:
        yield ImageArchive(file, stream, _places(file, stream))


class _Header(tarfile.TarInfo):
    """A header whose size is one: tarfile goes backwards for a negative one, and reads names and attributes of any size into memory."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """The header in a block. Raises tarfile.TarError."""
        header = super().frombuf(buf, encoding, errors)
        if header.size < 0 or (header.size > SMALL and header.type in NAMES):
            raise tarfile.ReadError("a size that is none")
        return header


def _forwards(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """The member, unless extended attributes have given it a negative size. Raises tarfile.TarError."""
    if member.size < 0:
        raise tarfile.ReadError("a size that is none")
    return member


def _places(file: Path, stream: IO[bytes]) -> dict[str, tuple[int, int]]:
    """Where the contents of each regular file of the tar begin, and their size."""
    try:
        with tarfile.open(fileobj=stream, mode="r:", tarinfo=_Header) as tar:
            return {member.name.removeprefix("./"): (member.offset_data, member.size) for member in map(_forwards, tar) if member.isreg()}
    except (tarfile.TarError, OSError, ValueError, EOFError, RecursionError) as error:
        cut = "end of data" in str(error)
        raise InvalidArchive(str(file), "it ends too early: it is truncated" if cut else "it is not a tar archive") from None


def write_archive(file: Path, whole: Whole, index: bytes, read: Callable[[Descriptor], Iterable[bytes]]) -> None:
    """Writes the image under another name, and gives it the right one once all of it is on the disk.

    The same image under the same name gives the same bytes. `read` gives checked blobs. Raises ArchiveNotWritten and what `read` raises.
    """
    draft = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        with _named(file), draft.open("xb") as stream:
            _write_all(stream, whole, index, read)
            stream.flush()
            os.fsync(stream.fileno())
        with _named(file):
            draft.rename(file)
            _sync_folder(file.parent)
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


def check_space(file: Path, needed: int) -> None:
    """Raises ArchiveNotWritten where the folder is not there or has less than that many bytes free."""
    with _named(file):
        found = os.statvfs(file.parent)
    free = found.f_bavail * found.f_frsize
    if free < needed:
        raise ArchiveNotWritten(
            f"{file} needs {in_words(needed)}, and {in_words(free)} is free", hint=f"df -h {file.parent}; choose another folder"
        )


def _write_all(stream: IO[bytes], whole: Whole, index: bytes, read: Callable[[Descriptor], Iterable[bytes]]) -> None:
    for name, content in (("oci-layout", LAYOUT), ("index.json", index)):
        _write_member(stream, name, len(content), [content])
    for manifest in whole.manifests:
        _write_member(stream, _member(manifest.digest), len(manifest.content), [manifest.content])
    for blob in whole.blobs:
        _write_member(stream, _member(blob.digest), blob.size, read(blob))
    stream.write(bytes(2 * tarfile.BLOCKSIZE))


def _write_member(stream: IO[bytes], name: str, size: int, chunks: Iterable[bytes]) -> None:
    """One file of the tar; without a date and an owner, so that the archive is the same whoever makes it when."""
    header = tarfile.TarInfo(name)
    header.size = size
    stream.write(header.tobuf(tarfile.GNU_FORMAT))
    for chunk in chunks:
        stream.write(chunk)
    stream.write(bytes(-size % tarfile.BLOCKSIZE))


def _member(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/', 1)}"


def _sync_folder(folder: Path) -> None:
    """Some network file systems cannot sync a folder; the archive itself is on the disk by then."""
    with contextlib.suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


@contextlib.contextmanager
def _named(file: Path) -> Iterator[None]:
    """The system's errors in words."""
    try:
        yield
    except OSError as error:
        raise ArchiveNotWritten(f"{file} cannot be written: {error.strerror}", hint=f"df -h {file.parent}; ls -ld {file.parent}") from None
