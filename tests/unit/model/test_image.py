"""What may be built and pushed: the day of the tag, stable tags, room, sources."""

from __future__ import annotations

from datetime import date

import pytest

from helmtool.model.image import (
    DISK_NEEDED,
    MEMORY_NEEDED,
    InvalidSource,
    NotEnoughRoom,
    NotToday,
    Room,
    StableNotBuilt,
    check_base,
    check_buildable,
    check_room,
    check_source,
    free_letter,
    public_url,
    push_hint,
    revision_label,
)
from helmtool.model.registry import parse_repository
from helmtool.model.tag import parse_tag

TODAY = date(2026, 5, 1)


@pytest.mark.parametrize(
    ("tag", "any_day", "refusal"),
    [
        ("HG0105a", False, None),
        ("HG0105z", False, None),
        ("HG0205a", False, NotToday),
        ("HG0501a", False, NotToday),
        ("HG0104a", False, NotToday),
        ("HG0205a", True, None),
        ("HG0105a-stable", False, StableNotBuilt),
        ("HG0105a-stable", True, StableNotBuilt),
    ],
)
def test_the_day_of_a_build(tag: str, any_day: bool, refusal: type[Exception] | None) -> None:
    if refusal is None:
        check_buildable(parse_tag(tag), TODAY, any_day=any_day)
        return
    with pytest.raises(refusal) as raised:
        check_buildable(parse_tag(tag), TODAY, any_day=any_day)
    assert raised.value.exit_code == 4  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("memory", "disk", "short"),
    [
        (MEMORY_NEEDED, DISK_NEEDED, 0),
        (None, None, 0),
        (MEMORY_NEEDED - 1, DISK_NEEDED, 1),
        (MEMORY_NEEDED, DISK_NEEDED - 1, 1),
        (0, 0, 2),
        (None, 0, 1),
    ],
)
def test_room(memory: int | None, disk: int | None, short: int) -> None:
    if not short:
        check_room(Room(memory, disk))
        return
    with pytest.raises(NotEnoughRoom, match=r"2\.0 GB of memory and 10\.0 GB of disk") as raised:
        check_room(Room(memory, disk))
    assert len(raised.value.problems) == short


@pytest.mark.parametrize(
    "source", ["https://github.com/cms-DQM/dqmgui.git", "https://github.com/cms-DQM/dqmgui.git#v1", "my-dqmgui", "a/b"]
)
def test_a_source(source: str) -> None:
    check_source(source)


@pytest.mark.parametrize(
    "source",
    ["https://user:s3cret@github.com/x.git", "https://s3cret@github.com/x.git", "/etc", "../x", "a/../../x", "--network=host", "a\nb"],
)
def test_a_source_that_is_none(source: str) -> None:
    with pytest.raises(InvalidSource) as raised:
        check_source(source)
    assert "s3cret" not in raised.value.message + raised.value.hint


@pytest.mark.parametrize("base", ["debian:bookworm-slim", "docker.io/cmscloud/cc7-cvmfs:latest", "127.0.0.1:5000/a@sha256:" + "0" * 64])
def test_a_base(base: str) -> None:
    check_base(base)


@pytest.mark.parametrize("base", ["", "-x", "a b", "a\nRUN true", "$HOME"])
def test_a_base_that_is_none(base: str) -> None:
    with pytest.raises(InvalidSource):
        check_base(base)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://github.com/a/b.git", "https://github.com/a/b.git"),
        ("https://me:s3cret@github.com/a/b.git", "https://github.com/a/b.git"),
        ("https://s3cret@gitlab.cern.ch:8443/a/b.git", "https://gitlab.cern.ch:8443/a/b.git"),
        ("https://host/a?private_token=s3cret", "https://host/a"),
        ("git@github.com:a/b.git", "git@github.com:a/b.git"),
        ("ssh://git@gitlab.cern.ch:7999/a/b.git", "ssh://git@gitlab.cern.ch:7999/a/b.git"),
        ("/srv/git/b.git", "/srv/git/b.git"),
        ("", ""),
    ],
)
def test_no_credentials_in_a_label(url: str, shown: str) -> None:
    assert public_url(url) == shown


def test_a_revision_that_is_not_what_was_built_says_so() -> None:
    assert (revision_label("abc", clean=True), revision_label("abc", clean=False), revision_label("", clean=False)) == (
        "abc",
        "abc-dirty",
        "",
    )


def test_the_next_free_letter_of_the_tags_own_day() -> None:
    tag, repository = parse_tag("HG2902a"), parse_repository("registry.cern.ch/cmsweb/newdqmgui")
    free = free_letter(tag, {"HG2902a", "HG2902b-stable"})
    assert str(free) == "HG2902c"
    assert "docker tag registry.cern.ch/cmsweb/newdqmgui:HG2902a registry.cern.ch/cmsweb/newdqmgui:HG2902c" in push_hint(
        repository, tag, free
    )
    nothing = free_letter(tag, {f"HG2902{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"})
    assert nothing is None
    assert push_hint(repository, tag, nothing).startswith("helmtool tag next")
