"""image backup and image restore with real registries: the same digest everywhere, nothing half-written."""

from __future__ import annotations

import hashlib
import json
import tarfile
import urllib.error
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from images import DOCKER_IMAGE, DOCKER_INDEX, IMAGE, INDEX, PATH, RealRegistry, digest

Tool = Callable[..., Any]
EVERY_TYPE = pytest.mark.parametrize("media_type", [IMAGE, DOCKER_IMAGE, INDEX, DOCKER_INDEX])


def push(registry: RealRegistry, tag: str, media_type: str) -> str:
    return (registry.push_index if "index" in media_type or "list" in media_type else registry.push)(tag, media_type=media_type)


def big_image(registry: RealRegistry, tag: str, megabytes: int = 21) -> str:
    """An image whose layer is read and written in several parts; every MiB differs."""
    layer = b"".join(hashlib.sha256(bytes([number])).digest() * 32768 for number in range(megabytes)) + b"end"
    config = registry.blob(b'{"created": "2026-05-01T10:00:00Z", "os": "linux", "architecture": "amd64"}')
    return registry.manifest(tag, IMAGE, {"config": config, "layers": [registry.blob(layer), registry.blob(b"")]})


@EVERY_TYPE
def test_there_and_back_through_an_archive(start: Callable[..., RealRegistry], image_tool: Tool, tmp_path: Path, media_type: str) -> None:
    registry, fresh, file = start(), start(), tmp_path / "kept.tar"
    named = push(registry, "HG0105a", media_type)
    made = image_tool(registry.host, "backup", "HG0105a", "--to", str(file), "-o", "json").document
    assert (made["digest"], made["to"], made["written"]) == (named, str(file), True)
    back = image_tool(fresh.host, "restore", str(file), "--from-other", "-o", "json").document
    assert (back["digest"], back["to"], back["written"]) == (named, f"{fresh.host}/{PATH}:HG0105a", True)
    assert fresh.read("HG0105a") == registry.read("HG0105a")
    assert parts(fresh, named) == parts(registry, named)
    again = image_tool(fresh.host, "restore", f"{file}:HG0105a", "--from-other", "-o", "json").document
    assert (again["digest"], again["written"]) == (named, False)


@EVERY_TYPE
def test_there_and_back_through_another_repository(
    registry: RealRegistry, image_tool: Tool, start: Callable[..., RealRegistry], media_type: str
) -> None:
    named, fresh = push(registry, "HG0105a-stable", media_type), start()
    kept = f"{registry.host}/backup/newdqmgui"
    made = image_tool(registry.host, "backup", "HG0105a-stable", "--to", kept, "-o", "json").document
    again = image_tool(registry.host, "backup", "HG0105a-stable", "--to", kept, "-o", "json").document
    assert (made["digest"], made["written"], again["written"]) == (named, True, False)
    back = image_tool(fresh.host, "restore", f"{kept}:HG0105a-stable", "-o", "json").document
    assert (back["digest"], back["written"]) == (named, True)
    assert fresh.read("HG0105a-stable") == registry.read("HG0105a-stable")
    assert parts(fresh, named) == parts(registry, named)
    assert not image_tool(fresh.host, "restore", f"{kept}:HG0105a-stable", "-o", "json").document["written"]


def parts(registry: RealRegistry, reference: str) -> dict[str, bytes]:
    """Everything below a manifest, as the registry serves it."""
    content = registry.read(reference)
    assert digest(content) == reference
    document, found = json.loads(content), {reference: content}
    for child in document.get("manifests", []):
        found |= parts(registry, child["digest"])
    for blob in [document["config"], *document["layers"]] if "layers" in document else []:
        found[blob["digest"]] = registry.call("GET", f"/blobs/{blob['digest']}").read()
    assert all(digest(part) == name for name, part in found.items())
    return found


def test_a_large_layer_goes_in_parts(start: Callable[..., RealRegistry], image_tool: Tool, tmp_path: Path) -> None:
    registry, fresh, file = start(), start(), tmp_path / "kept.tar"
    named = big_image(registry, "HG0105a")
    assert image_tool(registry.host, "backup", "HG0105a", "--to", str(file)).code == 0
    assert image_tool(fresh.host, "restore", str(file), "--from-other").code == 0
    assert parts(fresh, named) == parts(registry, named)


def test_an_archive_is_a_plain_image_layout_and_always_the_same(registry: RealRegistry, image_tool: Tool, tmp_path: Path) -> None:
    named = registry.push_index("HG0105a")
    for name in ("one.tar", "two.tar"):
        assert image_tool(registry.host, "backup", "HG0105a", "--to", str(tmp_path / name)).code == 0
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()
    with tarfile.open(tmp_path / "one.tar") as tar:
        content = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
    assert json.loads(content.pop("oci-layout")) == {"imageLayoutVersion": "1.0.0"}
    [entry] = json.loads(content.pop("index.json"))["manifests"]
    assert (entry["digest"], entry["mediaType"]) == (named, INDEX)
    assert entry["annotations"]["org.opencontainers.image.ref.name"] == "HG0105a"
    assert content == {f"blobs/sha256/{name[7:]}": part for name, part in parts(registry, named).items()}


