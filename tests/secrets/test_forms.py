"""What comes in comes out, here and with sops itself, whatever kind of file it is."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from checkout import PATHS, Checkout, Key, sops, tool

BYTES = bytes(range(256)) * 3
FILES: dict[str, bytes] = {
    "robot.keytab": b"\x05\x02" + BYTES,
    "app.json": b'{"password": "p", "nested": {"list": [1, true, null, "x"]}}',
    "list.json": b"[1, 2]",
    "number.json": b'{"big": 12345678901234567890, "exact": 0.1}',
    "clear_unencrypted.json": b'{"token_unencrypted": "t"}',
    "twice.json": b'{"a": 1, "a": 2}',
    "data.json": b'{"data": "[1]"}',
    "plain-data.json": b'{"data": "words"}',
    "half.json": rb'{"a": "\ud800"}',
    "settings.yaml": b"a: &x 1\nb: *x  # a comment\n---\nc: 2\n",
    "broken.yaml": b"a: [\n",
    "dot.env": b"# comment\nA=1\nA=2\n",
    "setup.ini": b"[a]\nx = 1\n",
    "no-newline": b"x",
    "-n": b"a name like an option",
    "utf8.txt": "größe → ∞\n".encode(),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_comes_back_as_it_was(checkout: Checkout, key: Key, name: str) -> None:
    checkout.sealed(name, FILES[name], key)
    assert not (checkout.service / name).exists()
    back = checkout.opened(name, key)
    assert back == FILES[name] or (name in {"app.json", "plain-data.json"} and json.loads(back) == json.loads(FILES[name]))


@pytest.mark.parametrize("name", FILES)
def test_sops_itself_reads_what_is_written_here(checkout: Checkout, key: Key, name: str) -> None:
    """Without a word about types, but for JSON, which the old scripts ask for by name."""
    path = checkout.sealed(name, FILES[name], key)
    as_json = name in {"app.json", "plain-data.json"}
    back = sops("-d", *(("--output-type", "json") if as_json else ()), path, key=key)
    assert json.loads(back) == json.loads(FILES[name]) if as_json else back == FILES[name]
    assert json.loads(path.read_bytes())["sops"]["age"][0]["recipient"] == key.recipient


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("app.json", b'{"password": "p"}'),
        ("a.yaml", b"password: p\n"),
        ("a.env", b"PASSWORD=p\n"),
        ("a.ini", b"[a]\npassword = p\n"),
        ("a.keytab", BYTES),
    ],
)
def test_what_plain_sops_encrypted_is_read(checkout: Checkout, key: Key, tmp_path: Path, name: str, content: bytes) -> None:
    """The type is the one that sops takes from the name of the plaintext."""
    plain = tmp_path / name
    plain.write_bytes(content)
    (checkout.service / f"{name}.encrypted").write_bytes(sops("-e", "--age", key.recipient, plain))
    back = checkout.opened(name, key)
    assert json.loads(back) == json.loads(content) if name.endswith(".json") else back == content


def test_the_old_scripts_read_what_is_written_here(checkout: Checkout, key: Key) -> None:
    """They run sops on FILE.encrypted with `--output-type json` where the name says so, and without anything elsewhere."""
    for name in ("app.json", "robot.keytab", "dot.env"):
        path = checkout.sealed(name, FILES[name], key)
        more = ["--output-type", "json"] if ".json" in name else []
        env = {"PATH": PATHS, "SOPS_AGE_KEY_FILE": str(key.file)}
        done = subprocess.run([tool("sops"), "--decrypt", *more, path], env=env, capture_output=True, check=True)
        assert done.stdout == FILES[name] or json.loads(done.stdout) == json.loads(FILES[name])


def test_the_same_content_is_not_encrypted_again(checkout: Checkout, key: Key) -> None:
    path = checkout.sealed("a.txt", "the same", key)
    before = path.read_bytes()
    done = checkout.ok("encrypt", checkout.write("a.txt", "the same"), "--identity", key.file, "-o", "json").document
    assert [one["written"] for one in done["files"]] == [False]
    assert path.read_bytes() == before
    checkout.ok("encrypt", checkout.write("a.txt", "another"), "--identity", key.file)
    assert checkout.opened("a.txt", key) == b"another"


def test_encrypt_ends_with_the_steps_of_git(checkout: Checkout, key: Key) -> None:
    checkout.git("init", "-q")
    plain = checkout.write("a b.txt", "x")
    assert checkout.fails("encrypt", plain, "--recipient", key.recipient, code=3, says=["cannot be a key of a Secret"])
    ran = checkout.ok("encrypt", checkout.write("a.txt", "x"), "--recipient", key.recipient)
    steps = [line.strip() for line in ran.err.splitlines() if line.strip().startswith("git -C")]
    assert steps[0] == f"git -C {checkout.root} add newdqmgui/a.txt.encrypted"
    assert steps[-1].endswith("push")
    subprocess.run(["/bin/sh", "-c", steps[0]], check=True, env=checkout.environment)
    assert checkout.git("diff", "--cached", "--name-only").split() == ["newdqmgui/a.txt.encrypted"]


def test_recipients_are_those_of_the_files_beside(checkout: Checkout, key: Key, other: Key) -> None:
    checkout.ok("encrypt", checkout.write("a", "1"), "--recipient", key.recipient, "--recipient", other.recipient)
    done = checkout.ok("encrypt", checkout.write("b", "2"), "-o", "json").document
    assert set(done["files"][0]["recipients"]) == {key.recipient, other.recipient}
    assert checkout.opened("b", other) == b"2"


def test_plaintext_in_the_clear_is_for_its_owner_alone(checkout: Checkout, key: Key, tmp_path: Path) -> None:
    path = checkout.sealed("a", "content", key)
    out = tmp_path / "out"
    checkout.ok("decrypt", path, "--out", out, "--identity", key.file)
    assert (out.read_bytes(), out.stat().st_mode & 0o777) == (b"content", 0o600)
    checkout.fails("decrypt", path, "--out", out, "--identity", key.file, code=3, says=["is there already", "--force"])
    out.chmod(0o644)
    checkout.ok("decrypt", path, "--out", out, "--identity", key.file, "--force")
    assert out.stat().st_mode & 0o777 == 0o600
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "elsewhere")
    checkout.fails("decrypt", path, "--out", link, "--identity", key.file, "--force", code=3, says=["no plain file"])
    assert not (tmp_path / "elsewhere").exists()
    checkout.fails("decrypt", path, "--out", "/dev/stdout", "--identity", key.file, "--force", code=3, says=["no plain file"])
    missing = checkout.run("decrypt", path, "--identity", key.file)
    assert (missing.code, missing.out) == (2, b"")


def test_rules_of_a_repository_leave_nothing_in_the_clear(checkout: Checkout, key: Key, other: Key) -> None:
    rule = f"creation_rules:\n  - age: {other.recipient}\n    unencrypted_regex: password\n"
    for folder in (checkout.root, checkout.service, checkout.home):
        (folder / ".sops.yaml").write_text(rule)
    path = checkout.sealed("app.json", '{"password": "secret-word"}', key)
    assert b"secret-word" not in path.read_bytes()
    assert other.recipient.encode() not in path.read_bytes()
