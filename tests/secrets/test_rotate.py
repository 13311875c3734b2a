"""All files for a new key, or none; killed at any moment, each of them still opens."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from checkout import CANARY, Checkout, Key, files_with, make_key, sops

from helmtool.adapters.sops import Sops
from helmtool.model.age import parse_identity
from helmtool.operations.secrets.rotation import JOURNAL, STAGE, only_one

KILLS = int(os.environ.get("HELMTOOL_ROTATE_KILLS", "12"))
SEED = int(os.environ.get("HELMTOOL_ROTATE_SEED", "5"))
CONTENT = {
    "a.keytab": b"\x05\x02\x00" + CANARY.encode(),
    "b.json": f'{{\n\t"a": "{CANARY}"\n}}\n'.encode(),
    "c.yaml": f"a: {CANARY} # c\n".encode(),
    "d": CANARY.encode() * 2000,
    "e.env": f"A={CANARY}\n".encode(),
    "f": b"\xff" + CANARY.encode(),
}


def filled(checkout: Checkout, key: Key) -> dict[str, bytes]:
    for name, content in CONTENT.items():
        checkout.write(name, content)
    checkout.ok("encrypt", *(checkout.service / name for name in CONTENT), "--recipient", key.recipient, "--remove")
    return {path.name: path.read_bytes() for path in checkout.service.iterdir()}


def opened(checkout: Checkout, *keys: Key) -> dict[str, bytes]:
    """What every file gives with one of the keys, in this process."""
    reader = Sops(parse_identity("\n".join(key.file.read_text() for key in keys), "test"))
    paths = sorted(path for path in checkout.service.glob("*.encrypted"))
    return {path.name.removesuffix(".encrypted"): reader.decrypt(path.read_bytes(), path) for path in paths}


def test_every_file_is_for_the_new_key_alone(checkout: Checkout, key: Key, other: Key) -> None:
    before = filled(checkout, key)
    done = checkout.ok("rotate", "--to", other.file, "--identity", key.file, "-o", "json").document
    assert len(done["replaced"]) == len(CONTENT)
    assert opened(checkout, other) == CONTENT
    assert sops("-d", checkout.service / "d.encrypted", key=other) == CONTENT["d"]
    assert {path.name for path in checkout.service.iterdir()} == set(before)
    checkout.fails("decrypt", checkout.service / "d.encrypted", "--out", checkout.home / "o", "--identity", key.file, code=3)
    # The data key is a new one too: who knew the old one does not read what comes after.
    assert all((checkout.service / name).read_bytes()[:200] != content[:200] for name, content in before.items())


def test_again_there_is_nothing_to_do_and_no_old_key_needed(checkout: Checkout, key: Key, other: Key) -> None:
    filled(checkout, key)
    checkout.ok("rotate", "--to", other.file, "--identity", key.file)
    before = {path: path.read_bytes() for path in checkout.service.iterdir()}
    assert checkout.ok("rotate", "--to", other.file, "-o", "json").document["replaced"] == []
    assert {path: path.read_bytes() for path in checkout.service.iterdir()} == before


def test_several_new_recipients(checkout: Checkout, key: Key, other: Key, tmp_path: Path) -> None:
    filled(checkout, key)
    third = make_key(tmp_path / "third")
    checkout.ok("rotate", "--to", other.file, "--recipient", third.recipient, "--identity", key.file)
    assert opened(checkout, other) == opened(checkout, third) == CONTENT
    both = tmp_path / "both"
    both.write_text(key.file.read_text() + other.file.read_text())
    checkout.ok("rotate", "--to", both, "--identity", third.file)
    assert opened(checkout, key) == opened(checkout, other) == CONTENT


def test_the_form_of_foreign_files_is_kept(checkout: Checkout, key: Key, other: Key) -> None:
    (checkout.service / "s.yaml.encrypted").write_bytes(
        sops("encrypt", "--age", key.recipient, "--filename-override", "s.yaml", input=b"password: p\n")
    )
    checkout.ok("rotate", "--to", other.file, "--identity", key.file)
    content = (checkout.service / "s.yaml.encrypted").read_text()
    assert content.startswith("password: ENC[")
    assert opened(checkout, other) == {"s.yaml": b"password: p\n"}


@pytest.mark.parametrize("what", ["foreign", "tampered", "plain"])
def test_one_bad_file_and_nothing_is_rotated(checkout: Checkout, key: Key, other: Key, tmp_path: Path, what: str) -> None:
    filled(checkout, key)
    bad = checkout.service / "c.yaml.encrypted"
    if what == "foreign":
        bad.write_bytes(sops("encrypt", "--age", make_key(tmp_path / "k").recipient, "--filename-override", "x", input=b"x"))
    elif what == "tampered":
        bad.write_bytes(bad.read_bytes().replace(b"data:", b"data:AAAA", 1))
    else:
        bad.write_text(CANARY)
    before = {path: path.read_bytes() for path in checkout.service.iterdir()}
    error = checkout.fails("rotate", "--to", other.file, "--identity", key.file, code=3, says=["1 of 6 files", "nothing was changed"])
    assert [Path(problem["file"]).name for problem in error["problems"]] == ["c.yaml.encrypted"]
    assert {path: path.read_bytes() for path in checkout.service.iterdir()} == before


def test_the_wrong_old_key(checkout: Checkout, key: Key, other: Key) -> None:
    filled(checkout, key)
    checkout.fails("rotate", "--to", other.file, "--identity", other.file, code=3, says=["6 of 6 files"])
    checkout.fails("rotate", "--to", other.file, code=3, says=["no age identity"])


def test_two_at_once(checkout: Checkout, key: Key, other: Key) -> None:
    filled(checkout, key)
    with only_one(checkout.service):
        checkout.fails("rotate", "--to", other.file, "--identity", key.file, code=4, says=["another process"])
    assert opened(checkout, key) == CONTENT


def stopped(checkout: Checkout, key: Key, other: Key, at: str) -> None:
    """Runs a rotation in a process of its own that kills itself before a rename: of the journal, or of the n-th file."""
    code = f"""
