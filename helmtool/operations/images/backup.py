"""image backup and image restore: a copy of an image that the registry's clean-up cannot take, and the way back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from helmtool.adapters.image_archive import ImageArchive, check_space, open_archive, write_archive
from helmtool.adapters.registry.blobs import ImageStore
from helmtool.errors import Refused
from helmtool.model.image_layout import Descriptor, OtherImage, Whole, choose_entry, index_of
from helmtool.model.registry import Repository
from helmtool.model.size import in_words
from helmtool.model.tag import Tag, parse_tag
from helmtool.operations.images.copying import copy_in, is_there
from helmtool.operations.images.meter import Meter
from helmtool.operations.images.places import InvalidPlace, Place, parse_place
from helmtool.operations.progress import Progress
from helmtool.operations.registries import registry_of
from helmtool.operations.settings import Settings

HEADERS = 1 << 20
"""Bytes that an archive has beside its blobs, at most."""


class FileTaken(Refused):
    """The file holds something else, and is not overwritten."""

    code = "file-taken"


class Copied(NamedTuple):
    """A copy: from where to where, its digest and size in bytes; `written` is false where it was there already."""

    tag: Tag
    digest: str
    source: str
    target: str
    size: int
    written: bool


def back_up(text: str, to: str, env: str, settings: Settings, progress: Progress) -> Copied:
    """Copies the tag's image, every platform of it, into an archive or another repository, under the same tag and digest.

    Raises InvalidTag, InvalidPlace, NotFound (3), FileTaken, TagTaken (4), ArchiveNotWritten (1), and what a registry raises (5).
    """
    tag, place = parse_tag(text), parse_place(to)
    source = _store(env, settings)
    _check_target(place, source, tag)
    whole = source.whole(source.manifest(str(tag)))
    name = f"{source.repository}:{tag}"
    if place.repository:
        written = _into_repository(place.repository, tag, whole, source, progress)
    else:
        written = _into_file(place.file or Path(), tag, whole, source, progress)
    return Copied(tag, whole.root.digest, name, f"{place.repository}:{tag}" if place.repository else str(place.file), whole.size, written)


def restore(text: str, env: str, settings: Settings, progress: Progress, *, from_other: bool = False) -> Copied:
    """Brings a copy back to the environment's repository, under the tag that it was taken from.

    An archive is read and checked as a whole before anything is written. Raises InvalidPlace, InvalidArchive (3), OtherImage, TagTaken (4),
    and what a registry raises (5).
    """
    place = parse_place(text)
    target = _store(env, settings)
    if place.repository and place.tag:
        return _restore_repository(place.repository, place.tag, target, progress)
    if place.file is None:
        raise InvalidPlace(f"{place} has no tag: a repository holds many", hint=f"helmtool image restore {place}:HG0105a")
    with open_archive(place.file) as archive:
        return _restore_archive(archive, place, target, progress, from_other=from_other)


def _store(env: str, settings: Settings) -> ImageStore:
    registry, _ = registry_of(env, settings)
    return ImageStore(registry.repository)


def _check_target(place: Place, source: ImageStore, tag: Tag) -> None:
    """Raises InvalidPlace where the copy would be under another tag, or no copy at all."""
    if place.tag and place.tag != tag:
        raise InvalidPlace(f"a copy keeps its tag: {tag} cannot become {place.tag}", hint=f"--to {place.file or place.repository}")
    if place.repository == source.repository:
        raise InvalidPlace(
            f"{place.repository} is where the image is: the clean-up would take both", hint="choose another repository, or a file"
        )


def _into_repository(repository: Repository, tag: Tag, whole: Whole, source: ImageStore, progress: Progress) -> bool:
    target = ImageStore(repository)
    if is_there(target, str(tag), whole.root.digest):
        return False
    copy_in(target, str(tag), whole, source.chunks, progress)
    return True


def _into_file(file: Path, tag: Tag, whole: Whole, source: ImageStore, progress: Progress) -> bool:
    """Raises FileTaken where the file is there and is not this very image."""
    index = index_of(whole.root, source.repository, str(tag))
    if file.exists() or file.is_symlink():
        _require_same(file, whole.root.digest, tag, progress)
        return False
    check_space(file, whole.size + HEADERS)
    progress.start("backup", f"{len(whole.blobs)} blobs, {in_words(whole.size)}, to {file}")
    write_archive(file, whole, index, _metered(source.chunks, Meter(progress, "backup", whole.size)))
    progress.done("backup", f"{file}, {in_words(whole.size)}, {whole.root.digest}")
    return True


def _require_same(file: Path, digest: str, tag: Tag, progress: Progress) -> None:
    """Raises FileTaken, and InvalidArchive where the archive that is there is damaged."""
    with open_archive(file) as archive:
        entries = archive.entries()
        fitting = [entry for entry in entries if (entry.descriptor.digest, entry.tag) == (digest, str(tag))]
        if not fitting:
            held = ", ".join(f"{entry.tag} {entry.descriptor.digest}" for entry in entries)
            raise FileTaken(f"{file} is there already and holds {held}, not {tag} {digest}", hint=f"choose another name, or remove {file}")
        _verified(archive, fitting[0].descriptor, progress)


def _restore_repository(repository: Repository, tag: Tag, target: ImageStore, progress: Progress) -> Copied:
    source = ImageStore(repository)
    if repository == target.repository:
        raise InvalidPlace(f"{repository} is where the image is to be restored to", hint="name the repository that holds the copy")
    whole = source.whole(source.manifest(str(tag)))
    written = not is_there(target, str(tag), whole.root.digest)
    if written:
        copy_in(target, str(tag), whole, source.chunks, progress)
    return Copied(tag, whole.root.digest, f"{repository}:{tag}", f"{target.repository}:{tag}", whole.size, written)


def _restore_archive(archive: ImageArchive, place: Place, target: ImageStore, progress: Progress, *, from_other: bool) -> Copied:
    entry = choose_entry(archive.entries(), str(place.tag or ""), str(place.file))
    tag = parse_tag(entry.tag)
    if entry.repository != str(target.repository) and not from_other:
        raise OtherImage(
            f"{place.file} is of {entry.repository or 'a repository that it does not name'}, not of {target.repository}",
            hint="is it the right file? --from-other restores it all the same",
        )
    whole = _verified(archive, entry.descriptor, progress)
    written = not is_there(target, str(tag), whole.root.digest)
    if written:
        copy_in(target, str(tag), whole, archive.chunks, progress)
    return Copied(tag, whole.root.digest, str(place.file), f"{target.repository}:{tag}", whole.size, written)


def _verified(archive: ImageArchive, root: Descriptor, progress: Progress) -> Whole:
    """The image of an archive, after every byte of it was compared with its digest. Raises InvalidArchive."""
    whole = archive.whole(root)
    progress.start("verify", f"{len(whole.blobs)} blobs, {in_words(whole.size)}")
    archive.verify(whole, Meter(progress, "verify", whole.size).add)
    progress.done("verify", f"every digest of {in_words(whole.size)} fits")
    return whole


def _metered(read: Callable[[Descriptor], Iterable[bytes]], meter: Meter) -> Callable[[Descriptor], Iterable[bytes]]:
    return lambda blob: meter.counted(read(blob))
