"""What this machine has free, and nothing where it does not tell."""

from __future__ import annotations

import platform
from pathlib import Path

from helmtool.adapters.machine import disk_free, is_here, memory_free


def test_memory(tmp_path: Path) -> None:
    file = tmp_path / "meminfo"
    file.write_text("MemTotal:       2000 kB\nMemFree:        10 kB\nMemAvailable:   1000 kB\n")
    assert memory_free(file) == 1_024_000
    file.write_text("MemTotal:       2000 kB\n")
    assert memory_free(file) is None
    assert memory_free(tmp_path / "none") is None


def test_disk(tmp_path: Path) -> None:
    assert (disk_free(tmp_path) or 0) > 0
    assert disk_free(tmp_path / "none") is None


def test_only_this_machine_is_here() -> None:
    assert is_here(platform.node())
    assert not is_here("docker-desktop")
