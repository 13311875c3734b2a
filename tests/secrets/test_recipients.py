"""Recipients of every kind, key groups and thresholds: each command keeps them or refuses, and sops itself is the judge."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from checkout import PATHS, Checkout, Key, make_key, tool
from readers import KMS, PLUGIN, Readers, made_readers, metadata

PLAIN = b"the plaintext\n"
OPENED = {
    "age": {"a", "a+b"},
    "two age": {"a", "b", "a+b"},
    "age + PGP": {"a", "a+b", "pgp"},
    "age + SSH": {"a", "a+b", "ssh"},
    "shamir": {"a+b"},
    "shamir + PGP": {"a+b"},
    "shamir + hc_vault": {"a+b"},
    "age + plugin": {"a", "a+b"},
    **{f"age + {kind}": {"a", "a+b"} for kind in KMS},
}
"""Who opens a file of that kind."""
KINDS = tuple(OPENED)
AGE_ALONE = ("age", "two age")


@pytest.fixture(scope="session")
def readers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Readers]:
    yield from made_readers(tmp_path_factory.mktemp("readers"))


@pytest.fixture
def memory(checkout: Checkout) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="helmtool test ") as folder:
        checkout.variables["XDG_RUNTIME_DIR"] = folder
        yield Path(folder)


def shown(readers: Readers, kind: str) -> list[str]:
    """The recipients of a file of that kind, as helmtool shows them."""
    others = {
        "two age": readers.b.recipient,
        "shamir": readers.b.recipient,
        "shamir + PGP": readers.b.recipient,
        "shamir + hc_vault": readers.b.recipient,
        "age + SSH": readers.ssh,
        "age + PGP": f"pgp {readers.pgp}",
        "age + plugin": PLUGIN,
        **{f"age + {name}": text for name, (_, text) in KMS.items()},
    }
    more = {"shamir + PGP": [f"pgp {readers.pgp}"], "shamir + hc_vault": [KMS["hc_vault"][1]]}.get(kind, [])
    return [readers.a.recipient, *([others[kind]] if kind in others else []), *more]


def edit(checkout: Checkout, path: Path, identity: Path, script: str, **more: Any) -> Any:
    editor = checkout.home / "editor"
    editor.write_text(f"#!/bin/sh\n{script}\n")
    editor.chmod(0o755)
    return checkout.run("edit", path, "--identity", identity, env={"EDITOR": str(editor)}, **more)


@pytest.mark.parametrize("kind", KINDS)
def test_an_edit_keeps_everyone(checkout: Checkout, readers: Readers, memory: Path, kind: str) -> None:
    """Data key, recipients, key groups and threshold, of kinds that cannot be reached here too."""
    path = readers.encrypted(kind, checkout.service / "a.encrypted", PLAIN)
    before, old = metadata(path), path.read_bytes()
    assert readers.opened_by(path, PLAIN) == OPENED[kind]
    ran = edit(checkout, path, readers.both, 'echo more >> "$1"')
    assert (ran.code, ran.text) == (0, f"{path}: changed and encrypted\n"), ran
    assert readers.opened_by(path, PLAIN + b"more\n") == OPENED[kind]
    assert metadata(path) == before
    assert path.read_bytes() != old
    assert not list(memory.iterdir())


@pytest.mark.parametrize("kind", KINDS)
def test_a_rotation_replaces_age_keys_and_refuses_the_rest(checkout: Checkout, readers: Readers, other: Key, kind: str) -> None:
    path = readers.encrypted(kind, checkout.service / "a.encrypted", PLAIN)
    before = path.read_bytes()
    arguments = ("rotate", "--to", other.file, "--identity", readers.both)
    if kind in AGE_ALONE:
        assert f"no longer for {', '.join(sorted(shown(readers, kind)))}" in checkout.ok(*arguments).err
        assert readers.opened_by(path, PLAIN) == set()
        assert checkout.opened("a", other) == PLAIN
        return
    command = "sops updatekeys" if kind.startswith("shamir") else "sops rotate --in-place"
    error = checkout.fails(*arguments, code=3, says=[*shown(readers, kind)[1:], "nothing was changed", command, str(path)])
    assert error["code"] == "recipients-not-kept"
    assert path.read_bytes() == before


@pytest.mark.parametrize("kind", ["age + PGP", "age + SSH", "shamir", "age + hc_vault", "age + kms", "age + plugin"])
def test_a_rotation_to_the_present_age_key_sees_the_others(checkout: Checkout, readers: Readers, kind: str) -> None:
    path = readers.encrypted(kind, checkout.service / "a.encrypted", PLAIN)
    to = readers.both if kind == "shamir" else readers.a.file
    checkout.fails("rotate", "--to", to, "--identity", readers.both, code=3, says=[str(path), shown(readers, kind)[1]])


def as_said(hint: str, readers: Readers, *commands: str) -> None:
    """Runs the command of sops that a refusal prints, up to its own remarks."""
    command = re.split(" keeps them| removes them", hint[hint.index("sops ") :])[0]
    words = shlex.split(command)
    assert [*words[: len(commands)]] == [*commands], hint
    env = {"PATH": PATHS, "HOME": "/nonexistent", "GNUPGHOME": str(readers.gpg_home), "SOPS_AGE_KEY_FILE": str(readers.both)}
    subprocess.run([tool("sops"), *words[1:]], check=True, env=env, cwd="/", capture_output=True)


def test_the_command_of_a_refused_rotation_keeps_a_pgp_key(checkout: Checkout, readers: Readers, other: Key) -> None:
    path = readers.encrypted("age + PGP", checkout.service / "a.encrypted", PLAIN)
    error = checkout.fails("rotate", "--to", other.file, "--identity", readers.a.file, code=3)
    as_said(error["hint"], readers, "sops", "rotate", "--in-place")
    assert readers.opened_by(path, PLAIN) == {"pgp"}
    assert checkout.opened("a", other) == PLAIN


def test_the_other_command_of_a_refused_rotation_removes_it(checkout: Checkout, readers: Readers, other: Key) -> None:
    path = readers.encrypted("age + PGP", checkout.service / "a.encrypted", PLAIN)
    error = checkout.fails("rotate", "--to", other.file, "--identity", readers.a.file, code=3)
    as_said(error["hint"].partition("keeps them; ")[2], readers, "sops", "rotate", "--in-place", "--rm-pgp")
    assert readers.opened_by(path, PLAIN) == {"a", "a+b"}
    checkout.ok("rotate", "--to", other.file, "--identity", readers.a.file)


def test_the_command_of_a_refused_rotation_removes_an_ssh_key(checkout: Checkout, readers: Readers, other: Key) -> None:
    path = readers.encrypted("age + SSH", checkout.service / "a.encrypted", PLAIN)
    says = [f"--recipient '{readers.ssh}' keeps them"]
    error = checkout.fails("rotate", "--to", other.file, "--identity", readers.a.file, code=3, says=says)
    as_said(error["hint"], readers, "sops", "rotate", "--in-place")
    assert readers.opened_by(path, PLAIN) == {"a", "a+b"}
    checkout.ok("rotate", "--to", other.file, "--identity", readers.a.file)
    assert checkout.opened("a", other) == PLAIN


def test_a_rotation_keeps_an_ssh_key_that_is_named(checkout: Checkout, readers: Readers, other: Key) -> None:
    path = readers.encrypted("age + SSH", checkout.service / "a.encrypted", PLAIN)
    checkout.ok("rotate", "--to", other.file, "--identity", readers.a.file, "--recipient", f"{readers.ssh} with a comment")
    assert readers.opened_by(path, PLAIN) == {"ssh"}
    assert checkout.opened("a", other) == PLAIN
    again = checkout.ok("rotate", "--to", other.file, "--recipient", readers.ssh, "-o", "json")
    assert again.document["replaced"] == []


def test_a_rotation_keeps_the_rules_of_a_file(checkout: Checkout, readers: Readers, other: Key) -> None:
    """What sops encrypts of it and what not, as an encryption anew would not."""
    path = checkout.service / "a.yaml.encrypted"
    arguments = ("encrypt", "--age", readers.a.recipient, "--encrypted-regex", "^password$", "--filename-override", "a.yaml")
    path.write_bytes(readers.sops("--config", os.devnull, *arguments, env={}, input=b"user: u\npassword: p # c\n").stdout)
    checkout.ok("rotate", "--to", other.file, "--identity", readers.a.file)
    assert path.read_text().startswith("user: u\npassword: ENC[")
    assert "encrypted_regex: ^password$" in path.read_text()
    assert checkout.opened("a.yaml", other) == b"user: u\npassword: p # c\n"


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_file_is_for_those_of_the_files_beside(checkout: Checkout, readers: Readers, kind: str) -> None:
    readers.encrypted(kind, checkout.service / "a.encrypted", PLAIN)
    new, target = checkout.write("b", PLAIN), checkout.service / "b.encrypted"
    arguments = ("encrypt", new, "--identity", readers.both)
    if kind in (*AGE_ALONE, "age + SSH"):
        done = checkout.ok(*arguments, "-o", "json").document["files"][0]
        assert done["recipients"] == sorted(shown(readers, kind))
        assert readers.opened_by(target, PLAIN) == OPENED[kind]
        return
    error = checkout.fails(*arguments, code=3, says=[str(new), *shown(readers, kind)[1:], "sops encrypt"])
    assert error["code"] == "recipients-not-kept"
    assert not target.exists()
    if kind == "age + PGP":
        as_said(error["hint"], readers, "sops", "encrypt", "--age")
        assert readers.opened_by(target, PLAIN) == OPENED[kind]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("asked", [True, False])
def test_a_file_that_is_there_loses_nobody(checkout: Checkout, readers: Readers, kind: str, asked: bool) -> None:
    path = readers.encrypted(kind, checkout.service / "a.encrypted", PLAIN)
    before, recipient = path.read_bytes(), ["--recipient", readers.a.recipient] if asked else []
    arguments = ("encrypt", checkout.write("a", b"newer\n"), "--identity", readers.both, *recipient)
    if kind in AGE_ALONE or (kind == "age + SSH" and not asked):
        ran = checkout.ok(*arguments)
        assert readers.opened_by(path, b"newer\n") == (OPENED["age"] if asked else OPENED[kind])
        assert (f"no longer for {readers.b.recipient}" in ran.err) == (asked and kind == "two age")
        return
    checkout.fails(*arguments, code=3, says=[str(path), *shown(readers, kind)[1:], f"helmtool secrets edit {path}"])
    assert path.read_bytes() == before


@pytest.mark.parametrize("kind", ["age + PGP", "shamir"])
def test_the_same_content_stays_as_it_is(checkout: Checkout, readers: Readers, kind: str) -> None:
    path = readers.encrypted(kind, checkout.service / "a.encrypted", PLAIN)
    before = path.read_bytes()
    done = checkout.ok("encrypt", checkout.write("a", PLAIN), "--identity", readers.both, "-o", "json").document["files"][0]
    assert (done["written"], done["recipients"]) == (False, shown(readers, kind))
    assert path.read_bytes() == before


@pytest.mark.parametrize("kind", KINDS)
def test_a_check_lists_everyone_and_opens_as_sops_does(checkout: Checkout, readers: Readers, kind: str) -> None:
    readers.encrypted(kind, checkout.service / "a.encrypted", PLAIN)
    document = checkout.ok("check", "test4", "--identity", readers.both, "-o", "json").document["files"][0]
    groups = 3 if kind.startswith("shamir +") else 2 if kind == "shamir" else 1
    assert (document["threshold"], len(document["keyGroups"])) == (min(groups, 2), groups)
    assert [one for group in document["keyGroups"] for one in group] == document["recipients"]
    assert len(document["recipients"]) == len(shown(readers, kind))
    text = checkout.ok("check", "test4", "--identity", readers.both).text
    for wanted in shown(readers, kind):
        assert any(found.startswith(wanted) for found in document["recipients"]), (wanted, document)
        assert wanted in text
    if kind.startswith("shamir"):
        assert f"a (2 of {groups} key groups needed)" in text
        ran = checkout.run("check", "test4", "--identity", readers.a.file)
        assert (ran.code, "2 of" in ran.err, "key groups together" in ran.err) == (3, True, True)


def test_a_check_compares_recipients_of_every_kind(checkout: Checkout, readers: Readers) -> None:
    readers.encrypted("age + PGP", checkout.service / "a.encrypted", PLAIN)
    readers.encrypted("age", checkout.service / "b.encrypted", PLAIN)
    ran = checkout.run("check", "test4", "--identity", readers.a.file)
    assert ran.code == 3
    assert f"b.encrypted: not for the recipient pgp {readers.pgp}, as other files are" in ran.err
    assert re.search(rf"^{readers.a.recipient} +all$", ran.text, re.MULTILINE)
    assert re.search(rf"^pgp {readers.pgp} +a$", ran.text, re.MULTILINE)


def test_a_check_finds_a_file_that_has_lost_its_threshold(checkout: Checkout, readers: Readers) -> None:
    readers.encrypted("shamir", checkout.service / "a.encrypted", PLAIN)
    readers.encrypted("two age", checkout.service / "b.encrypted", PLAIN)
    ran = checkout.run("check", "test4", "--identity", readers.both)
    assert ran.code == 3
    assert "b.encrypted: any one of its keys opens it, other files need 2 key groups" in ran.err


@pytest.mark.parametrize(
    ("form", "content"), [("yaml", b"a: b\n"), ("json", b'{"a": "b"}'), ("dotenv", b"A=b\n"), ("ini", b"[x]\na = b\n")]
)
def test_every_form_tells_its_recipients(checkout: Checkout, readers: Readers, memory: Path, form: str, content: bytes) -> None:
    """And keeps them in an edit."""
    path = checkout.service / f"a.{form}.encrypted"
    types = ("--input-type", form, "--output-type", form)
    recipients = ("--age", f"{readers.a.recipient},{readers.ssh} someone@example.org", "--pgp", readers.pgp)
    env = {"GNUPGHOME": str(readers.gpg_home)}
    done = readers.sops("--config", os.devnull, "encrypt", *recipients, *types, "--filename-override", "x", env=env, input=content)
    path.write_bytes(done.stdout)
    found = checkout.ok("check", "test4", "--identity", readers.a.file, "-o", "json").document["files"][0]["recipients"]
    assert set(found) == {readers.a.recipient, readers.ssh, f"pgp {readers.pgp}"}
    assert edit(checkout, path, readers.a.file, 'sed -i s/b/c/ "$1"').code == 0
    for variables in (readers.variables["a"], readers.variables["ssh"], readers.variables["pgp"]):
        assert b"c" in readers.sops("decrypt", *types, str(path), env=variables).stdout


@pytest.mark.parametrize("kind", ["age", "age + PGP"])
def test_content_that_a_form_would_change(checkout: Checkout, readers: Readers, memory: Path, kind: str) -> None:
    """It becomes binary where helmtool can encrypt for everyone, and is refused elsewhere."""
    path = checkout.service / "a.yaml.encrypted"
    env, recipients = {"GNUPGHOME": str(readers.gpg_home)}, ["--pgp", readers.pgp] if "PGP" in kind else []
    arguments = ("encrypt", "--age", readers.a.recipient, *recipients, "--filename-override", "a.yaml")
    path.write_bytes(readers.sops("--config", os.devnull, *arguments, env=env, input=b"a: b\n").stdout)
    before = path.read_bytes()
    ran = edit(checkout, path, readers.a.file, 'echo "a:   1.0" > "$1"')
    if kind == "age":
        assert "now is as binary, which keeps every byte" in ran.err
        assert checkout.opened("a.yaml", readers.a) == b"a:   1.0\n"
        return
    assert (ran.code, path.read_bytes()) == (3, before)
    assert f"also for pgp {readers.pgp}" in ran.err
    assert f"sops edit --input-type yaml --output-type yaml {path}" in ran.err
    broken = edit(checkout, path, readers.a.file, 'echo "a: [" > "$1"')
    assert (broken.code, path.read_bytes()) == (3, before)


def test_the_editor_of_sops_gets_no_key(checkout: Checkout, readers: Readers, memory: Path, key: Key) -> None:
    """Three age keys, the last of which opens it: sops reads the identity once for each recipient."""
    third = make_key(checkout.home / "third")
    checkout.ok("encrypt", checkout.write("a", PLAIN), "--recipient", key.recipient, "--recipient", third.recipient, "--remove")
    path = checkout.service / "a.encrypted"
    assert edit(checkout, path, third.file, 'echo more >> "$1"').code == 0
    assert checkout.opened("a", key) == checkout.opened("a", third) == PLAIN + b"more\n"