import os, signal, sys
from pathlib import Path
from helmtool.operations.secrets import rotation
real, seen = Path.replace, []
def replace(self, target):
    name = Path(target).name
    if name == {JOURNAL!r} and {at!r} == "journal": os.kill(os.getpid(), signal.SIGKILL)
    if Path(self).parent.name == {STAGE!r} and Path(target).parent.name != {STAGE!r}:
        seen.append(name)
        if len(seen) == {at!r}: os.kill(os.getpid(), signal.SIGKILL)
    return real(self, target)
Path.replace = replace
from helmtool.cli.app import run
sys.exit(run(sys.argv[1:]))
"""
    argv = [sys.executable, "-c", code if at == "journal" else code.replace(repr(at), str(int(at)), -1), *checkout.argv()[3:]]
    argv += ["rotate", "--to", str(other.file), "--identity", str(key.file)]
    done = subprocess.run(argv, env=checkout.environment, cwd=checkout.home, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize("at", ["journal", "1", "3", "6"])
def test_killed_at_a_certain_place(checkout: Checkout, key: Key, other: Key, at: str) -> None:
    filled(checkout, key)
    stopped(checkout, key, other, at)
    assert (checkout.service / STAGE).exists()
    assert opened(checkout, key, other) == CONTENT
    ran = checkout.run("check", "test4", "--identity", key.file)
    assert "a rotation was interrupted here" in ran.err
    finished = checkout.ok("rotate", "--to", other.file, *(["--identity", key.file] if at == "journal" else []))
    assert opened(checkout, other) == CONTENT
    assert not (checkout.service / STAGE).exists()
    assert ("finished the rotation" in finished.err) == (at != "journal")


def test_a_file_that_changed_before_the_rotation_was_finished(checkout: Checkout, key: Key, other: Key) -> None:
    filled(checkout, key)
    stopped(checkout, key, other, "1")
    newer = checkout.sealed("f", "newer", key)
    content = newer.read_bytes()
    checkout.fails("rotate", "--to", other.file, code=1, says=["was changed after", f"rm -r {checkout.service / STAGE}"])
    assert newer.read_bytes() == content


def test_killed_at_random_moments(checkout: Checkout, key: Key, other: Key, capsys: pytest.CaptureFixture[str]) -> None:
    """As often as HELMTOOL_ROTATE_KILLS says; the moments come from HELMTOOL_ROTATE_SEED. Runs that were faster do not count."""
    filled(checkout, key)
    picks, now, target = random.Random(SEED), key, other
    began = time.monotonic()
    checkout.ok("rotate", "--to", target.file, "--identity", now.file)
    whole, (now, target) = time.monotonic() - began, (other, key)
    both = checkout.home / "both"
    both.write_text(key.file.read_text() + other.file.read_text())
    killed = runs = 0
    while killed < KILLS:
        runs += 1
        assert runs <= 10 * KILLS, "too few were killed while they ran"
        running = checkout.start("rotate", "--to", target.file, "--identity", both)
        time.sleep(picks.uniform(0.2, 1.1) * whole)
        os.killpg(running.pid, signal.SIGKILL)
        running.communicate()
        killed += running.returncode == -signal.SIGKILL
        whole *= 0.9 if running.returncode != -signal.SIGKILL else 1.0  # the machine has become faster since
        assert opened(checkout, key, other) == CONTENT
        assert not files_with(CANARY.encode(), checkout.root, checkout.home)
        if picks.random() < 0.5:  # else the next run finds what this one left
            checkout.ok("rotate", "--to", target.file, "--identity", both)
            assert opened(checkout, target) == CONTENT
            assert not (checkout.service / STAGE).exists()
            now, target = target, now
    checkout.ok("rotate", "--to", target.file, "--identity", both)
    assert opened(checkout, target) == CONTENT
    hidden = [path for path in checkout.service.iterdir() if path.name.startswith(".")]
    assert not hidden
    with capsys.disabled():
        print(f"\n{killed} of {runs} rotations killed while they ran, one takes about {whole:.1f} s")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_in_words_and_leaves_every_file_whole(checkout: Checkout, key: Key, other: Key, number: signal.Signals) -> None:
    filled(checkout, key)
    running = checkout.start("rotate", "--to", other.file, "--identity", key.file)
    assert running.stderr
    said = running.stderr.readline().decode()  # the first file is being prepared
    running.send_signal(number)
    _, err = running.communicate(timeout=30)
    assert "rotate" in said
    assert running.returncode == 130, err
    assert f"ended by {number.name}; every file is whole" in err.decode()
    assert opened(checkout, key, other) == CONTENT
    assert not [path for path in checkout.service.iterdir() if path.name.startswith(".")]
