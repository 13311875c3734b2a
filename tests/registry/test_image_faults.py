"""image backup and restore where the registry refuses, fails, or is cut off in the middle: no tag, no archive is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from faults import Fault, FaultyWay, status_for
from images import PATH, RealRegistry
from test_credentials import AUTH, locked  # noqa: F401 - a fixture
from test_image_copies import Tool, big_image, error_of

ROOT = Path(__file__).parents[2]


@pytest.fixture
def way(start: Callable[..., RealRegistry]) -> Iterator[Any]:
    """A faulty way to a registry of its own, and that registry."""
    registry = start()
    made = FaultyWay(registry)
    yield made, registry
    made.close()


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
    faulty.fault = status_for(method, "/blobs/uploads/", status)
    ran = image_tool(registry.host, "backup", "HG0105a", "--to", f"{faulty.host}/{PATH}", "-o", "json")
    assert error_of(ran, code)["code"] == error
    assert not target.has("HG0105a")
    faulty.fault = lambda handler: False
    assert image_tool(registry.host, "backup", "HG0105a", "--to", f"{faulty.host}/{PATH}").code == 0
    assert target.read("HG0105a") == registry.read("HG0105a")


@pytest.mark.parametrize(("status", "code"), [(401, 5), (403, 5), (500, 5), (400, 5)])
def test_a_tag_that_is_refused_after_the_blobs(registry: RealRegistry, way: Any, image_tool: Tool, status: int, code: int) -> None:
    faulty, target = way
    registry.push_index("HG0105a")
    faulty.fault = status_for("PUT", "/manifests/HG0105a", status)
    error_of(image_tool(registry.host, "backup", "HG0105a", "--to", f"{faulty.host}/{PATH}", "-o", "json"), code)
    assert not target.has("HG0105a")
    faulty.fault, faulty.asked = (lambda handler: False), []
    assert image_tool(registry.host, "backup", "HG0105a", "--to", f"{faulty.host}/{PATH}").code == 0
    assert [line for line in faulty.asked if line.startswith(("POST", "PATCH"))] == []


@pytest.mark.parametrize(("status", "code"), [(401, 5), (403, 5), (404, 3), (500, 5)])
def test_a_source_that_refuses_a_blob(way: Any, image_tool: Tool, tmp_path: Path, status: int, code: int) -> None:
    faulty, source = way
    source.push("HG0105a")
    faulty.fault = status_for("GET", "/blobs/", status)
    error_of(image_tool(faulty.host, "backup", "HG0105a", "--to", str(tmp_path / "kept.tar"), "-o", "json"), code)
    assert [path.name for path in tmp_path.iterdir() if "tar" in path.name] == []


def whole_instead_of_a_part(handler: Any) -> bool:
    del handler.headers["Range"]
    return False


def elsewhere(handler: Any) -> bool:
    return handler.command == "POST" and bool(handler.reply(202, b"", {"Location": "http://127.0.0.1:1/v2/x/blobs/uploads/1"}))


def wrong_bytes(handler: Any) -> bool:
    return (
        handler.command == "GET" and "/blobs/" in handler.path and "Range" in handler.headers and bool(handler.reply(206, bytes(4 << 20)))
    )


def cut_in_the_middle(handler: Any) -> bool:
    return handler.command == "PATCH" and bool(handler.hang(0))


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
def test_answers_that_cannot_be(
    start: Callable[..., RealRegistry], way: Any, image_tool: Tool, fault: Fault, side: str, error: str
) -> None:
    faulty, behind = way
    other = start()
    source, target = (faulty, other) if side == "source" else (other, faulty)
    big_image(behind if side == "source" else other, "HG0105a", megabytes=9)
    faulty.fault = fault
    ran = image_tool(source.host, "backup", "HG0105a", "--to", f"{target.host}/{PATH}", "-o", "json")
    assert error_of(ran, 5)["code"] == error
    assert not (other if side == "source" else behind).has("HG0105a")


def test_a_read_that_breaks_goes_on(way: Any, image_tool: Tool, tmp_path: Path) -> None:
    faulty, source = way
    big_image(source, "HG0105a", megabytes=9)
    broken: list[str] = []

    def once(handler: Any) -> bool:
        if "Range" not in handler.headers or handler.headers["Range"] in broken:
            return False
        broken.append(handler.headers["Range"])
        return bool(handler.hang(0))

    faulty.fault = once
    assert image_tool(faulty.host, "backup", "HG0105a", "--to", str(tmp_path / "kept.tar")).code == 0
    assert len(broken) == 3


def test_another_image_that_comes_under_the_tag_meanwhile(registry: RealRegistry, way: Any, image_tool: Tool) -> None:
    faulty, target = way
    registry.push("HG0105a")

    def overtaken(handler: Any) -> bool:
        if handler.command == "PATCH" and not target.has("HG0105a"):
            target.push("HG0105a", created="2025-01-01T00:00:00Z")
        return False

    faulty.fault = overtaken
    ran = image_tool(registry.host, "backup", "HG0105a", "--to", f"{faulty.host}/{PATH}", "-o", "json")
    assert error_of(ran, 4)["code"] == "tag-taken"
    assert target.read("HG0105a") != registry.read("HG0105a")


def test_credentials_of_both_sides_are_used_and_never_shown(
    locked: RealRegistry,  # noqa: F811
    start: Callable[..., RealRegistry],
    image_tool: Tool,
    tmp_path: Path,
) -> None:
    fresh, file = start(), tmp_path / "auth.json"
    error = error_of(image_tool(locked.host, "backup", "HG0105a", "--to", f"{fresh.host}/{PATH}", "-o", "json"), 5)
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

    def slow(handler: Any) -> bool:
        if "Range" in handler.headers and not handler.headers["Range"].startswith("bytes=0-"):
            waiting.append(time.monotonic())
            return bool(handler.hang(5))
        return False

    faulty.fault = slow
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
