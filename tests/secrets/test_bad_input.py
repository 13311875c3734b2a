"""What is wrong with a file, an identity or the machine is said in words, and nothing is touched."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from checkout import CANARY, Checkout, Key, sops, tool

from helmtool.adapters.files import FileRefused
from helmtool.model.age import Identity, parse_identity
from helmtool.operations.secrets.bundle import BundleTooLarge, FilesNotDecryptable, read_bundle

SOMEONE = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"


def identity(key: Key) -> Identity:
    return parse_identity(key.file.read_text(), str(key.file))


def tampered(content: bytes) -> bytes:
    """With another value of a value's own making: only the MAC can tell."""
    document = json.loads(content)
    document["one"], document["two"] = document["two"], document["one"]
    return json.dumps(document).encode()


def damaged(content: bytes) -> bytes:
    return content.replace(b"data:", b"data:AAAA", 1)


def replaced_metadata(content: bytes) -> bytes:
    document = json.loads(content)
    del document["sops"]
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda c: c[: len(c) // 2], "not whole"),
        (lambda c: c[:-3], "not whole"),
        (replaced_metadata, "not whole"),
        (damaged, "damaged"),
        (lambda c: b"password: p\n", "not encrypted"),
        (lambda c: b'{"password": "' + CANARY.encode() + b'"}', "not encrypted"),
        (lambda c: b"\x00\xff\xfe", "not encrypted"),
    ],
    ids=["half", "almost-whole", "no-metadata", "damaged", "plain", "plain-json", "binary"],
)
def test_a_file_that_is_not_what_it_was(checkout: Checkout, key: Key, change: Callable[[bytes], bytes], says: str) -> None:
    path = checkout.sealed("a.txt", CANARY, key)
    path.write_bytes(change(path.read_bytes()))
    error = checkout.fails("decrypt", path, "--out", checkout.home / "out", "--identity", key.file, code=3, says=[says])
    assert str(path) in error["message"]
    assert CANARY not in json.dumps(error)
    assert not (checkout.home / "out").exists()


def test_a_value_moved_inside_a_file(checkout: Checkout, key: Key) -> None:
    plain = checkout.write("a.json", '{"one": "1", "two": "2"}')
    path = checkout.service / "a.json.encrypted"
    # sops binds a value to its path, so what a MAC alone finds is a value that is gone.
    encrypted = json.loads(sops("-e", "--age", key.recipient, plain))
    del encrypted["two"]
    path.write_text(json.dumps(encrypted))
    checkout.fails("decrypt", path, "--out", checkout.home / "out", "--identity", key.file, code=3, says=["its MAC does not match"])
    path.write_bytes(tampered(sops("-e", "--age", key.recipient, plain)))
    checkout.fails("decrypt", path, "--out", checkout.home / "out", "--identity", key.file, code=3, says=["damaged"])


def test_somebody_elses_file(checkout: Checkout, key: Key, other: Key) -> None:
    path = checkout.sealed("a", "x", other)
    checkout.fails(
        "decrypt",
        path,
        "--out",
        checkout.home / "out",
        "--identity",
        key.file,
        code=3,
        says=[other.recipient, key.recipient, str(key.file)],
    )


def test_a_file_for_a_key_service_is_not_asked_about(checkout: Checkout, key: Key) -> None:
    """sops would ask the address that the file names; it is not even started."""
    path = checkout.sealed("a", "x", key)
    document = json.loads(path.read_bytes())
    document["sops"] |= {
        "age": None,
        "hc_vault": [{"vault_address": "http://127.0.0.1:1", "engine_path": "e", "key_name": "k", "enc": "x"}],
    }
    path.write_text(json.dumps(document))
    bare = checkout.home / "bare"
    bare.write_text("AGE-SECRET-KEY-PQ-1ABC\n")  # one that does not tell its recipient
    for identity_file in (key.file, bare):
        ran = checkout.run("decrypt", path, "--out", checkout.home / "out", "--identity", identity_file, "-v")
        assert ran.code == 3
        assert "no age recipient but hc-vault-transit http://127.0.0.1:1/v1/e/keys/k" in ran.err
        assert "run:" not in ran.err


