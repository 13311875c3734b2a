"""An image as a whole: everything that its manifest names, and the index of an OCI image layout (OCI image specification)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from helmtool.errors import InvalidInput, Refused
from helmtool.model.registry import IMAGE_TYPES, INDEX_TYPES, Manifest, Repository, UnexpectedAnswer, is_digest

LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'
TAG_KEY = "org.opencontainers.image.ref.name"
NAME_KEY = "io.containerd.image.name"
"""What docker and containerd call the image when they load the archive."""
MOST_MANIFESTS, DEEPEST = 500, 8


class InvalidArchive(InvalidInput):
    """A file that is no intact archive of an image."""

    code = "invalid-archive"

    def __init__(self, file: str, reason: str, hint: str = "") -> None:
        super().__init__(f"{file}: {reason}", hint=hint or "take another copy, or make one: helmtool image backup TAG --to FILE.tar")


class OtherImage(Refused):
    """The copy is of another tag or of another repository than the one it is to be restored to."""

    code = "other-image"


class Descriptor(NamedTuple):
    """How a manifest names a part: `size` is in bytes."""

    media_type: str
    digest: str
    size: int

    @property
    def is_manifest(self) -> bool:
        """Whether it is a manifest, which names further parts."""
        return self.media_type in IMAGE_TYPES + INDEX_TYPES


class Whole(NamedTuple):
    """An image with all its parts: manifests with what they name before them, so that the root is last; each blob once."""

    manifests: tuple[Manifest, ...]
    blobs: tuple[Descriptor, ...]

    @property
    def root(self) -> Manifest:
        """What a tag names."""
        return self.manifests[-1]

    @property
    def size(self) -> int:
        """Bytes of all blobs."""
        return sum(blob.size for blob in self.blobs)


class Entry(NamedTuple):
    """One image of an archive's index; tag and repository are empty where the index does not tell."""

    descriptor: Descriptor
    tag: str
    repository: str


def parts_of(manifest: Manifest) -> list[Descriptor]:
    """All that a manifest names, attestations of builders too. Raises UnexpectedAnswer."""
    data = json.loads(manifest.content)
    try:
        named = data["manifests"] if manifest.media_type in INDEX_TYPES else [data["config"], *data["layers"]]
        return [_descriptor(entry) for entry in named]
    except (KeyError, TypeError, ValueError):
        raise UnexpectedAnswer(f"{manifest.digest}: the manifest lacks what its type promises", hint="push the image anew") from None


def _descriptor(data: Any) -> Descriptor:
    media_type, digest, size = data["mediaType"], data["digest"], data["size"]
    if not isinstance(media_type, str) or not is_digest(digest) or not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise ValueError
    return Descriptor(media_type, digest, size)


def gather(root: Manifest, read: Callable[[Descriptor], Manifest]) -> Whole:
    """The image with all its parts; `read` gives a manifest that another one names. Raises what it raises, and UnexpectedAnswer."""
    found: dict[str, Manifest] = {}
    blobs: dict[str, Descriptor] = {}

    def visit(manifest: Manifest, depth: int) -> None:
        if depth > DEEPEST:
            raise UnexpectedAnswer(f"{root.digest} holds indexes of indexes, more than {DEEPEST} deep", hint="is it an image?")
        for part in parts_of(manifest):
            if manifest.media_type not in INDEX_TYPES:
                blobs.setdefault(part.digest, part)
            elif part.digest not in found:
                visit(read(part), depth + 1)
        found[manifest.digest] = manifest
        if len(found) > MOST_MANIFESTS:
            raise UnexpectedAnswer(f"{root.digest} names more than {MOST_MANIFESTS} manifests", hint="is it an image?")

    visit(root, 1)
    return Whole(tuple(found.values()), tuple(blobs.values()))


def index_of(root: Manifest, repository: Repository, tag: str) -> bytes:
    """The `index.json` of an archive that holds one image."""
    entry = {
        "mediaType": root.media_type,
        "digest": root.digest,
        "size": len(root.content),
        "annotations": {TAG_KEY: tag, NAME_KEY: f"{repository}:{tag}"},
    }
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX_TYPES[0], "manifests": [entry]}, separators=(",", ":")).encode()


def parse_index(content: bytes, file: str) -> list[Entry]:
    """The images of an archive. Raises InvalidArchive."""
    try:
        return list(_entries(json.loads(content)["manifests"]))
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        raise InvalidArchive(file, "its index.json is not the index of an image layout") from None


def _entries(manifests: Any) -> Iterator[Entry]:
    for data in manifests:
        descriptor = _descriptor(data)
        if not descriptor.is_manifest:
            raise ValueError
        annotations = data.get("annotations") or {}
        repository, _, named = str(annotations.get(NAME_KEY, "")).rpartition(":")
        tag = str(annotations.get(TAG_KEY, "")).rpartition(":")[2]
        yield Entry(descriptor, tag or named, repository)


def choose_entry(entries: list[Entry], tag: str, file: str) -> Entry:
    """The image of that tag, or the only one where no tag is asked for. Raises OtherImage and InvalidArchive."""
    held = ", ".join(entry.tag or "an image without a tag" for entry in entries)
    fitting = [entry for entry in entries if entry.tag == tag] if tag else entries
    if not entries:
        raise InvalidArchive(file, "it holds no image")
    if not fitting:
        raise OtherImage(f"{file} holds {held}, not {tag}", hint=_restore(file, entries))
    if len(fitting) > 1 or not fitting[0].tag:
        raise InvalidArchive(file, f"it holds {held}, and nothing says which is meant", _restore(file, entries))
    return fitting[0]


def _restore(file: str, entries: list[Entry]) -> str:
    """The command for one of the tags in the file; an image without a tag is named by the person."""
    return f"helmtool image restore {file}:{next((entry.tag for entry in entries if entry.tag), 'TAG')}"
