"""The parts of an image, in an order in which they can be written, and the index of an archive."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helmtool.model.image_layout import (
    Descriptor,
    Entry,
    InvalidArchive,
    OtherImage,
    choose_entry,
    gather,
    index_of,
    parse_index,
    parts_of,
)
from helmtool.model.registry import IMAGE_TYPES, INDEX_TYPES, Manifest, UnexpectedAnswer, digest_of, parse_manifest, parse_repository

REPOSITORY = parse_repository("registry.cern.ch:5000/cmsweb/newdqmgui")


def blob(content: str) -> dict[str, Any]:
    return {"mediaType": "application/octet-stream", "digest": digest_of(content.encode()), "size": len(content)}


def made(media_type: str, **document: Any) -> Manifest:
    return parse_manifest(json.dumps({"mediaType": media_type, **document}).encode(), media_type, "test")


def image(*layers: str) -> Manifest:
    return made(IMAGE_TYPES[0], config=blob("{}"), layers=[blob(layer) for layer in layers])


def index(*children: Manifest) -> Manifest:
    entries = [{"mediaType": child.media_type, "digest": child.digest, "size": len(child.content)} for child in children]
    return made(INDEX_TYPES[0], manifests=entries)


trees = st.recursive(
    st.lists(st.sampled_from("abcde"), max_size=3).map(lambda layers: image(*layers)),
    lambda inner: st.lists(inner, min_size=1, max_size=4).map(lambda children: (index(*map(top, children)), children)),
    max_leaves=12,
)


def top(tree: Any) -> Manifest:
    return tree if isinstance(tree, Manifest) else tree[0]


def flat(tree: Any) -> list[Manifest]:
    return [tree] if isinstance(tree, Manifest) else [tree[0], *(manifest for child in tree[1] for manifest in flat(child))]


@given(trees)
def test_every_part_comes_before_what_names_it_and_once(tree: Any) -> None:
    known = {manifest.digest: manifest for manifest in flat(tree)}
    whole = gather(top(tree), lambda part: known[part.digest])
    assert {manifest.digest for manifest in whole.manifests} == set(known)
    assert len(whole.manifests) == len(known)
    assert whole.root == top(tree)
    assert len({part.digest for part in whole.blobs}) == len(whole.blobs)
    seen: set[str] = set()
    for manifest in whole.manifests:
        for part in parts_of(manifest):
            assert not part.is_manifest or part.digest in seen
        seen.add(manifest.digest)


def test_attestations_are_parts_too() -> None:
    one, other = image("a"), image("b")
    entries = [{"mediaType": m.media_type, "digest": m.digest, "size": 1, "platform": {"os": "unknown"}} for m in (one, other)]
    assert len(parts_of(made(INDEX_TYPES[0], manifests=entries))) == 2


def test_a_manifest_without_sizes_or_with_too_many_parts() -> None:
    with pytest.raises(UnexpectedAnswer):
        parts_of(Manifest(b'{"manifests": [{"digest": "sha256:1"}]}', INDEX_TYPES[0], "sha256:x"))
    many = [image(str(number)) for number in range(501)]
    known = {manifest.digest: manifest for manifest in many}
    with pytest.raises(UnexpectedAnswer, match="more than 500"):
        gather(index(*many), lambda part: known[part.digest])


@pytest.mark.parametrize("levels", [8, 2000])
def test_indexes_of_indexes(levels: int) -> None:
    chain = [image("a")]
    for _ in range(levels - 1):
        chain.append(index(chain[-1]))
    known = {manifest.digest: manifest for manifest in chain}
    if levels == 8:
        assert len(gather(chain[-1], lambda part: known[part.digest]).manifests) == 8
        return
    with pytest.raises(UnexpectedAnswer, match="more than 8 deep"):
        gather(chain[-1], lambda part: known[part.digest])


def test_an_index_is_read_as_it_was_written() -> None:
    root = image("a")
    [entry] = parse_index(index_of(root, REPOSITORY, "HG0105a"), "x.tar")
    assert entry == Entry(Descriptor(root.media_type, root.digest, len(root.content)), "HG0105a", str(REPOSITORY))


@pytest.mark.parametrize(
    ("annotations", "tag", "repository"),
    [
        ({"org.opencontainers.image.ref.name": "HG0105a"}, "HG0105a", ""),
        ({"org.opencontainers.image.ref.name": "registry.cern.ch/cmsweb/newdqmgui:HG0105a"}, "HG0105a", ""),
        ({"io.containerd.image.name": "registry.cern.ch/a:HG0105a"}, "HG0105a", "registry.cern.ch/a"),
        (None, "", ""),
    ],
)
def test_indexes_of_other_programs(annotations: Any, tag: str, repository: str) -> None:
    entry = {"mediaType": IMAGE_TYPES[0], "digest": digest_of(b""), "size": 3, "annotations": annotations}
    [found] = parse_index(json.dumps({"manifests": [entry]}).encode(), "x.tar")
    assert (found.tag, found.repository) == (tag, repository)


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"mediaType": IMAGE_TYPES[0], "digest": "sha256:../../etc/passwd", "size": 1},
        {"mediaType": IMAGE_TYPES[0], "digest": digest_of(b""), "size": -1},
        {"mediaType": IMAGE_TYPES[0], "digest": digest_of(b""), "size": True},
        {"mediaType": "text/plain", "digest": digest_of(b""), "size": 1},
        "text",
    ],
)
def test_an_index_that_is_none(entry: Any) -> None:
    with pytest.raises(InvalidArchive):
        parse_index(json.dumps({"manifests": [entry]}).encode(), "x.tar")


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"manifests": 1}', b"[" * 100_000])
def test_no_index_at_all(content: bytes) -> None:
    with pytest.raises(InvalidArchive):
        parse_index(content, "x.tar")


def entries(*tags: str) -> list[Entry]:
    return [Entry(Descriptor(IMAGE_TYPES[0], digest_of(b""), 1), tag, "") for tag in tags]


def test_which_image_of_an_archive() -> None:
    assert choose_entry(entries("HG0105a"), "", "x.tar").tag == "HG0105a"
    assert choose_entry(entries("HG0105a", "HG0205a"), "HG0205a", "x.tar").tag == "HG0205a"
    for held, asked, refusal in (
        ((), "", InvalidArchive),
        (("HG0105a", "HG0205a"), "", InvalidArchive),
        (("",), "", InvalidArchive),
        (("HG0105a",), "HG0205a", OtherImage),
    ):
        with pytest.raises(refusal):
            choose_entry(entries(*held), asked, "x.tar")
