"""Tags on Tab: from a real registry, kept for a short time."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from images import AUTH, RealRegistry
from shells import Shells


@pytest.fixture
def shells(checkout: Path, tmp_path: Path) -> Shells:
    (tmp_path / "home").mkdir(exist_ok=True)
    own = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    return Shells(checkout, own | {"PYTHONPATH": str(Path(__file__).parents[2]), "LANG": "C.UTF-8"})


def use(checkout: Path, registry: RealRegistry) -> None:
    """Makes the registry the one of prod."""
    file = checkout / "values/prod.yaml"
    file.write_text(f"{file.read_text()}\nimage: {{repository: '{registry.host}/cmsweb/newdqmgui'}}\n")


@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_tags(registry: RealRegistry, shells: Shells, checkout: Path, shell: str) -> None:
    use(checkout, registry)
    for tag in ("HG0105a", "HG0205b-stable", "latest"):
        registry.push(tag)
    assert shells.offered(shell, "helmtool release prod HG") == ["HG0105a", "HG0205b-stable"]
    assert shells.offered(shell, "helmtool tag check HG02") == ["HG0205b-stable"]  # prod's by default
    registry.stop()
    assert shells.offered(shell, "helmtool diff prod HG01") == ["HG0105a"]  # kept


def test_what_is_kept_goes_stale(registry: RealRegistry, shells: Shells, checkout: Path, tmp_path: Path) -> None:
    use(checkout, registry)
    registry.push("HG0105a")
    line = "helmtool release prod HG"
    assert shells.offered("bash", line) == ["HG0105a"]
    registry.push("HG0105b")
    assert shells.offered("bash", line) == ["HG0105a"]
    for file in (tmp_path / "cache/helmtool/completion").iterdir():
        os.utime(file, (file.stat().st_mtime - 3600,) * 2)
    assert shells.offered("bash", line) == ["HG0105a", "HG0105b"]
    for file in (tmp_path / "cache/helmtool/completion").iterdir():
        os.utime(file, (file.stat().st_mtime - 3600,) * 2)
    registry.stop()
    assert shells.offered("bash", line) == ["HG0105a", "HG0105b"]  # old is better than nothing


def test_a_helper_of_credentials_is_not_started(locked: RealRegistry, shells: Shells, checkout: Path, tmp_path: Path) -> None:
    use(checkout, locked)
    asked, config = tmp_path / "asked", tmp_path / "home/.docker/config.json"
    helper = checkout / "bin/docker-credential-window"
    helper.parent.mkdir()
    helper.write_text(f"#!/bin/sh\ntouch {asked}\n")
    helper.chmod(0o755)
    config.parent.mkdir()
    config.write_text(json.dumps({"credsStore": "window"}))
    assert shells.offered("bash", "helmtool release prod HG") == []
    assert not asked.exists()
    config.write_text(json.dumps({"credsStore": "window", "auths": {locked.host: {"auth": AUTH}}}))
    for file in (tmp_path / "cache/helmtool/completion").iterdir():
        file.unlink()
    assert shells.offered("bash", "helmtool release prod HG") == ["HG0105a"]