def test_files_that_cannot_be_in_a_secret(checkout: Checkout, key: Key, tmp_path: Path) -> None:
    checkout.sealed("good", "x", key)
    (checkout.service / "folder").mkdir()
    (checkout.service / "out").symlink_to(tmp_path)
    (tmp_path / "outside").write_text("x")
    (checkout.service / "leads-out").symlink_to(tmp_path / "outside")
    (checkout.service / "nowhere").symlink_to(tmp_path / "nothing")
    os.mkfifo(checkout.service / "pipe")
    checkout.write("empty", "")
    checkout.write("with space", "x")
    checkout.write("good", "twice")
    (checkout.service / ".hidden").write_text("left alone")
    ran = checkout.run("check", "test4", "--identity", key.file, "-o", "json")
    assert ran.code == 3
    errors = {Path(f["file"]).name: f["message"] for f in ran.document["findings"] if f["level"] == "error"}
    expected = {
        "folder": "a directory",
        "out": "a symbolic link out of the folder",
        "leads-out": "a symbolic link out of the folder",
        "nowhere": "a symbolic link to nothing",
        "pipe": "neither a file",
        "empty": "empty",
        "with space": "cannot be a key of a Secret",
        "good.encrypted": "the same key good as good",
    }
    assert {name: expected[name] in message for name, message in errors.items()} == dict.fromkeys(expected, True)


def test_a_link_within_the_folder_is_a_file(checkout: Checkout, key: Key) -> None:
    path = checkout.sealed("a", "x", key)
    (checkout.service / "b.encrypted").symlink_to(path.name)
    assert dict(read_bundle("newdqmgui", checkout.root, identity(key)).files) == {"a": b"x", "b": b"x"}


