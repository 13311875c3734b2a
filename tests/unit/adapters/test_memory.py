"""Which folders are in memory, from what the kernel says of mounts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from helmtool.adapters import memory


@pytest.mark.parametrize(
    ("kinds", "expected"), [(["tmpfs"], True), (["ramfs"], True), (["ext4"], False), (["tmpfs", "ext4"], False), ([], False)]
)
def test_the_kind_of_the_mount_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kinds: list[str], expected: bool) -> None:
    device = tmp_path.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    lines = [f"22 21 {number} / /x rw,nosuid shared:1 - {kind} none rw" for kind in kinds]
    mounts = tmp_path / "mountinfo"
    mounts.write_text("\n".join(["21 1 999:9 / / rw - ext4 /dev/sda rw", *lines]))
    monkeypatch.setattr(memory, "MOUNTS", mounts)
    assert memory.is_in_memory(tmp_path) is expected


def test_without_the_kernels_word_nothing_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MOUNTS", tmp_path / "none")
    assert not memory.is_in_memory(Path("/dev/shm"))
    assert not memory.is_in_memory(tmp_path / "none")


def test_a_persons_own_folder_is_tried_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1")
    assert memory.candidates() == [Path("/run/user/1"), Path("/dev/shm")]
    monkeypatch.setenv("XDG_RUNTIME_DIR", "relative")
    assert memory.candidates() == [Path("/dev/shm")]
