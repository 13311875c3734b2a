"""Files of a services_config checkout: their names, and how they are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from helmtool.adapters import files
from helmtool.adapters.files import CheckoutInvalid, FileRefused, find_checkout, list_files, read_regular, replace_file, write_private


@pytest.fixture
def service(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout" / "newdqmgui"
    folder.mkdir(parents=True)
    return folder


def test_names_become_keys(service: Path) -> None:
    for name in ("b.keytab.encrypted", "a.txt", ".gitignore", "c.encrypted.encrypted"):
        (service / name).write_text("x")
    listing = list_files(service.parent, "newdqmgui")
    assert [(file.key, file.encrypted) for file in listing.files] == [("a.txt", False), ("b.keytab", True), ("c.encrypted", True)]
    assert [file.key for file in listing.encrypted] == ["b.keytab", "c.encrypted"]
    assert len(listing.warnings) == 1


@pytest.mark.parametrize("name", ["with space", "größe", "a:b", "a~", "x" * 254, "x" * 245 + ".encrypted", "new\nline"])
def test_names_that_are_no_keys(service: Path, name: str) -> None:
    (service / name).write_text("x")
    if name.endswith("x" + ".encrypted"):  # 245 characters without the ending
        assert len(list_files(service.parent, "newdqmgui").files) == 1
        return
    with pytest.raises(FileRefused) as caught:
        list_files(service.parent, "newdqmgui")
    assert "cannot be a key" in caught.value.problems[0].message


@pytest.mark.parametrize("name", ["..a", ".encrypted", ".a.swp"])
def test_hidden_files_are_left_alone(service: Path, name: str) -> None:
    (service / name).write_text("x")
    (service / "good").write_text("x")
    assert [file.key for file in list_files(service.parent, "newdqmgui").files] == ["good"]


def test_all_that_is_wrong_is_told_at_once(service: Path) -> None:
    (service / "folder").mkdir()
    (service / "empty").touch()
    (service / "twice").write_text("x")
    (service / "twice.encrypted").write_text("x")
    with pytest.raises(FileRefused) as caught:
        list_files(service.parent, "newdqmgui")
    assert [Path(problem.file).name for problem in caught.value.problems] == ["empty", "folder", "twice.encrypted"]


def test_an_empty_folder(service: Path) -> None:
    with pytest.raises(CheckoutInvalid, match="holds no file"):
        list_files(service.parent, "newdqmgui")


def test_where_the_checkout_is(service: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HELMTOOL_SERVICES_CONFIG", raising=False)
    with pytest.raises(CheckoutInvalid, match="was not said"):
        find_checkout(None)
    monkeypatch.setenv("HELMTOOL_SERVICES_CONFIG", str(service))
    assert find_checkout(None) == service
    assert find_checkout(service.parent) == service.parent
    (service / "file").touch()
    with pytest.raises(CheckoutInvalid, match="is not a folder"):
        find_checkout(service / "file")


def test_a_file_is_replaced_whole_or_not_at_all(service: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = service / "a"
    replace_file(path, b"1")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"1", 0o644)
    path.chmod(0o600)
    replace_file(path, b"2")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"2", 0o600)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(FileRefused, match="No space left"):
        replace_file(path, b"3")
    assert [p.name for p in service.iterdir()] == ["a"]
    assert path.read_bytes() == b"2"


def test_a_link_keeps_pointing_to_its_file(service: Path) -> None:
    (service / "real").write_text("1")
    (service / "link").symlink_to("real")
    replace_file(service / "link", b"2")
    assert (service / "link").is_symlink()
    assert (service / "real").read_bytes() == b"2"


def test_a_private_file(service: Path) -> None:
    path = service / "out"
    write_private(path, b"1", force=False)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileRefused, match="is there already"):
        write_private(path, b"2", force=False)
    assert path.read_bytes() == b"1"
    write_private(path, b"2", force=True)
    assert path.read_bytes() == b"2"
    for bad in (service, service / "no" / "file", Path("/dev/null")):
        with pytest.raises(FileRefused):
            write_private(bad, b"x", force=True)


def test_what_is_no_file_is_not_read(service: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in (service, service / "none", Path("/dev/zero")):
        with pytest.raises(FileRefused):
            read_regular(path)
    monkeypatch.setattr(files, "LARGEST_FILE", 3)
    (service / "a").write_text("1234")
    with pytest.raises(FileRefused, match="larger than"):
        read_regular(service / "a")