def test_a_service_that_leads_out_of_the_checkout(checkout: Checkout, key: Key, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (checkout.root / "linked").symlink_to(tmp_path / "elsewhere")
    for service, says in (("linked", "out of the checkout"), ("../x", "not the name of a service"), ("none", "has no folder none")):
        checkout.fails("check", "test4", "--service", service, "--identity", key.file, code=3, says=[says])


def test_more_than_a_secret_may_hold(checkout: Checkout, key: Key) -> None:
    limit = 1024 * 1024
    checkout.fails("encrypt", checkout.write("a", b"x" * (limit + 1)), "--recipient", key.recipient, code=3, says=["1 MiB"])
    checkout.sealed("a", b"x" * (limit - 1), key)
    assert set(read_bundle("newdqmgui", checkout.root, identity(key)).files) == {"a"}
    checkout.sealed("b", b"yz", key)
    with pytest.raises(BundleTooLarge):
        read_bundle("newdqmgui", checkout.root, identity(key))
    ran = checkout.run("check", "test4", "--identity", key.file)
    assert ran.code == 3
    assert "more than a Secret may hold" in ran.err


def test_an_empty_plaintext_is_refused_like_an_empty_file(checkout: Checkout, key: Key) -> None:
    """As of an encryption that was fed by a command that failed."""
    path = checkout.service / "a.encrypted"
    path.write_bytes(sops("encrypt", "--age", key.recipient, "--filename-override", "x", input=b""))
    checkout.sealed("b", "x", key)
    with pytest.raises(FileRefused) as caught:
        read_bundle("newdqmgui", checkout.root, identity(key))
    assert (caught.value.exit_code, [problem.file for problem in caught.value.problems]) == (3, [str(path)])
    ran = checkout.run("check", "test4", "--identity", key.file)
    assert (ran.code, f"error: {path}: its plaintext is empty" in ran.err) == (3, True)
    checkout.ok("rotate", "--to", key.file, "--recipient", SOMEONE, "--identity", key.file)
    checkout.ok("edit", path, "--identity", key.file, env={"EDITOR": f"cp {key.file}", "XDG_RUNTIME_DIR": "/dev/shm"})
    assert checkout.opened("a", key) == key.file.read_bytes()


@pytest.mark.parametrize(("name", "content"), [("a.env", b"A=1\n"), ("a.ini", b"[x]\na = 1\n"), ("a.yaml", b"a: b\n"), ("a", b"x")])
def test_line_ends_that_git_has_changed(checkout: Checkout, key: Key, name: str, content: bytes) -> None:
    """sops reads CRLF in every form but dotenv: there the line, the cause and the way out are named, and that way works."""
    path = checkout.service / f"{name}.encrypted"
    path.write_bytes(sops("encrypt", "--age", key.recipient, "--filename-override", name, input=content).replace(b"\n", b"\r\n"))
    if name != "a.env":
        assert checkout.opened(name, key) == content
        return
    column = path.read_bytes().index(b"\r") + 1
    says = [f"{path}:1:{column}: the line ends in CRLF", "core.autocrlf", "*.encrypted -text"]
    error = checkout.fails("decrypt", path, "--out", checkout.home / "out", "--identity", key.file, code=3, says=says)
    ran = checkout.run("check", "test4", "--identity", key.file)
    assert (ran.code, f"error: {says[0]}" in ran.err) == (3, True)
    with pytest.raises(FilesNotDecryptable) as caught:
        read_bundle("newdqmgui", checkout.root, identity(key))
    assert [str(problem)[: len(says[0])] for problem in caught.value.problems] == [says[0]]
    subprocess.run(["/bin/sh", "-c", error["message"].rpartition("then: ")[2]], check=True)
    assert checkout.opened(name, key) == content


def test_every_file_that_does_not_decrypt_is_named_at_once(checkout: Checkout, key: Key, other: Key) -> None:
    checkout.sealed("good", "x", key)
    for name in ("bad1", "bad2"):
        checkout.sealed(name, CANARY, other)
    with pytest.raises(FilesNotDecryptable) as caught:
        read_bundle("newdqmgui", checkout.root, identity(key))
    assert [Path(problem.file).name for problem in caught.value.problems] == ["bad1.encrypted", "bad2.encrypted"]
    assert CANARY not in str(caught.value.problems)


def test_a_bundle_does_not_show_what_is_in_it(checkout: Checkout, key: Key) -> None:
    checkout.sealed("a", CANARY, key)
    bundle = read_bundle("newdqmgui", checkout.root, identity(key))
    assert bundle.files["a"] == CANARY.encode()
    assert repr(bundle) == "Bundle(a)"
    assert key.secret not in repr(identity(key))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\xef\xbb\xbftext", "byte order mark"),
        (b"a\r\nb\r\n", "Windows line ends"),
        ("text".encode("utf-16"), "UTF-16"),
    ],
    ids=["bom", "crlf", "utf-16"],
)
def test_text_that_would_surprise_is_warned_about(checkout: Checkout, key: Key, content: bytes, says: str) -> None:
    ran = checkout.ok("encrypt", checkout.write("a.txt", content), "--recipient", key.recipient, "--remove")
    assert says in ran.err
    assert checkout.opened("a.txt", key) == content
    ran = checkout.ok("check", "test4", "--identity", key.file)
    assert says in ran.err


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a", None, "not there"),
        ("a", b"", "empty"),
        ("a.encrypted", b"x", "encrypted already"),
        ("a.json", b"{'no': json}", "a.json:1:2: the file is named .json and is not JSON"),
        ("a.json", b"\xff", "not JSON in UTF-8"),
    ],
)
def test_what_is_not_encrypted(checkout: Checkout, key: Key, name: str, content: bytes | None, says: str) -> None:
    path = checkout.service / name
    if content is not None:
        path.write_bytes(content)
    checkout.fails("encrypt", path, "--recipient", key.recipient, code=3, says=[says])
    assert [p.name for p in checkout.service.iterdir()] == ([name] if content is not None else [])


