"""An image on its way into a repository: blobs first, then manifests, the tag last."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from helmtool.adapters.registry.blobs import ImageStore
from helmtool.model.image import TagLost, TagTaken
from helmtool.model.image_layout import Descriptor, Whole
from helmtool.model.size import in_words
from helmtool.operations.images.meter import Meter
from helmtool.operations.images.names import digest_if_any
from helmtool.operations.progress import Progress


def is_there(target: ImageStore, tag: str, digest: str) -> bool:
    """Whether the tag names that digest already. Raises TagTaken where it names another one."""
    found = digest_if_any(target, tag)
    if found and found != digest:
        name = f"{target.repository}:{tag}"
        raise TagTaken(name, found, hint=f"this image is {digest}; compare: helmtool tag check {tag}")
    return found is not None


def copy_in(target: ImageStore, tag: str, whole: Whole, read: Callable[[Descriptor], Iterable[bytes]], progress: Progress) -> None:
    """Writes what the repository does not have, and reads the digest back; a copy that fails leaves no tag.

    `read` gives checked blobs. Raises TagTaken, TagLost, and what the registry and `read` raise.
    """
    missing = [blob for blob in whole.blobs if not target.has(blob)]
    size = sum(blob.size for blob in missing)
    progress.start("copy", f"{len(missing)} of {len(whole.blobs)} blobs, {in_words(size)}, to {target.repository}")
    meter = Meter(progress, "copy", size)
    for blob in missing:
        target.write(blob, meter.counted(read(blob)))
    for manifest in whole.manifests[:-1]:
        target.put(manifest.digest, manifest)
    if not is_there(target, tag, whole.root.digest):
        target.put(tag, whole.root)
    found = target.digest(tag)
    if found != whole.root.digest:
        raise TagLost(f"{target.repository}:{tag}", whole.root.digest, found, hint="run it again under another tag: helmtool tag next")
    progress.done("copy", f"{target.repository}:{tag}@{found}, {in_words(size)} written")
