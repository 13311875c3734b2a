"""An editor sees the plaintext in memory alone, and nothing of it stays, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from checkout import CANARY, Checkout, Key, end_group, files_with, need, wait_for

from helmtool.adapters.memory import NoMemoryFolder, is_in_memory, memory_folder

MEMORY = Path("/dev/shm")


@pytest.fixture(autouse=True)
def memory(checkout: Checkout) -> Iterator[Path]:
    """A folder in memory for this test alone, which the program finds as a person's own."""
    assert is_in_memory(MEMORY), "these tests need /dev/shm"
    with tempfile.TemporaryDirectory(dir=MEMORY, prefix="helmtool-test-") as folder:
        checkout.variables["XDG_RUNTIME_DIR"] = folder
        yield Path(folder)


def editor(checkout: Checkout, script: str) -> dict[str, str]:
    """$EDITOR as a shell script, which gets the file as $1."""
    path = checkout.home / "editor"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return {"EDITOR": str(path)}


def test_a_change_is_encrypted_for_the_same_people(checkout: Checkout, key: Key, other: Key, memory: Path) -> None:
    checkout.ok("encrypt", checkout.write("a.txt", CANARY), "--recipient", key.recipient, "--recipient", other.recipient, "--remove")
    path = checkout.service / "a.txt.encrypted"
    path.chmod(0o640)
    seen = checkout.home / "seen"
    env = editor(checkout, f'ls -ld "$1" > {seen}; ls -ld "$(dirname "$1")" >> {seen}; stat -f -c %T "$1" >> {seen}; printf changed > "$1"')
    ran = checkout.ok("edit", path, "--identity", key.file, env=env)
    assert "changed and encrypted" in ran.text
    assert checkout.opened("a.txt", key) == checkout.opened("a.txt", other) == b"changed"
    assert path.stat().st_mode & 0o777 == 0o640
    lines = seen.read_text().splitlines()
    assert lines[0].startswith("-rw-------")
    assert lines[0].endswith("/a.txt")
    assert lines[1].startswith("drwx------")
    assert lines[2] == "tmpfs"
    assert not list(memory.iterdir())


def test_what_was_not_changed_is_left_as_it_is(checkout: Checkout, key: Key) -> None:
    path = checkout.sealed("a.json", '{"a": 1}', key)
    before = path.read_bytes()
    for script in ("true", 'cp "$1" "$1.new"; mv "$1.new" "$1"'):
        assert "unchanged" in checkout.ok("edit", path, "--identity", key.file, env=editor(checkout, script)).text
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("exit 3", "ended with 3"),
        ("kill -9 $$", "ended with -9"),
        ('rm "$1"', "has removed the file"),
        (': > "$1"', "left nothing in it"),
        ('head -c 1100000 /dev/zero > "$1"', "1 MiB"),
    ],
)
def test_an_edit_that_fails_changes_nothing(checkout: Checkout, key: Key, script: str, says: str, memory: Path) -> None:
    path = checkout.sealed("a.txt", CANARY, key)
    before, code = path.read_bytes(), 3 if "MiB" in says or "nothing in it" in says else 1
    checkout.fails("edit", path, "--identity", key.file, code=code, says=[says, "nothing was changed"], env=editor(checkout, script))
    assert path.read_bytes() == before
    assert not list(memory.iterdir())


