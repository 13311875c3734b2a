"""Official releases of helm, sops and age: downloaded, compared with the digest that is pinned here, and only then unpacked and started."""

from __future__ import annotations

import errno
import hashlib
import http.client
import json
import os
import shutil
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from helmtool.adapters import toolbox
from helmtool.errors import InvalidInput, OperationFailed, Unreachable, UsageError

DATA = Path(__file__).with_name("data") / "releases.json"
MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
"""What a kernel calls itself, and what releases are named after."""
LARGEST = 512 << 20
"""Bytes of a download; the programs have 20 to 100 MB."""
STALLED = 30.0
"""Seconds without a byte after which a download has failed."""
PIECE = 1 << 20
HEARTBEAT = 5.0
BUILD = "helmtool tools install builds it from source, where there is Go"


class DigestUnknown(InvalidInput):
    """No digest is pinned for this kind of machine, so nothing could be compared."""

    code = "tool-digest-unknown"


class DigestDiffers(InvalidInput):
    """What came is not the release that is pinned."""

    code = "tool-digest"


class DownloadFailed(Unreachable):
    """The release could not be fetched, or not all of it."""

    code = "download-failed"


class NotInstalled(OperationFailed):
    """The program could not be put in its place."""

    code = "tool-not-installed"


class Release(NamedTuple):
    """A file of an official release: its address without the name, the program in it where it is an archive, its sha256 in hex."""

    program: str
    version: str
    address: str
    file: str
    member: str
    sha256: str


def find_release(program: str) -> Release:
    """The pinned release for this machine. Raises DigestUnknown."""
    found = json.loads(DATA.read_bytes())[program]
    here = os.uname()
    words = {"version": found["version"], "system": here.sysname.lower(), "machine": MACHINES.get(here.machine, here.machine)}
    kind = "{system}-{machine}".format(**words)
    if kind not in found["sha256"]:
        raise DigestUnknown(f"no digest is pinned for {program} {found['version']} on {kind}, so it is not downloaded", hint=BUILD)
    address, file, member = (found[key].format(**words) for key in ("from", "file", "member"))
    return Release(program, found["version"], address, file, member, found["sha256"][kind])


def check_mirror(url: str) -> str:
    """The address without a slash at its end. Raises UsageError."""
    if not url.startswith(("https://", "http://")):
        raise UsageError(f"--from {url}: expected an address that begins with https:// or http://", hint="helmtool tools install --help")
    return url.rstrip("/")


def download(release: Release, mirror: str, tell: Callable[[str], None]) -> toolbox.Tool:
    """Puts the program in its place in the cache, in one step, or leaves nothing; the caller holds `toolbox.locked`.

    `mirror` is an address to use instead of the official one, empty for that. Raises DownloadFailed, DigestDiffers, NotInstalled.
    """
    url = f"{mirror or release.address}/{release.file}"
    folder = toolbox.tools_folder()
    with _staging(folder) as stage:
        path = stage / "download"
        digest = _fetch(url, path, tell)
        if digest != release.sha256:
            raise DigestDiffers(
                f"{url} is not the pinned release: its sha256 is {digest}, expected {release.sha256}; nothing was kept",
                hint="the same again; where it stays so, report it, and build from source: helmtool tools install",
            )
        return _install(release, _unpacked(release, path, stage))


@contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    """A folder on the same file system; under the lock, so others of the name were left by a process that was killed."""
    try:
        for leftover in folder.glob(".downloading-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        stage = Path(tempfile.mkdtemp(prefix=".downloading-", dir=folder))
    except OSError as error:
        raise not_kept(folder, error) from None
    try:
        yield stage
    except OSError as error:
        raise not_kept(folder, error) from None
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def not_kept(folder: Path, error: OSError) -> NotInstalled:
    """Why nothing can be written there."""
    room = "make room there" if error.errno in (errno.ENOSPC, errno.EDQUOT) else f"ls -ld {folder}"
    return NotInstalled(f"{folder}: {error.strerror}; nothing was kept", hint=f"{room}, or keep it elsewhere: XDG_CACHE_HOME=FOLDER")


def _fetch(url: str, path: Path, tell: Callable[[str], None]) -> str:
    """Writes what the address gives into the file; gives its sha256. Raises DownloadFailed, and OSError where it cannot be written."""
    tell(url)
    request = urllib.request.Request(url, headers={"User-Agent": "helmtool"})  # noqa: S310 - http and https alone, see check_mirror
    try:
        answer = urllib.request.urlopen(request, timeout=STALLED)  # noqa: S310
    except urllib.error.HTTPError as error:
        error.close()
        raise _failed(url, f"the answer is {error.code} {error.reason}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _failed(url, _reason(error)) from None
    with answer, path.open("wb") as file:
        return _copied(url, answer, file, tell)


def _copied(url: str, answer: http.client.HTTPResponse, file: IO[bytes], tell: Callable[[str], None]) -> str:
    length = answer.headers.get("Content-Length") or ""
    expected, size, told, digest = int(length) if length.isdecimal() else 0, 0, time.monotonic(), hashlib.sha256()
    while piece := _piece(url, answer):
        size += len(piece)
        if size > LARGEST:
            raise _failed(url, f"more than {LARGEST >> 20} MiB come, which no release has")
        digest.update(piece)
        file.write(piece)
        if time.monotonic() - told >= HEARTBEAT:
            told = time.monotonic()
            tell(f"{size >> 20} of {expected >> 20} MiB")
    if size < expected:
        raise _failed(url, f"it was cut short: {size} of {expected} bytes came")
    return digest.hexdigest()


def _piece(url: str, answer: http.client.HTTPResponse) -> bytes:
    try:
        return answer.read(PIECE)
    except (OSError, http.client.HTTPException) as error:
        raise _failed(url, _reason(error)) from None


def _failed(url: str, reason: str) -> DownloadFailed:
    return DownloadFailed(f"{url}: {reason}; nothing was kept", hint="check the network and https_proxy; or a mirror, with --from URL")


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", error)
    if isinstance(reason, TimeoutError):
        return f"nothing came for {STALLED:.0f} s"
    return str(getattr(reason, "strerror", "") or reason or type(reason).__name__)


def _unpacked(release: Release, path: Path, stage: Path) -> Path:
    """The program, as a file of its own. Raises NotInstalled."""
    if not release.member:
        return path
    try:
        with tarfile.open(path) as archive, (stage / "program").open("wb") as file:
            member = archive.extractfile(release.member)
            if member is None:
                raise KeyError(release.member)
            shutil.copyfileobj(member, file)
    except (tarfile.TarError, KeyError, EOFError, zlib.error):
        raise NotInstalled(f"there is no {release.member} in {release.file}; nothing was kept", hint=BUILD) from None
    return stage / "program"


def _install(release: Release, program: Path) -> toolbox.Tool:
    """Moves it to its place once it has told its version. Raises NotInstalled."""
    prepared = program.parent / f"{release.program}-{release.version}"
    prepared.mkdir()
    path = program.rename(prepared / release.program)
    path.chmod(0o755)
    version = toolbox.read_version(release.program, path)
    if version != release.version:
        says = f"says that it is {version}" if version else "does not run on this machine"
        raise NotInstalled(f"the {release.program} of {release.file} {says}; nothing was kept", hint=BUILD)
    final = toolbox.pinned_path(release.program, release.version)
    shutil.rmtree(final.parent, ignore_errors=True)  # without a program in it, or it would have been used
    prepared.rename(final.parent)
    return toolbox.Tool(release.program, release.version, final)
