"""Nothing is half-pushed: whatever ends `tag stable`, the twin is absent or is the right image."""

from __future__ import annotations

import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from images import IMAGE, INDEX, PATH, RealRegistry, digest
from meddler import Asked, Meddler, Reply

from helmtool.adapters.registry import Registry
from helmtool.model.registry import parse_repository
from helmtool.model.tag import parse_tag
from helmtool.operations.twin import TagMoved, TwinDiffers, check_unmoved, put_twin

Meddle = Callable[..., Meddler]
Tool = Callable[..., Any]
TWIN = "HG0105a-stable"


def is_absent_or(registry: RealRegistry, named: str, tag: str = "HG0105a") -> bool:
    """Fails unless the twin is absent or the right image; gives whether it is there."""
    there = registry.has(f"{tag}-stable")
    assert not there or digest(registry.read(f"{tag}-stable")) == named
    return there


@pytest.mark.parametrize("media_type", [IMAGE, INDEX])
def test_killed_at_each_of_its_requests(registry: RealRegistry, meddle: Meddle, checkout: Path, media_type: str) -> None:
    chance = random.Random(media_type)
    for moment, letter in enumerate("abcdef", 1):
        tag = f"HG0105{letter}"
        named = registry.push_index(tag) if media_type == INDEX else registry.push(tag)
        arrives = chance.random() < 0.5
        method = kill_at(moment, arrives, meddle(registry.host), checkout, tag)
        assert method == ("HEAD", "GET", "HEAD", "HEAD", "PUT", "HEAD")[moment - 1]
        assert is_absent_or(registry, named, tag) == (moment == 6 or (moment == 5 and arrives))


def kill_at(moment: int, arrives: bool, meddler: Meddler, checkout: Path, tag: str) -> str:
    """Kills `tag stable` while its request of that number is under way, which still arrives or does not; gives the method."""

    def before(asked: Asked) -> Reply | None:
        if len(meddler.asked) < moment:
            return None
        process.kill()
        process.wait(30)
        return None if arrives else Reply(cut=True)

    meddler.before = before
    (checkout / "values/prod.yaml").write_text(f"image: {{repository: '{meddler.host}/{PATH}'}}\n")
    command = [sys.executable, "-m", "helmtool", "tag", "stable", tag, "--yes"]
    process = subprocess.Popen(command, cwd=checkout, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert process.wait(30) == -signal.SIGKILL
    time.sleep(0.1)  # a write that was passed on may still be under way
    return meddler.asked[-1].method


def test_the_connection_is_cut_before_the_write_arrives(registry: RealRegistry, tool: Tool, meddle: Meddle) -> None:
    named = registry.push("HG0105a")
    meddler = meddle(registry.host, before=lambda asked: Reply(cut=True) if asked.method == "PUT" else None)
    ran = tool(meddler.host, "stable", "HG0105a", "--yes", "-o", "json")
    assert (ran.code, ran.document["error"]["code"]) == (5, "registry-unreachable")
    assert len(meddler.paths("PUT")) == 1  # a write is not tried again unasked
    assert not is_absent_or(registry, named)
    assert tool(registry.host, "stable", "HG0105a", "--yes", "-o", "json").document["written"] is True


def test_the_connection_is_cut_after_the_write_arrived(registry: RealRegistry, tool: Tool, meddle: Meddle) -> None:
    named = registry.push("HG0105a")
    meddler = meddle(registry.host, after=lambda asked, reply: Reply(cut=True) if asked.method == "PUT" else reply)
    ran = tool(meddler.host, "stable", "HG0105a", "--yes", "-o", "json")
    assert (ran.code, ran.document["written"]) == (0, True)  # the tag was read back
    assert is_absent_or(registry, named)
    again = tool(registry.host, "stable", "HG0105a", "--yes", "-o", "json").document
    assert (again["digest"], again["written"]) == (named, False)


def test_half_of_the_manifest_arrives(registry: RealRegistry, tool: Tool, meddle: Meddle) -> None:
    named = registry.push("HG0105a")

    def before(asked: Asked) -> Reply | None:
        if asked.method != "PUT":
            return None
        head = f"PUT {asked.path} HTTP/1.1\r\nHost: x\r\nContent-Type: {IMAGE}\r\nContent-Length: {len(asked.body)}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", registry.port)) as connection:
            connection.sendall(head.encode() + asked.body[: len(asked.body) // 2])
        time.sleep(0.2)
        return Reply(cut=True)

    assert tool(meddle(registry.host, before=before).host, "stable", "HG0105a", "--yes").code == 5
    assert not is_absent_or(registry, named)


@pytest.mark.parametrize(("status", "code"), [(403, "registry-forbidden"), (500, "registry-failed"), (400, "registry-answer")])
def test_a_write_that_is_refused_leaves_nothing(registry: RealRegistry, tool: Tool, meddle: Meddle, status: int, code: str) -> None:
    named = registry.push("HG0105a")
    meddler = meddle(registry.host, before=lambda asked: Reply(status) if asked.method == "PUT" else None)
    ran = tool(meddler.host, "stable", "HG0105a", "--yes", "-o", "json")
    assert (ran.code, ran.document["error"]["code"]) == (5, code)
    assert not is_absent_or(registry, named)


def test_somebody_else_writes_the_twin_at_the_same_moment(registry: RealRegistry, tool: Tool, meddle: Meddle) -> None:
    named = registry.push("HG0105a")

    def after(asked: Asked, reply: Reply) -> Reply:
        if asked.method == "PUT":
            registry.push(TWIN)
        return reply

    ran = tool(meddle(registry.host, after=after).host, "stable", "HG0105a", "--yes", "-o", "json")
    assert (ran.code, ran.document["error"]["code"]) == (1, "tag-moved")
    assert named in ran.document["error"]["message"]
    assert digest(registry.read(TWIN)) in ran.document["error"]["message"]


def test_a_registry_that_keeps_other_bytes_is_found(registry: RealRegistry, tool: Tool, meddle: Meddle) -> None:
    registry.push("HG0105a")
    other = {"Docker-Content-Digest": "sha256:" + "1" * 64}
    meddler = meddle(registry.host, after=lambda asked, reply: Reply(201, other) if asked.method == "PUT" else reply)
    ran = tool(meddler.host, "stable", "HG0105a", "--yes", "-o", "json")
    assert (ran.code, ran.document["error"]["code"]) == (5, "registry-answer")


def test_the_twin_is_put_by_other_operations_too(registry: RealRegistry) -> None:
    client, tag = Registry(parse_repository(f"{registry.host}/{PATH}"), find=lambda repository: None), parse_tag("HG0105a")
    named = registry.push("HG0105a")
    manifest = client.manifest(named)
    assert put_twin(client, tag, manifest) is True
    assert put_twin(client, tag, manifest) is False
    other = client.manifest(registry.push("HG0105b"))
    with pytest.raises(TwinDiffers, match=other.digest):
        put_twin(client, tag, other)
    check_unmoved(client, tag, named)
    with pytest.raises(TagMoved, match=named):
        check_unmoved(client, parse_tag("HG0105c"), named)