def test_one_bad_file_keeps_all_from_being_encrypted(checkout: Checkout, key: Key) -> None:
    good, bad = checkout.write("good", "x"), checkout.write("bad.json", "x")
    checkout.fails("encrypt", good, bad, "--recipient", key.recipient, "--remove", code=3)
    assert sorted(p.name for p in checkout.service.iterdir()) == ["bad.json", "good"]


def test_what_is_encrypted_is_not_encrypted_twice(checkout: Checkout, key: Key) -> None:
    path = checkout.sealed("a", "x", key)
    path.rename(checkout.service / "a")
    checkout.fails("encrypt", checkout.service / "a", "--recipient", key.recipient, code=3, says=["encrypted by sops already"])


def test_nobody_to_encrypt_for(checkout: Checkout) -> None:
    checkout.fails("encrypt", checkout.write("a", "x"), code=3, says=["--recipient"])


@pytest.mark.parametrize("recipient", ["age1wrong", "ssh-ed25519 AAAA", "age1plugin1qqqq", "AGE-SECRET-KEY-1XYZ", "x"])
def test_what_is_no_recipient(checkout: Checkout, recipient: str) -> None:
    error = checkout.fails("encrypt", checkout.write("a", "x"), "--recipient", recipient, code=3)
    assert "AGE-SECRET-KEY" not in json.dumps(error)
    assert not (checkout.service / "a.encrypted").exists()


def test_files_for_different_people_do_not_say_whom_a_new_one_is_for(checkout: Checkout, key: Key, other: Key) -> None:
    checkout.sealed("a", "x", key)
    checkout.sealed("b", "x", other)
    checkout.fails("encrypt", checkout.write("c", "x"), code=3, says=["different recipients", key.recipient])
    (checkout.service / "b.encrypted").unlink()
    checkout.fails("encrypt", checkout.write("c", "x"), "--identity", other.file, code=3, says=[key.recipient, other.recipient])


def test_a_folder_that_cannot_be_written(checkout: Checkout, key: Key) -> None:
    if os.geteuid() == 0:
        pytest.skip("root writes everywhere")
    plain = checkout.write("a", "x")
    checkout.service.chmod(stat.S_IRUSR | stat.S_IXUSR)
    checkout.fails("encrypt", plain, "--recipient", key.recipient, code=3, says=["cannot be written"])
    checkout.service.chmod(0o700)


@pytest.mark.parametrize(("version", "says"), [("3.9.4", "is 3.9.4"), ("", "there is no sops")])
def test_sops_missing_or_too_old(checkout: Checkout, key: Key, tmp_path: Path, version: str, says: str) -> None:
    path = checkout.sealed("a", "x", key)
    tool("sops")
    folder = tmp_path / "bin"
    folder.mkdir()
    if version:
        (folder / "sops").write_text(f"#!/bin/sh\necho sops {version}\n")
        (folder / "sops").chmod(0o755)
    env = {"PATH": str(folder), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    for arguments in (
        ("decrypt", path, "--out", tmp_path / "out", "--identity", key.file),
        ("check", "test4", "--identity", key.file),
        ("rotate", "--to", key.file),
        ("encrypt", checkout.write("new", "x"), "--recipient", key.recipient),
    ):
        checkout.fails(*arguments, code=3, says=["sops >= 3.10", says, "helmtool tools install"], env=env)


def test_no_checkout(checkout: Checkout, key: Key, tmp_path: Path) -> None:
    checkout.fails("check", "test4", "--identity", key.file, code=3, says=["--services-config"], env={"HELMTOOL_SERVICES_CONFIG": ""})
    checkout.fails("check", "test4", "--services-config", tmp_path / "no", "--identity", key.file, code=3, says=["is not there"])
    checkout.fails("check", "test5", "--identity", key.file, code=3, says=["test5"])
