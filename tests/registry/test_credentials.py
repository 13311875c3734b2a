"""A registry that wants a password: asked for nothing until it does, and the password is in no output."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from images import AUTH, PASSWORD, RealRegistry


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
    assert PASSWORD not in ran.out + ran.err


def test_wrong_ones_are_named_by_their_file(locked: RealRegistry, tool: Any, tmp_path: Path) -> None:
    file = tmp_path / "auth.json"
    file.write_text(json.dumps({"auths": {locked.host: {"username": "dqm", "password": "wrong-one"}}}))
    ran = tool(locked.host, "check", "HG0105a", "-o", "json", env={"REGISTRY_AUTH_FILE": str(file)})
    assert (ran.code, ran.document["error"]["code"]) == (5, "registry-login")
    assert str(file) in ran.document["error"]["message"]
    assert "wrong-one" not in ran.out + ran.err
