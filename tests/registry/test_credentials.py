"""A registry that wants a password: asked for nothing until it does, and the password is in no output."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from images import RealRegistry

HASH = "$2b$04$PVOE9oAmMnfuZpzFPI7Ax.IaJNf5O63RUDYpU3fvjmZvZ0xVaYpzK"
AUTH = base64.b64encode(b"dqm:swordfish").decode()


@pytest.fixture
def locked(start: Callable[..., RealRegistry], tmp_path: Path) -> RealRegistry:
    (tmp_path / "htpasswd").write_text(f"dqm:{HASH}\n")
    extra = {"auth": {"htpasswd": {"realm": "test", "path": str(tmp_path / "htpasswd")}}}
    registry: RealRegistry = start(extra=extra, authorization=f"Basic {AUTH}")
    registry.push("HG0105a")
    return registry


def test_without_credentials_it_says_how_to_log_in(locked: RealRegistry, tool: Any) -> None:
    ran = tool(locked.host, "check", "HG0105a", "-o", "json")
    assert (ran.code, ran.document["error"]["code"]) == (5, "registry-login")
    assert f"podman login {locked.host}" in ran.document["error"]["hint"]


def test_those_of_podman_are_used_and_never_shown(locked: RealRegistry, tool: Any, tmp_path: Path) -> None:
    file = tmp_path / "auth.json"
    file.write_text(json.dumps({"auths": {locked.host: {"auth": AUTH}}}))
    ran = tool(locked.host, "-vv", "stable", "HG0105a", "--yes", env={"REGISTRY_AUTH_FILE": str(file)})
    assert ran.code == 0, ran.err
    assert locked.has("HG0105a-stable")
    assert AUTH not in ran.out + ran.err
    assert "swordfish" not in ran.out + ran.err


def test_wrong_ones_are_named_by_their_file(locked: RealRegistry, tool: Any, tmp_path: Path) -> None:
    file = tmp_path / "auth.json"
    file.write_text(json.dumps({"auths": {locked.host: {"username": "dqm", "password": "wrong-one"}}}))
    ran = tool(locked.host, "check", "HG0105a", "-o", "json", env={"REGISTRY_AUTH_FILE": str(file)})
    assert (ran.code, ran.document["error"]["code"]) == (5, "registry-login")
    assert str(file) in ran.document["error"]["message"]
    assert "wrong-one" not in ran.out + ran.err
