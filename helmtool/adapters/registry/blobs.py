"""Whole images in a registry: blobs are read and written in parts, so that memory stays bounded, and each is checked against its digest."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

from helmtool.adapters.registry.client import Registry
from helmtool.adapters.registry.errors import RegistryFailed, RegistryUnreachable
from helmtool.adapters.registry.transport import Answer
from helmtool.errors import HelmtoolError
from helmtool.model.image_layout import Descriptor, Whole, gather
from helmtool.model.registry import Manifest, UnexpectedAnswer, WrongDigest

READ_PART = 4 << 20
WRITE_PART = 16 << 20
"""Above 5 MiB: registries that keep blobs in S3 copy what is there for each smaller part."""
PATIENCE = 120.0
"""Seconds: a registry moves a large blob before it answers the last request."""
ANSWER_LIMIT = 1 << 20


class ImageStore(Registry):
    """One repository, with the blobs of its images."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._transport.patience = PATIENCE

    def whole(self, root: Manifest) -> Whole:
        """The image with all that its manifest names. Raises NotFound, WrongDigest and UnexpectedAnswer."""
        return gather(root, lambda part: self.manifest(part.digest))

    def has(self, blob: Descriptor) -> bool:
        """Whether the repository has the blob."""
        answer = self._call("HEAD", self._blob_url(blob), "look for a blob", limit=0)
        if answer.status == 404:
            return False
        self._require(answer, self._name(blob))
        return True

    def chunks(self, blob: Descriptor) -> Iterator[bytes]:
        """The bytes of a blob, part by part; the last part comes only if all of them are those of the digest.

        Raises NotFound, WrongDigest and UnexpectedAnswer.
        """
        seen = hashlib.sha256()
        for begin in range(0, blob.size, READ_PART):
            part = self._part(blob, begin, min(begin + READ_PART, blob.size))
            seen.update(part)
            if begin + len(part) == blob.size:
                self._check(blob, seen.hexdigest())
            yield part
        if not blob.size:
            self._check(blob, seen.hexdigest())

    def write(self, blob: Descriptor, chunks: Iterable[bytes]) -> None:
        """Writes a blob; an upload that fails leaves nothing that can be read. Raises LoginNeeded, RegistryForbids, UnexpectedAnswer."""
        place = self._next_place(self._call("POST", f"{self.repository.url}/blobs/uploads/", "write a blob", limit=ANSWER_LIMIT, body=b""))
        try:
            sent = 0
            for part in _parts(chunks, WRITE_PART):
                span = {"Content-Range": f"{sent}-{sent + len(part) - 1}"}
                place = self._next_place(self._upload("PATCH", place, part, span), place)
                sent += len(part)
            self._require(self._upload("PUT", f"{place}{'&' if '?' in place else '?'}digest={blob.digest}", b""), self._name(blob))
        except HelmtoolError as error:
            if isinstance(error, (RegistryUnreachable, RegistryFailed)) and self._was_written(lambda: self.has(blob)):
                return
            with contextlib.suppress(HelmtoolError):
                self._call("DELETE", place, "end an upload", limit=ANSWER_LIMIT)
            raise

    def _part(self, blob: Descriptor, begin: int, end: int) -> bytes:
        """Bytes `begin` to `end` of the blob; a blob that is one part is asked for as a whole."""
        span = {} if end - begin == blob.size else {"Range": f"bytes={begin}-{end - 1}"}
        answer = self._call("GET", self._blob_url(blob), "read a blob", limit=READ_PART, part=span)
        self._require(answer, self._name(blob))
        if len(answer.body) != end - begin:
            raise UnexpectedAnswer(
                f"{self._name(blob)}: expected bytes {begin} to {end}, and {self.repository.host} gave {len(answer.body)} bytes",
                hint="run it again; if it stays so, the registry does not give parts of a blob: tell its operators",
            )
        return answer.body

    def _check(self, blob: Descriptor, found: str) -> None:
        if blob.digest != f"sha256:{found}":
            raise WrongDigest(self._name(blob), blob.digest, f"sha256:{found}")

    def _upload(self, method: str, place: str, body: bytes, span: dict[str, str] | None = None) -> Answer:
        return self._call(method, place, "write a blob", limit=ANSWER_LIMIT, body=body, media_type="application/octet-stream", part=span)

    def _next_place(self, answer: Answer, before: str = "") -> str:
        """Where an upload goes on, which must be at the same registry: the request carries credentials."""
        self._require(answer, str(self.repository), hint=self._login_hint())
        here = before or self.repository.url
        return self._own_address(here, answer.headers.get("Location") or before, "continues an upload")

    def _blob_url(self, blob: Descriptor) -> str:
        return f"{self.repository.url}/blobs/{blob.digest}"

    def _name(self, blob: Descriptor) -> str:
        return f"{self.repository}@{blob.digest}"


def _parts(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The same bytes in parts of at least that size, but for the last one."""
    waiting = bytearray()
    for chunk in chunks:
        waiting += chunk
        if len(waiting) >= size:
            yield bytes(waiting)
            waiting.clear()
    if waiting:
        yield bytes(waiting)