def test_a_backup_that_is_there_is_looked_at_and_kept(registry: RealRegistry, image_tool: Tool, tmp_path: Path) -> None:
    file = tmp_path / "kept.tar"
    registry.push("HG0105a")
    registry.push("HG0105b")
    first = image_tool(registry.host, "backup", "HG0105a", "--to", str(file))
    before = file.read_bytes()
    again = image_tool(registry.host, "backup", "HG0105a", "--to", str(file), "-o", "json").document
    other = image_tool(registry.host, "backup", "HG0105b", "--to", str(file), "-o", "json").error(4)
    assert (first.code, again["written"], other["code"]) == (0, False, "file-taken")
    assert "HG0105a" in other["message"]
    assert file.read_bytes() == before
    file.write_bytes(damaged(before, b"layer of HG0105a"))
    assert image_tool(registry.host, "backup", "HG0105a", "--to", str(file), "-o", "json").error(3)["code"] == "invalid-archive"


def damaged(content: bytes, part: bytes) -> bytes:
    assert part in content
    return content.replace(part, part[:-1] + b"X")


@pytest.fixture
def archive(registry: RealRegistry, image_tool: Tool, tmp_path: Path) -> Path:
    file = tmp_path / "kept.tar"
    registry.push_index("HG0105a")
    assert image_tool(registry.host, "backup", "HG0105a", "--to", str(file)).code == 0
    return file


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (lambda content: damaged(content, b"layer of inner-arm64"), "it was changed or damaged"),
        (lambda content: damaged(content, b'"architecture": "arm64"'), "it was changed or damaged"),
        (lambda content: content[: len(content) // 2], "truncated"),
        (lambda content: content[:-3000], "truncated"),
        (lambda content: content[:700], "truncated"),
        (lambda content: b"", "not a tar archive"),
        (lambda content: b"\x1f\x8b" + content, "not a tar archive"),
        (lambda content: content[1024:], "it has no oci-layout"),
        (lambda content: content.replace(b'"manifests"', b'"manifesTs"'), "index.json is not the index"),
    ],
    ids=["layer", "index", "half", "last-block", "head", "empty", "gzip", "no-layout", "no-index"],
)
def test_a_damaged_archive_writes_nothing(
    registry: RealRegistry, start: Callable[..., RealRegistry], image_tool: Tool, archive: Path, harm: Callable[[bytes], bytes], says: str
) -> None:
    fresh = start()
    archive.write_bytes(harm(archive.read_bytes()))
    error = image_tool(fresh.host, "restore", str(archive), "--from-other", "-o", "json").error(3)
    assert error["code"] == "invalid-archive"
    assert says in error["message"]
    assert [path for path in (fresh.folder / "data").rglob("*") if path.is_file()] == []


def test_an_archive_of_another_tag_or_repository(
    registry: RealRegistry, start: Callable[..., RealRegistry], image_tool: Tool, archive: Path
) -> None:
    fresh = start()
    assert image_tool(registry.host, "restore", f"{archive}:HG0105b", "-o", "json").error(4)["code"] == "other-image"
    error = image_tool(fresh.host, "restore", str(archive), "-o", "json").error(4)
    assert error["code"] == "other-image"
    assert f"{registry.host}/{PATH}" in error["message"]
    assert not fresh.has("HG0105a")


def test_a_tag_that_is_another_image_is_never_overwritten(
    registry: RealRegistry, start: Callable[..., RealRegistry], image_tool: Tool, archive: Path
) -> None:
    other, kept = start(), f"{registry.host}/backup/newdqmgui"
    theirs = other.push("HG0105a", created="2025-05-01T10:00:00Z")
    for source in (str(archive), f"{registry.host}/{PATH}:HG0105a"):
        error = image_tool(other.host, "restore", source, "--from-other", "-o", "json").error(4)
        assert error["code"] == "tag-taken"
        assert theirs in error["message"]
    assert digest(other.read("HG0105a")) == theirs
    assert image_tool(other.host, "backup", "HG0105a", "--to", kept).code == 0
    assert image_tool(registry.host, "backup", "HG0105a", "--to", kept, "-o", "json").error(4)["code"] == "tag-taken"


