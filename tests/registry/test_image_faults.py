"""image backup and restore where the registry refuses, fails, or is cut off in the middle: no tag, no archive is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from images import AUTH, PATH, RealRegistry
from meddler import Asked, Meddler, Reply, status_for
from test_image_copies import Tool, big_image

ROOT = Path(__file__).parents[2]


@pytest.fixture
def way(start: Callable[..., RealRegistry], meddle: Callable[..., Meddler]) -> tuple[Meddler, RealRegistry]:
    """A faulty way to a registry of its own, and that registry."""
    registry = start()
    return meddle(registry.host), registry


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT"])
@pytest.mark.parametrize(
    ("status", "code", "error"),
    [(401, 5, "registry-login"), (403, 5, "registry-forbidden"), (404, 3, "not-in-registry"), (500, 5, "registry-failed")],
)
def test_an_upload_that_is_refused(
    registry: RealRegistry, way: Any, image_tool: Tool, method: str, status: int, code: int, error: str
) -> None:
    faulty, target = way
    registry.push("HG0105a")
    faulty.before = status_for(method, "/blobs/uploads/", status)
    ran = image_tool(registry.host, "backup", "HG0105a", "--to", f"{faulty.host}/{PATH}", "-o", "json")
    assert ran.error(code)["code"] == error
    assert not target.has("HG0105a")
    faulty.before = lambda asked: None
    assert image_tool(registry.host, "backup", "HG0105a", "--to", f"{faulty.host}/{PATH}").code == 0
    assert target.read("HG0105a") == registry.read("HG0105a")


@pytest.mark.parametrize(("status", "code"), [(401, 5), (403, 5), (500, 5), (400, 5)])
def test_a_tag_that_is_refused_after_the_blobs(registry: RealRegistry, way: Any, image_tool: Tool, status: int, code: int) -> None:
    faulty, target = way
    registry.push_index("HG0105a")
    faulty.before = status_for("PUT", "/manifests/HG0105a", status)
    image_tool(registry.host, "backup", "HG0105a", "--to", f"{faulty.host}/{PATH}", "-o", "json").error(code)
    assert not target.has("HG0105a")
    faulty.before, faulty.asked = (lambda asked: None), []
    assert image_tool(registry.host, "backup", "HG0105a", "--to", f"{faulty.host}/{PATH}").code == 0
    assert faulty.paths("POST") + faulty.paths("PATCH") == []


@pytest.mark.parametrize("lost", [{"cut": True}, {"status": 502, "body": b""}], ids=["cut", "502"])
@pytest.mark.parametrize("part", ["/blobs/uploads/", "/manifests/HG0105a"])
def test_a_write_whose_answer_is_lost_was_done(registry: RealRegistry, way: Any, image_tool: Tool, part: str, lost: dict[str, Any]) -> None:
    faulty, target = way
    registry.push("HG0105a")
    faulty.after = lambda asked, reply: replace(reply, **lost) if asked.method == "PUT" and part in asked.path else reply
    assert image_tool(registry.host, "backup", "HG0105a", "--to", f"{faulty.host}/{PATH}").code == 0
    assert target.read("HG0105a") == registry.read("HG0105a")


@pytest.mark.parametrize(("status", "code"), [(401, 5), (403, 5), (404, 3), (500, 5)])
def test_a_source_that_refuses_a_blob(way: Any, image_tool: Tool, tmp_path: Path, status: int, code: int) -> None:
    faulty, source = way
    source.push("HG0105a")
    faulty.before = status_for("GET", "/blobs/", status)
    image_tool(faulty.host, "backup", "HG0105a", "--to", str(tmp_path / "kept.tar"), "-o", "json").error(code)
    assert [path.name for path in tmp_path.iterdir() if "tar" in path.name] == []


def whole_instead_of_a_part(faulty: Meddler, asked: Asked) -> Reply | None:
    return faulty.pass_on(replace(asked, headers={name: value for name, value in asked.headers.items() if name != "Range"}))


def elsewhere(faulty: Meddler, asked: Asked) -> Reply | None:
    return Reply(202, {"Location": "http://127.0.0.1:1/v2/x/blobs/uploads/1"}) if asked.method == "POST" else None


def wrong_bytes(faulty: Meddler, asked: Asked) -> Reply | None:
    return Reply(206, body=bytes(4 << 20)) if "Range" in asked.headers else None


def cut_in_the_middle(faulty: Meddler, asked: Asked) -> Reply | None:
    return Reply(cut=True) if asked.method == "PATCH" else None


@pytest.mark.parametrize(
    ("fault", "side", "error"),
    [
        (whole_instead_of_a_part, "source", "registry-answer"),
        (wrong_bytes, "source", "registry-answer"),
        (elsewhere, "target", "registry-answer"),
        (cut_in_the_middle, "target", "registry-unreachable"),
    ],
    ids=["no-parts", "wrong-bytes", "upload-elsewhere", "cut"],
)
def test_answers_that_cannot_be(start: Callable[..., RealRegistry], way: Any, image_tool: Tool, fault: Any, side: str, error: str) -> None:
    faulty, behind = way
    other = start()
    source, target = (faulty, other) if side == "source" else (other, faulty)
    big_image(behind if side == "source" else other, "HG0105a", megabytes=9)
    faulty.before = lambda asked: fault(faulty, asked)
    ran = image_tool(source.host, "backup", "HG0105a", "--to", f"{target.host}/{PATH}", "-o", "json")
    assert ran.error(5)["code"] == error
    assert not (other if side == "source" else behind).has("HG0105a")


def test_a_read_that_breaks_goes_on(way: Any, image_tool: Tool, tmp_path: Path) -> None:
    faulty, source = way
    big_image(source, "HG0105a", megabytes=9)
    broken: list[str] = []

    def once(asked: Asked) -> Reply | None:
        if "Range" not in asked.headers or asked.headers["Range"] in broken:
            return None
        broken.append(asked.headers["Range"])
        return Reply(cut=True)

    faulty.before = once
    assert image_tool(faulty.host, "backup", "HG0105a", "--to", str(tmp_path / "kept.tar")).code == 0
    assert len(broken) == 3


def test_another_image_that_comes_under_the_tag_meanwhile(registry: RealRegistry, way: Any, image_tool: Tool) -> None:
    faulty, target = way
    registry.push("HG0105a")

    def overtaken(asked: Asked) -> Reply | None:
        if asked.method == "PATCH" and not target.has("HG0105a"):
            target.push("HG0105a", created="2025-01-01T00:00:00Z")
        return None

    faulty.before = overtaken
    ran = image_tool(registry.host, "backup", "HG0105a", "--to", f"{faulty.host}/{PATH}", "-o", "json")
    assert ran.error(4)["code"] == "tag-taken"
    assert target.read("HG0105a") != registry.read("HG0105a")


def test_credentials_of_both_sides_are_used_and_never_shown(
    locked: RealRegistry,
    start: Callable[..., RealRegistry],
    image_tool: Tool,
    tmp_path: Path,
) -> None:
    fresh, file = start(), tmp_path / "auth.json"
    error = image_tool(locked.host, "backup", "HG0105a", "--to", f"{fresh.host}/{PATH}", "-o", "json").error(5)
    assert (error["code"], "CLI secret" in error["hint"]) == ("registry-login", True)
    file.write_text(json.dumps({"auths": {locked.host: {"auth": AUTH}}}))
    logged_in = {"REGISTRY_AUTH_FILE": str(file)}
    there = image_tool(locked.host, "-vv", "backup", "HG0105a", "--to", f"{fresh.host}/{PATH}", env=logged_in)
    fresh.push("HG0205a")
    back = image_tool(locked.host, "-vv", "restore", f"{fresh.host}/{PATH}:HG0205a", env=logged_in)
    assert (there.code, back.code) == (0, 0)
    assert locked.has("HG0205a")
    for ran in (there, back):
        assert AUTH not in ran.out + ran.err
        assert "swordfish" not in ran.out + ran.err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_ended_in_the_middle(way: Any, image_tool: Tool, tmp_path: Path, number: signal.Signals) -> None:
    faulty, source = way
    big_image(source, "HG0105a", megabytes=9)
    image_tool(faulty.host, "backup", "HG0105b", "--to", "x.tar")  # makes the checkout that the process below runs in
    waiting: list[float] = []

    def slow(asked: Asked) -> Reply | None:
        if not asked.headers.get("Range", "bytes=0-").startswith("bytes=0-"):
            waiting.append(time.monotonic())
            return Reply(wait=5, cut=True)
        return None

    faulty.before = slow
    argv = [sys.executable, "-m", "helmtool", "image", "backup", "HG0105a", "--to", str(tmp_path / "kept.tar"), "-o", "json"]
    variables = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(argv, cwd=tmp_path / "checkout", env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        until = time.monotonic() + 20
        while not waiting and time.monotonic() < until:
            time.sleep(0.05)
        child.send_signal(number)
        out, err = child.communicate(timeout=20)
    assert b"Traceback" not in err
    assert not (tmp_path / "kept.tar").exists()
    if number is not signal.SIGKILL:
        assert (child.returncode, json.loads(out)["error"]["code"]) == (130, "interrupted")
        assert [path.name for path in tmp_path.iterdir() if "kept" in path.name] == []
