"""Files that people name are read where they are files, and no further than anything of their kind goes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from helmtool.adapters.regular import NoFile, TooLarge, read_file


def test_a_file_up_to_the_limit(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    assert read_file(tmp_path / "a", 5) == b"12345"
    with pytest.raises(TooLarge):
        read_file(tmp_path / "a", 4)


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    for name in ("pipe", "zero"):
        with pytest.raises(NoFile):
            read_file(tmp_path / name, 5)
    with pytest.raises(IsADirectoryError):
        read_file(tmp_path, 5)


def test_a_file_larger_than_any_memory_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(TooLarge):
        read_file(tmp_path / "sparse", 1 << 20)
