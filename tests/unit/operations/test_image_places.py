"""A file, or a repository, each with a tag or without."""

from __future__ import annotations

from pathlib import Path

import pytest

from helmtool.errors import InvalidInput
from helmtool.model.registry import Repository
from helmtool.operations.images.places import parse_place


@pytest.mark.parametrize(
    ("text", "file", "repository", "tag"),
    [
        ("kept.tar", "kept.tar", None, None),
        ("./a/kept.tar:HG0105a", "a/kept.tar", None, "HG0105a"),
        ("/eos/user/k/kept.tar", "/eos/user/k/kept.tar", None, None),
        ("registry.cern.ch/cmsweb/kept.tar", "registry.cern.ch/cmsweb/kept.tar", None, None),
        ("registry.cern.ch/cmsweb/kept", None, Repository("registry.cern.ch", "cmsweb/kept"), None),
        ("registry.cern.ch/cmsweb/kept:HG0105a-stable", None, Repository("registry.cern.ch", "cmsweb/kept"), "HG0105a-stable"),
        ("localhost:5000/kept", None, Repository("localhost:5000", "kept"), None),
        ("localhost:5000/kept:HG0105a", None, Repository("localhost:5000", "kept"), "HG0105a"),
        ("a:b/kept.tar", "a:b/kept.tar", None, None),
    ],
)
def test_places(text: str, file: str | None, repository: Repository | None, tag: str | None) -> None:
    place = parse_place(text)
    assert place.file == (Path(file) if file else None)
    assert place.repository == repository
    assert (str(place.tag) if place.tag else None) == tag


@pytest.mark.parametrize(
    "text",
    [
        "",
        "kept",
        "HG0105a",
        "kept.tar.gz",
        "cmsweb/newdqmgui",
        "kept.tar:latest",
        "localhost:5000",
        "registry.cern.ch/UPPER",
        "a\0.tar",
        "registry.cern.ch/a@sha256:0",
    ],
)
def test_neither(text: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        parse_place(text)
    assert raised.value.hint