def test_blobs_that_are_there_are_not_sent_again(registry: RealRegistry, start: Callable[..., RealRegistry], image_tool: Tool) -> None:
    fresh = start()
    named = big_image(registry, "HG0105a")
    layer = max(json.loads(registry.read(named))["layers"], key=lambda layer: layer["size"])
    fresh.blob(registry.call("GET", f"/blobs/{layer['digest']}").read())
    ran = image_tool(registry.host, "backup", "HG0105a", "--to", f"{fresh.host}/{PATH}")
    assert ran.code == 0
    assert "2 of 3 blobs" in ran.err


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (["backup", "HG0105b", "--to", "kept.tar"], 3, "not-in-registry"),
        (["backup", "HG3201a", "--to", "kept.tar"], 3, "invalid-tag"),
        (["backup", "HG0105a", "--to", "kept"], 3, "invalid-place"),
        (["backup", "HG0105a", "--to", "nowhere/kept.tar"], 1, "archive-not-written"),
        (["backup", "HG0105a", "--to", "kept.tar:HG0105b"], 3, "invalid-place"),
        (["backup", "HG0105a", "--to", "HERE"], 3, "invalid-place"),
        (["backup", "HG0105a", "--to", "127.0.0.1:1/backup/newdqmgui"], 5, "registry-unreachable"),
        (["restore", "kept.tar"], 3, "invalid-archive"),
        (["restore", "127.0.0.1:1/backup/newdqmgui"], 3, "invalid-place"),
        (["restore", "HERE:HG0105a"], 3, "invalid-place"),
        (["restore", "HOST/backup/newdqmgui:HG0105a"], 3, "not-in-registry"),
        (["restore", "HOST/backup/newdqmgui:latest"], 3, "invalid-tag"),
    ],
)
def test_what_cannot_be(registry: RealRegistry, image_tool: Tool, arguments: list[str], code: int, error: str) -> None:
    registry.push("HG0105a")
    given = [word.replace("HERE", f"{registry.host}/{PATH}").replace("HOST", registry.host) for word in arguments]
    assert image_tool(registry.host, *given, "-o", "json").error(code)["code"] == error


def test_a_blob_that_is_lost_or_changed_in_the_source(
    registry: RealRegistry, start: Callable[..., RealRegistry], image_tool: Tool, tmp_path: Path
) -> None:
    target, file = start(), tmp_path / "kept.tar"
    named = registry.push("HG0105a")
    [layer] = json.loads(registry.read(named))["layers"]
    stored = next((registry.folder / "data").rglob(f"blobs/sha256/*/{layer['digest'][7:]}/data"))
    stored.write_bytes(b"X" * layer["size"])
    for to in (str(file), f"{target.host}/{PATH}"):
        error = image_tool(registry.host, "backup", "HG0105a", "--to", to, "-o", "json").error(5)
        assert error["code"] == "wrong-digest"
    stored.unlink()
    for to in (str(file), f"{target.host}/{PATH}"):
        assert image_tool(registry.host, "backup", "HG0105a", "--to", to, "-o", "json").error(3)["code"] == "not-in-registry"
    assert not target.has("HG0105a")
    assert [path.name for path in tmp_path.iterdir() if "tar" in path.name] == []
    with pytest.raises(urllib.error.HTTPError):
        target.call("HEAD", f"/blobs/{layer['digest']}")


def test_a_disk_that_is_full_leaves_nothing(registry: RealRegistry, image_tool: Tool, tmp_path: Path) -> None:
    import resource
    import signal

    big_image(registry, "HG0105a")
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5 << 20, before[1]))  # as a full disk: a write that fails in the middle
    try:
        ran = image_tool(registry.host, "backup", "HG0105a", "--to", str(tmp_path / "kept.tar"), "-o", "json")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert ran.error(1)["code"] == "archive-not-written"
    assert [path.name for path in tmp_path.iterdir() if "tar" in path.name] == []


def test_a_folder_that_may_not_be_written(registry: RealRegistry, image_tool: Tool, tmp_path: Path) -> None:
    registry.push("HG0105a")
    (tmp_path / "file").touch()
    ran = image_tool(registry.host, "backup", "HG0105a", "--to", str(tmp_path / "file/kept.tar"), "-o", "json")
    assert ran.error(1)["code"] == "archive-not-written"


def test_a_restore_keeps_little_in_memory(
    registry: RealRegistry, start: Callable[..., RealRegistry], image_tool: Tool, tmp_path: Path
) -> None:
    """Of 200 MB, both ways, at most the parts of one request are held at once."""
    import tracemalloc

    fresh, file = start(), tmp_path / "kept.tar"
    big_image(registry, "HG0105a", megabytes=200)
    tracemalloc.start()
    try:
        assert image_tool(registry.host, "backup", "HG0105a", "--to", str(file)).code == 0
        assert image_tool(fresh.host, "restore", str(file), "--from-other").code == 0
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert file.stat().st_size > 200 << 20
    assert peak < 80 << 20
