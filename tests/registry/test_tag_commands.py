"""tag check, list, next and stable against a real registry."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from images import DOCKER_IMAGE, DOCKER_INDEX, IMAGE, INDEX, RealRegistry, digest

from helmtool.operations.settings import Settings
from helmtool.operations.tags import free_tag

Tool = Callable[..., Any]


def test_check_tells_what_the_registry_knows(registry: RealRegistry, tool: Tool) -> None:
    made = datetime.now(UTC) - timedelta(days=1)
    drops = (made + timedelta(days=30)).date().isoformat()
    tag = f"HG{made:%d%m}a"
    named = registry.push(tag, created=made.isoformat())
    text, script = tool(registry.host, "check", tag), tool(registry.host, "check", tag, "-o", "json").document
    assert text.code == 0
    for words in (named, f"{made:%Y-%m-%d %H:%M} UTC", "linux/amd64", f"not before {drops}", "none"):
        assert words in text.out
    assert f"helmtool tag stable {tag}" in text.err
    assert (script["digest"], script["dropsOn"], script["keptAsStable"], script["twinDigest"]) == (named, drops, "no", None)
    assert (script["pushed"], script["pulled"], script["fromTheFuture"]) == (None, None, False)
    assert max(map(len, text.out.splitlines())) <= 87  # a digest alone is 71


def test_an_old_one_may_go_any_day(registry: RealRegistry, tool: Tool) -> None:
    registry.push("HG0105a", created="2020-05-01T10:00:00Z")
    since = (datetime.now(UTC) - timedelta(days=30)).date()
    assert f"dropped 30 days after the last pull: any day, unless pulled since {since}" in tool(registry.host, "check", "HG0105a").out


def test_an_image_from_the_future_is_said_and_goes_by_the_clock_of_this_machine(registry: RealRegistry, tool: Tool) -> None:
    registry.push("HG0105a", created="2999-05-01T10:00:00Z")
    text, script = tool(registry.host, "check", "HG0105a"), tool(registry.host, "check", "HG0105a", "-o", "json").document
    assert (text.code, script["fromTheFuture"]) == (0, True)
    assert "made in the future: a clock was wrong" in text.err
    assert script["dropsOn"] == (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
    assert "1 images say that they were made in the future" in tool(registry.host, "list").err


def test_check_of_a_tag_that_is_not_there(registry: RealRegistry, tool: Tool) -> None:
    registry.push("HG0105a")
    ran = tool(registry.host, "check", "HG0105b", "-o", "json")
    assert (ran.code, ran.document["error"]["code"]) == (3, "not-in-registry")
    assert "does not exist, or is hidden" in ran.document["error"]["message"]
    assert tool(registry.host, "check", "HG0105b", "--offline").code == 0


def test_a_date_that_the_name_does_not_have_is_said(registry: RealRegistry, tool: Tool) -> None:
    registry.push("HG2212d", created="2022-12-05T10:00:00Z")
    assert "but the image is of 2022-12-05" in tool(registry.host, "check", "HG2212d").err


def test_list_is_newest_first_and_fits_a_terminal(registry: RealRegistry, tool: Tool) -> None:
    registry.push("HG0105a", created="2026-05-01T10:00:00Z")
    registry.push("HG3112z", created="2025-12-31T10:00:00.123456789+01:00")
    registry.push("HG0205a", created="1970-01-01T00:00:00Z")
    tool(registry.host, "stable", "HG3112z", "--yes")
    registry.push("latest")
    ran = tool(registry.host, "list")
    assert [line.split()[0] for line in ran.out.splitlines()] == ["TAG", "HG0105a", "HG3112z-stable", "HG3112z", "HG0205a"]
    assert max(map(len, ran.out.splitlines())) <= 80
    assert "1 other tags" in ran.err
    listed = {state["tag"]: state for state in tool(registry.host, "list", "-o", "json").document}
    assert listed["HG3112z"]["keptAsStable"] == "yes"
    assert listed["HG3112z"]["digest"] == listed["HG3112z-stable"]["digest"] == listed["HG3112z"]["twinDigest"]
    assert (listed["HG0205a"]["created"], listed["HG3112z-stable"]["dropsOn"]) == (None, None)


def test_next_skips_what_is_there_and_what_is_there_as_stable_alone(registry: RealRegistry, tool: Tool) -> None:
    for tag in ("HG0105a", "HG0105b-stable", "HG0205a"):
        registry.push(tag)
    assert tool(registry.host, "next", "--date", "2026-05-01").out == "HG0105c\n"
    assert tool(registry.host, "next", "--date", "2026-05-02", "-o", "json").document["tag"] == "HG0205b"
    assert re.fullmatch(r"HG\d{4}[ab]\n", tool(registry.host, "next").out)
    assert tool(registry.host, "next", "--date", "yesterday").code == 3


def test_next_is_of_the_day_at_cern(registry: RealRegistry, tool: Tool, checkout: Path) -> None:
    registry.push("HG1407a")
    tool(registry.host, "next")  # which names the registry in the checkout
    for moment, tag in ((datetime(2026, 7, 14, 21, 59, tzinfo=UTC), "HG1407b"), (datetime(2026, 7, 14, 22, 0, tzinfo=UTC), "HG1507a")):
        found, repository = free_tag("prod", Settings(checkout), None, now=lambda moment=moment: moment)
        assert (str(found), repository) == (tag, f"{registry.host}/cmsweb/newdqmgui")


def test_next_after_z_is_refused(registry: RealRegistry, tool: Tool) -> None:
    for letter in "abcdefghijklmnopqrstuvwxyz":
        registry.push(f"HG0105{letter}")
    ran = tool(registry.host, "next", "--date", "2026-05-01", "-o", "json")
    assert (ran.code, ran.document["error"]["code"]) == (4, "no-free-tag")


@pytest.mark.parametrize("media_type", [IMAGE, DOCKER_IMAGE, INDEX, DOCKER_INDEX])
def test_stable_is_the_same_manifest_byte_for_byte(registry: RealRegistry, tool: Tool, media_type: str) -> None:
    push = registry.push_index if media_type in (INDEX, DOCKER_INDEX) else registry.push
    named = push("HG0105a", media_type=media_type)
    first = tool(registry.host, "stable", "HG0105a", "--yes", "-o", "json").document
    again = tool(registry.host, "stable", "HG0105a", "-o", "json").document
    assert (first["tag"], first["digest"], first["written"]) == ("HG0105a-stable", named, True)
    assert (again["digest"], again["written"]) == (named, False)
    assert registry.read("HG0105a-stable") == registry.read("HG0105a")
    assert digest(registry.read("HG0105a-stable")) == named
    facts = tool(registry.host, "check", "HG0105a", "-o", "json").document
    assert facts["platforms"] == (["linux/arm64", "linux/amd64"] if "index" in media_type or "list" in media_type else ["linux/amd64"])
    assert facts["created"] == "2026-05-01T10:00:00Z"


def test_a_twin_that_is_another_image_is_refused(registry: RealRegistry, tool: Tool) -> None:
    one, other = registry.push("HG0105a"), registry.push("HG0105a-stable")
    ran = tool(registry.host, "stable", "HG0105a", "--yes", "-o", "json")
    assert (ran.code, ran.document["error"]["code"]) == (4, "stable-twin-differs")
    assert one in ran.document["error"]["message"]
    assert other in ran.document["error"]["message"]
    assert digest(registry.read("HG0105a-stable")) == other
    assert "another image" in tool(registry.host, "check", "HG0105a").out


def test_without_a_terminal_nothing_is_written_unasked(registry: RealRegistry, tool: Tool) -> None:
    registry.push("HG0105a")
    ran = tool(registry.host, "stable", "HG0105a", "-o", "json")
    assert (ran.code, ran.document["error"]["code"]) == (4, "not-confirmed")
    assert not registry.has("HG0105a-stable")


def test_stable_of_a_tag_that_is_not_there(registry: RealRegistry, tool: Tool) -> None:
    registry.push("HG0105a")
    assert tool(registry.host, "stable", "HG0105b", "--yes").code == 3
    assert not registry.has("HG0105b-stable")


def test_nobody_there(tool: Tool) -> None:
    ran = tool("127.0.0.1:1", "check", "HG0105a", "-o", "json")
    assert (ran.code, ran.document["error"]["code"]) == (5, "registry-unreachable")
    assert "connection refused" in ran.document["error"]["message"]