@pytest.mark.parametrize(("command", "says"), [("/nonexistent/editor", "does not start"), ("'open quote", "a quote is not closed")])
def test_an_editor_that_is_none(checkout: Checkout, key: Key, command: str, says: str, memory: Path) -> None:
    path = checkout.sealed("a.txt", CANARY, key)
    checkout.fails("edit", path, "--identity", key.file, code=1, says=[says, "export EDITOR"], env={"EDITOR": command})
    assert not list(memory.iterdir())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_signal_while_the_editor_runs_leaves_nothing(checkout: Checkout, key: Key, number: signal.Signals, memory: Path) -> None:
    path = checkout.sealed("a.txt", CANARY, key)
    before = path.read_bytes()
    mark = checkout.home / "mark"
    env = editor(
        checkout, f'printf "%s changed" {CANARY!r} > "$1"; cp "$1" "$1~"; echo $$ > {mark}.new; mv {mark}.new {mark}; exec sleep 60'
    )
    running = checkout.start("edit", path, "--identity", key.file, env=env)
    try:
        wait_for("the editor runs", mark.exists)
        assert files_with(CANARY.encode(), memory)
        os.kill(running.pid, number)
        out, err = running.communicate(timeout=20) if number != signal.SIGKILL else (b"", b"")
        wait_for("nothing is left in memory", lambda: not list(memory.iterdir()))
        if number != signal.SIGKILL:
            assert running.returncode == 130, err
            assert f"ended by {number.name}" in err.decode()
            assert b"Traceback" not in err
            with pytest.raises(ProcessLookupError):
                os.kill(int(mark.read_text()), 0)  # the editor is gone too
        assert path.read_bytes() == before
        assert CANARY.encode() not in out + err
    finally:
        end_group(running)


def test_ctrl_c_is_the_editors(checkout: Checkout, key: Key) -> None:
    """As with git: in vim it means something, and must not throw the text away."""
    path = checkout.sealed("a.txt", CANARY, key)
    mark = checkout.home / "mark"
    env = editor(checkout, f"trap 'printf changed > \"$1\"; exit 0' INT; touch {mark}; while :; do sleep 0.1; done")
    running = checkout.start("edit", path, "--identity", key.file, env=env)
    try:
        wait_for("the editor runs", mark.exists)
        os.killpg(running.pid, signal.SIGINT)
        _, err = running.communicate(timeout=20)
        assert running.returncode == 0, err
        assert checkout.opened("a.txt", key) == b"changed"
    finally:
        end_group(running)


def test_somebody_else_was_faster(checkout: Checkout, key: Key) -> None:
    path = checkout.sealed("a.txt", CANARY, key)
    env = editor(checkout, f'printf mine > "$1"; printf " " >> {path}')
    checkout.fails("edit", path, "--identity", key.file, code=3, says=["by somebody else meanwhile"], env=env)


def test_the_editor_gets_no_key(checkout: Checkout, key: Key, memory: Path) -> None:
    path = checkout.sealed("a.txt", CANARY, key)
    seen = checkout.home / "seen"
    checkout.ok("edit", path, env=editor(checkout, f"env > {seen}") | {"SOPS_AGE_KEY": key.secret})
    assert key.secret not in seen.read_text()
    assert f"TMPDIR={memory}/helmtool-" in seen.read_text()


def test_vim_writes_nowhere_else(checkout: Checkout, key: Key, memory: Path) -> None:
    (vim,) = need("vi")
    if b"VIM" not in subprocess.run([vim, "--version"], capture_output=True, env={"PATH": "/usr/bin:/bin", "LANG": "C"}).stdout:
        pytest.skip("vi is not vim here")
    path = checkout.sealed("a.txt", f"{CANARY}\n", key)
    checkout.ok("edit", path, "--identity", key.file, env={"EDITOR": f"{vim} -es -c t. -c wq", "TERM": "dumb"})
    assert checkout.opened("a.txt", key) == f"{CANARY}\n{CANARY}\n".encode()
    assert not files_with(CANARY.encode(), checkout.home, checkout.root)
    assert not list(memory.iterdir())


def test_a_file_system_on_a_disk_is_refused(tmp_path: Path) -> None:
    if is_in_memory(tmp_path):
        pytest.skip("temporary files are in memory here")
    folder = tmp_path / "disk"
    folder.mkdir()
    with pytest.raises(NoMemoryFolder) as caught, memory_folder([folder, tmp_path / "no"]):
        pass
    assert caught.value.exit_code == 4
    assert str(folder) in caught.value.message
    assert not list(folder.iterdir())


def test_a_link_to_a_disk_is_not_memory(tmp_path: Path, memory: Path) -> None:
    if is_in_memory(tmp_path):
        pytest.skip("temporary files are in memory here")
    link = MEMORY / f"link-{os.getpid()}-{time.monotonic_ns()}"
    link.symlink_to(tmp_path)
    try:
        assert not is_in_memory(link)
    finally:
        link.unlink()
