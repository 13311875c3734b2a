"""Where the age identity is from, and which ones are refused."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from checkout import Checkout, Key, make_key, tool


def test_a_file_with_several_keys_tries_all(checkout: Checkout, key: Key, other: Key, tmp_path: Path) -> None:
    checkout.sealed("a", "1", key)
    checkout.sealed("b", "2", other)
    both = tmp_path / "both"
    both.write_text(f"# two\n\n{other.file.read_text()}\n{key.file.read_text()}")
    for name, content in (("a", b"1"), ("b", b"2")):
        path = checkout.service / f"{name}.encrypted"
        assert checkout.ok("decrypt", path, "--out", "-", "--identity", both).out == content


def test_the_variables_of_sops(checkout: Checkout, key: Key, other: Key) -> None:
    path = checkout.sealed("a", "x", key)
    for env in (
        {"SOPS_AGE_KEY": key.secret},
        {"SOPS_AGE_KEY": key.file.read_text()},
        {"SOPS_AGE_KEY_FILE": str(key.file)},
        {"SOPS_AGE_KEY": key.secret, "SOPS_AGE_KEY_FILE": "/nonexistent"},
    ):
        assert checkout.ok("decrypt", path, "--out", "-", env=env).out == b"x"
    wrong = {"SOPS_AGE_KEY": other.secret}
    assert checkout.ok("decrypt", path, "--out", "-", "--identity", key.file, env=wrong).out == b"x"
    checkout.fails("decrypt", path, "--out", checkout.home / "o", code=3, says=["SOPS_AGE_KEY", other.recipient], env=wrong)


def test_an_identity_through_a_pipe(checkout: Checkout, key: Key) -> None:
    path = checkout.sealed("a", "x", key)
    command = " ".join(checkout.argv("decrypt", path, "--out", "-", "--identity", "/dev/stdin"))
    done = subprocess.run(["/bin/bash", "-c", f"cat {key.file} | {command}"], env=checkout.environment, capture_output=True, check=True)
    assert done.stdout == b"x"


def test_no_stray_key_is_used(checkout: Checkout, key: Key, other: Key) -> None:
    """A keys.txt where sops looks by itself opens nothing that the chosen identity does not, and none is asked for."""
    path = checkout.sealed("a", "x", key)
    stray = checkout.home / ".config" / "sops" / "age" / "keys.txt"
    stray.parent.mkdir(parents=True)
    stray.write_text(key.file.read_text())
    checkout.fails("decrypt", path, "--out", checkout.home / "o", code=3, says=["no age identity"])
    checkout.fails("decrypt", path, "--out", checkout.home / "o", "--identity", other.file, code=3, says=[key.recipient])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no age identity in it"),
        (b"# public key: age1xyz\n", "no age identity in it"),
        (b"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\n", ":1: not an age identity"),
        (b"# c\nsecret-of-another-kind\n", ":2: not an age identity"),
        (b"age-encryption.org/v1\n-> scrypt x 18\n", "protected by a passphrase"),
        (b"-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n", "protected by a passphrase"),
        (b"age-encryption.org/v1\n-> scrypt \xff\xfe", "passphrase"),
        (None, "cannot be read"),
    ],
)
def test_identities_that_are_refused(checkout: Checkout, key: Key, tmp_path: Path, content: bytes | None, says: str) -> None:
    path = checkout.sealed("a", "x", key)
    file = tmp_path / "identity"
    if content is not None:
        file.write_bytes(content)
    error = checkout.fails("decrypt", path, "--out", checkout.home / "o", "--identity", file, code=3, says=[says, str(file)])
    assert "secret-of-another-kind" not in str(error)


def test_an_identity_with_a_letter_too_few(checkout: Checkout, key: Key, tmp_path: Path) -> None:
    path = checkout.sealed("a", "x", key)
    file = tmp_path / "identity"
    for broken in (key.secret[:-1], key.secret[:-1] + ("Q" if key.secret[-1] != "Q" else "P")):
        file.write_text(broken)
        error = checkout.fails("decrypt", path, "--out", checkout.home / "o", "--identity", file, code=3, says=["not whole"])
        assert broken[15:] not in str(error)


def test_a_post_quantum_key(checkout: Checkout, tmp_path: Path) -> None:
    file = tmp_path / "pq"
    done = subprocess.run([tool("age-keygen"), "-pq", "-o", file], capture_output=True, text=True)
    if done.returncode:
        pytest.skip("an older age-keygen makes none")
    recipient = subprocess.run([tool("age-keygen"), "-y", file], capture_output=True, text=True, check=True).stdout.strip()
    path = checkout.sealed("a", "x", Key(file, recipient))
    assert checkout.ok("decrypt", path, "--out", "-", "--identity", file).out == b"x"
    bare = tmp_path / "bare"
    bare.write_text(file.read_text().splitlines()[-1])
    assert checkout.ok("decrypt", path, "--out", "-", "--identity", bare).out == b"x"


def test_recipients_are_computed_as_age_does(tmp_path: Path) -> None:
    from helmtool.model.age import recipient_of

    for number in range(20):
        key = make_key(tmp_path / str(number))
        assert recipient_of(key.secret) == key.recipient
