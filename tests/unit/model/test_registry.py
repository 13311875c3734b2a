"""What a registry says, as data."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from helmtool.model.registry import (
    InvalidRepository,
    NoFreeTag,
    Retention,
    SchemaOne,
    UnexpectedAnswer,
    WrongDigest,
    digest_of,
    facts_from,
    joined_address,
    next_page,
    next_tag,
    parse_challenges,
    parse_created,
    parse_manifest,
    parse_repository,
    verify,
)
from helmtool.model.tag import parse_tag


def test_the_next_tag_of_every_day_and_letter() -> None:
    days = [date(2024, 1, 1) + timedelta(days=n) for n in range(366)]
    for day in days:
        taken: set[str] = set()
        for number in range(26):
            tag = next_tag(day, taken)
            assert parse_tag(str(tag)) == tag
            taken.add(str(tag if number % 2 else tag.as_stable()))
        assert len(taken) == 26
        with pytest.raises(NoFreeTag):
            next_tag(day, taken)


def test_other_bytes_than_the_digest_names() -> None:
    assert verify(b"a", digest_of(b"a"), "x") == b"a"
    with pytest.raises(WrongDigest):
        verify(b"b", digest_of(b"a"), "x")


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"schemaVersion": 2}', b"[" * 100_000])
def test_what_is_no_manifest(content: bytes) -> None:
    with pytest.raises(UnexpectedAnswer):
        parse_manifest(content, "application/json", "x")


def test_schema_1() -> None:
    with pytest.raises(SchemaOne):
        parse_manifest(b'{"schemaVersion": 1}', "application/json", "x")


def test_pages_and_challenges() -> None:
    assert next_page('</v2/a/tags/list?n=1&last=x>; rel="next"') == "/v2/a/tags/list?n=1&last=x"
    assert next_page('</first>; rel="first", </n>; rel=next') == "/n"
    assert next_page('</n>; rel="prev"') == next_page(None) == ""
    found = parse_challenges(['Bearer realm="https://a/t",service="s, t", Basic realm="x"'])
    assert [(c.scheme, dict(c.parameters)) for c in found] == [
        ("bearer", {"realm": "https://a/t", "service": "s, t"}),
        ("basic", {"realm": "x"}),
    ]


@pytest.mark.parametrize("text", ["", "newdqmgui", "cmsweb/newdqmgui", "a.b/", "a.b/A", "u:p@a.b/c", "a.b/../c", "https://a.b/c"])
def test_no_repository(text: str) -> None:
    with pytest.raises(InvalidRepository):
        parse_repository(text)


def test_the_clean_up() -> None:
    created = datetime(2026, 5, 1, tzinfo=UTC)
    rule = Retention(keeps_stable=True, drops_after_days=30)
    assert rule.drops_on(parse_tag("HG0105a"), created) == date(2026, 5, 31)
    assert rule.drops_on(parse_tag("HG0105a-stable"), created) is None
    assert Retention().drops_on(parse_tag("HG0105a"), created) is None


def test_numbers_and_days_that_cannot_be_counted_with() -> None:
    digest = "sha256:" + "0" * 64
    manifest = b'{"config": {"digest": "%s", "size": 1e999}, "layers": []}' % digest.encode()
    with pytest.raises(UnexpectedAnswer):
        parse_manifest(manifest, "application/vnd.oci.image.manifest.v1+json", "x")
    assert facts_from({"digest": digest, "created": None, "platforms": [], "size": float("inf")}, digest) is None
    assert parse_created("9999-12-31T23:59:59Z") is None


@pytest.mark.parametrize("address", ["http://[::1", "//[", "http://h:x/", "http://h:99999/"])
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(UnexpectedAnswer, match="no address"):
        joined_address("https://registry.example/v2/", address, "registry.example")
