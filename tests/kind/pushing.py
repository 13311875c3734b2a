"""Images into a registry without compression, which takes docker longer than all the tests of one file."""

from __future__ import annotations

import hashlib
import http.client
import io
import json
import os
import tarfile
from pathlib import Path
from typing import IO, Any

from checkout import docker
from images import DOCKER_IMAGE, PATH, RealRegistry

LAYER = "application/vnd.docker.image.rootfs.diff.tar"
CONFIG = "application/vnd.docker.container.image.v1+json"
PIECE = 1 << 20


def push_images(registry: RealRegistry, images: dict[str, str], folder: Path) -> None:
    """Puts images of docker under tags; `images` is tag to name. Layers that they share go once."""
    archive = folder / "images.tar"
    docker("save", "-o", str(archive), *images.values(), timeout=300)
    with tarfile.open(archive) as tar:
        entries = json.loads(_member(tar, "manifest.json").read())
        blobs: dict[str, dict[str, Any]] = {}
        for entry in entries:
            for layer in entry["Layers"]:
                if layer not in blobs:
                    blobs[layer] = put_blob(registry, _member(tar, layer), LAYER)
            config = put_blob(registry, _member(tar, entry["Config"]), CONFIG)
            manifest = {"config": config, "layers": [blobs[layer] for layer in entry["Layers"]]}
            for tag, name in images.items():
                if name in entry["RepoTags"]:
                    registry.manifest(tag, DOCKER_IMAGE, manifest)
    archive.unlink()


def add_layer(registry: RealRegistry, tag: str, name: str, content: bytes) -> None:
    """An image with one file more than HG0105a has, under another tag; `name` is relative to the root."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    packed.seek(0)
    layer = put_blob(registry, packed, LAYER)
    manifest = json.loads(registry.read("HG0105a"))
    config = json.loads(registry.call("GET", f"/blobs/{manifest['config']['digest']}").read())
    config["rootfs"]["diff_ids"].append(layer["digest"])
    del config["history"]  # it would have to name the layer too
    described = put_blob(registry, io.BytesIO(json.dumps(config).encode()), CONFIG)
    registry.manifest(tag, DOCKER_IMAGE, {"config": described, "layers": [*manifest["layers"], layer]})


def put_blob(registry: RealRegistry, content: IO[bytes], media_type: str) -> dict[str, Any]:
    """One blob, in pieces; gives its descriptor."""
    hashed = hashlib.file_digest(content, "sha256").hexdigest()
    size = content.seek(0, os.SEEK_END)
    content.seek(0)
    place = registry.call("POST", "/blobs/uploads/", b"").headers["Location"].removeprefix(f"http://{registry.host}")
    connection = http.client.HTTPConnection(registry.host, timeout=120, blocksize=PIECE)
    try:
        headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
        connection.request("PUT", f"{place}{'&' if '?' in place else '?'}digest=sha256:{hashed}", content, headers)
        answer = connection.getresponse()
        assert answer.status == 201, answer.read()
    finally:
        connection.close()
    assert place.startswith(f"/v2/{PATH}/"), place
    return {"mediaType": media_type, "digest": f"sha256:{hashed}", "size": size}


def _member(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    """A file of the archive; docker's older ones repeat a layer as a link to the first."""
    found = tar.extractfile(name)
    assert found, name
    return found
