"""What `secrets check` says of keytabs, certificates, permissions, and of what git has in the clear."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from certificates import pem
from checkout import CANARY, Checkout, Key
from kerberos import Database


@pytest.fixture(scope="session")
def kerberos(tmp_path_factory: pytest.TempPathFactory) -> Database:
    made = Database(tmp_path_factory.mktemp("kerberos") / "db")
    made.make()
    return made


def check(checkout: Checkout, key: Key, *arguments: str, code: int = 0) -> dict[str, Any]:
    ran = checkout.run("check", "test4", "--identity", key.file, *arguments, "-o", "json")
    assert ran.code == code, ran
    document: dict[str, Any] = ran.document
    return document


def findings(document: dict[str, Any], level: str) -> dict[str, str]:
    return {Path(f["file"]).name: f["message"] for f in document["findings"] if f["level"] == level}


@pytest.fixture
def repository(checkout: Checkout, key: Key) -> Checkout:
    """A checkout in which all is well."""
    checkout.git("init", "-q")
    checkout.sealed("a.txt", CANARY, key)
    checkout.git("add", "-A")
    checkout.git("commit", "-qm", "a")
    return checkout


def test_all_is_well(repository: Checkout, key: Key) -> None:
    document = check(repository, key)
    assert (document["ok"], document["findings"]) == (True, [])
    assert document["files"][0]["recipients"] == [key.recipient]
    text = repository.ok("check", "test4", "--identity", key.file)
    assert "a.txt  data" in text.text
    assert "0 errors, 0 warnings" in text.err
    assert CANARY not in text.all


def test_a_keytab_is_shown_without_its_keys(checkout: Checkout, key: Key, kerberos: Database) -> None:
    file = kerberos.keytab("dqm/host.example.org", "dqm.keytab")
    kerberos.keytab("dqm/host.example.org", "dqm.keytab")
    content = file.read_bytes()
    checkout.sealed("dqm.keytab", content, key)
    shown = check(checkout, key)["files"][0]["content"]
    assert shown["kind"] == "keytab"
    rows = {(row["principal"], row["version"], row["encryption"]) for row in shown["keys"]}
    words = [line.split() for line in kerberos.klist(file).splitlines() if line.strip()[:1].isdigit()]
    assert rows == {(word[3], int(word[0]), word[4].strip("()")) for word in words}
    assert len(rows) == 4
    assert all(abs(datetime.now(UTC) - datetime.fromisoformat(row["written"])) < timedelta(hours=1) for row in shown["keys"])
    text = checkout.run("check", "test4", "--identity", key.file)
    assert "dqm/host.example.org@DQM.TEST, key version 3, aes256-cts-hmac-sha1-96" in text.text
    for start in range(0, len(content) - 16, 16):
        assert content[start : start + 16].hex() not in text.all


@pytest.mark.parametrize(
    "change", [lambda c: c[:-5], lambda c: b"\x05\x01" + c[2:], lambda c: b"\x07\x05\x02 nothing of the kind", lambda c: c[:2]]
)
def test_a_keytab_that_is_none(checkout: Checkout, key: Key, kerberos: Database, tmp_path: Path, change: Any) -> None:
    content = kerberos.keytab("dqm/other", f"{tmp_path.name}.keytab").read_bytes()
    checkout.sealed("dqm.keytab", change(content), key)
    message = findings(check(checkout, key, code=3), "error")["dqm.keytab.encrypted"]
    assert "keytab" in message or "old format" in message


def test_a_weak_key_is_warned_about(checkout: Checkout, key: Key, kerberos: Database) -> None:
    file = kerberos.keytab("dqm/weak", "weak.keytab", "arcfour-hmac:normal")
    checkout.sealed("weak.keytab", file.read_bytes(), key)
    assert "arcfour-hmac" in findings(check(checkout, key), "warning")["weak.keytab.encrypted"]


@pytest.mark.parametrize(
    ("days", "arguments", "level", "says"),
    [
        (100.5, [], None, ""),
        (10.5, [], "warning", "expires in 10 days"),
        (0.5, [], "warning", "expires in 0 days"),
        (10.5, ["--warn-days", "10"], None, ""),
        (40.5, ["--warn-days", "60"], "warning", "expires in 40 days"),
        (-2.5, [], "error", "expired on"),
    ],
)
def test_how_long_a_certificate_lasts(
    checkout: Checkout, key: Key, days: float, arguments: list[str], level: str | None, says: str
) -> None:
    checkout.sealed("robot.pem", pem("robot", days=days), key)
    document = check(checkout, key, *arguments, code=3 if level == "error" else 0)
    content = document["files"][0]["content"]
    assert (content["kind"], content["subject"]) == ("certificate", "CN=robot,O=DQM")
    of_it = [f for f in document["findings"] if f["file"].endswith("robot.pem.encrypted")]
    assert [f["level"] for f in of_it] == ([level] if level else [])
    assert not level or says in of_it[0]["message"]


def test_a_proxy_lasts_as_long_as_the_shortest_part_of_its_chain(checkout: Checkout, key: Key) -> None:
    proxy = pem("robot", "1234", days=90.5, proxy=True)
    checkout.sealed("proxy", proxy + pem("robot", days=5.5, with_key=False), key)
    document = check(checkout, key)
    assert document["files"][0]["content"]["kind"] == "proxy"
    assert "CN=1234" in document["files"][0]["content"]["subject"]
    assert "expires in 5 days" in findings(document, "warning")["proxy.encrypted"]
    text = checkout.ok("check", "test4", "--identity", key.file)
    assert "CN=1234,CN=robot,O=DQM" in text.text
    assert "PRIVATE" not in text.all


def test_one_that_is_not_valid_yet(checkout: Checkout, key: Key) -> None:
    checkout.sealed("robot.pem", pem("robot", days=50, begins=5), key)
    assert "not valid before" in findings(check(checkout, key, code=3), "error")["robot.pem.encrypted"]


def test_a_certificate_that_is_none(checkout: Checkout, key: Key) -> None:
    checkout.sealed("robot.pem", f"-----BEGIN CERTIFICATE-----\n{CANARY}\n-----END CERTIFICATE-----\n", key)
    checkout.sealed("cut.pem", pem("robot", days=9)[:100], key)
    document = check(checkout, key, code=3)
    assert "cannot be read" in findings(document, "error")["robot.pem.encrypted"]
    assert "no end" in findings(document, "error")["cut.pem.encrypted"]
    assert CANARY not in str(document)


def test_a_file_that_somebody_cannot_open(checkout: Checkout, key: Key, other: Key) -> None:
    checkout.ok("encrypt", checkout.write("a", "1"), "--recipient", key.recipient, "--recipient", other.recipient, "--remove")
    checkout.sealed("b", "2", key)
    message = findings(check(checkout, key, code=3), "error")
    assert message == {"b.encrypted": f"not for the recipient {other.recipient}, as other files are"}
    (checkout.service / "b.encrypted").unlink()
    check(checkout, key)
    third = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
    assert "as expected" in findings(check(checkout, key, "--recipient", third, code=3), "error")["a.encrypted"]


def test_each_key_of_an_identity_is_tried(checkout: Checkout, key: Key, other: Key) -> None:
    """A stanza for the second key that does not open is found, though the first one opens the file."""
    path = checkout.sealed("a", "1", key)
    both = checkout.home / "both"
    both.write_text(key.file.read_text() + other.file.read_text())
    path.write_bytes(path.read_bytes().replace(b'"age": [', f'"age": [{{"recipient": "{other.recipient}", "enc": "x"}},'.encode(), 1))
    ran = checkout.run("check", "test4", "--identity", both)
    assert ran.code == 3


def test_permissions(repository: Checkout, key: Key) -> None:
    (repository.service / "a.txt.encrypted").chmod(0o666)
    repository.write("settings", "x=1").chmod(0o640)
    (repository.root / ".gitignore").write_text("settings\n")
    document = check(repository, key)
    assert "everybody may write" in findings(document, "warning")["a.txt.encrypted"]
    messages = [f["message"] for f in document["findings"] if f["file"].endswith("/settings")]
    assert any("others may read" in message for message in messages)
    assert any("git ignores it" in message for message in messages)


def test_what_git_would_commit_in_the_clear(repository: Checkout, key: Key) -> None:
    repository.write("new", "setting = 1")
    assert "git would commit it as it is" in findings(check(repository, key, code=3), "error")["new"]
    repository.git("add", "-A")
    assert "git would commit it as it is" in findings(check(repository, key, code=3), "error")["new"]
    repository.git("commit", "-qm", "settings")
    repository.service.joinpath("new").chmod(0o600)
    assert "wrong for a secret" in findings(check(repository, key), "warning")["new"]


@pytest.mark.parametrize("same", [True, False])
def test_plaintext_in_the_history_of_git(repository: Checkout, key: Key, same: bool) -> None:
    """On another branch, deleted since; under its own name, or with today's content under any."""
    repository.git("switch", "-qc", "mistake")
    repository.write("elsewhere" if same else "a.txt", CANARY if same else "older")
    repository.git("add", "-A")
    repository.git("commit", "-qm", "oops")
    repository.git("rm", "-q", str(repository.service / ("elsewhere" if same else "a.txt")))
    repository.git("commit", "-qm", "gone")
    repository.git("switch", "-q", "main")
    message = findings(check(repository, key, code=3), "error")["a.txt.encrypted"]
    assert ("its plaintext of today, as newdqmgui/elsewhere" if same else "an older plaintext, as newdqmgui/a.txt") in message
    assert "change the secret itself" in message


@pytest.mark.parametrize("variables", [("GIT_DIR",), ("GIT_DIR", "GIT_WORK_TREE"), ("GIT_DIR", "GIT_INDEX_FILE"), ("GIT_WORK_TREE",)])
def test_the_history_is_the_checkouts_own_under_a_git_of_another(repository: Checkout, key: Key, variables: tuple[str, ...]) -> None:
    other = repository.home / "other"
    repository.git("init", "-q", str(other))
    repository.write("b", CANARY)
    repository.git("add", "-A")
    repository.git("commit", "-qm", "oops")
    expected = check(repository, key, code=3)
    ends = {"GIT_DIR": ".git", "GIT_INDEX_FILE": ".git/index"}
    repository.variables = {name: str(other / ends.get(name, "")) for name in variables}
    assert check(repository, key, code=3) == expected
    assert "of today, as newdqmgui/b" in findings(expected, "error")["a.txt.encrypted"]


def test_a_plaintext_that_is_a_link_out_of_the_checkout_now(repository: Checkout, key: Key) -> None:
    repository.write("a.txt", "older")
    repository.git("add", "-A")
    repository.git("commit", "-qm", "oops")
    (repository.home / "elsewhere").write_text("older")
    (repository.service / "a.txt").unlink()
    (repository.service / "a.txt").symlink_to(repository.home / "elsewhere")
    assert "an older plaintext, as newdqmgui/a.txt" in findings(check(repository, key, code=3), "error")["a.txt.encrypted"]


def test_a_file_that_is_announced_to_git_is_one_that_it_would_commit(repository: Checkout, key: Key) -> None:
    repository.write("new", "setting = 1")
    repository.git("add", "-N", "newdqmgui/new")
    assert "git would commit it as it is" in findings(check(repository, key, code=3), "error")["new"]


def test_plaintext_that_is_only_staged_or_only_in_the_reflog(repository: Checkout, key: Key) -> None:
    repository.write("b", CANARY)
    repository.git("add", "-A")
    repository.service.joinpath("b").unlink()
    assert "of today, as newdqmgui/b" in findings(check(repository, key, code=3), "error")["a.txt.encrypted"]
    repository.git("commit", "-qm", "oops")
    repository.git("reset", "-q", "--hard", "HEAD~1")
    assert "of today, as newdqmgui/b" in findings(check(repository, key, code=3), "error")["a.txt.encrypted"]


def test_a_checkout_that_is_no_repository(checkout: Checkout, key: Key) -> None:
    checkout.sealed("a", "x", key)
    assert "not in git" in findings(check(checkout, key), "warning")["newdqmgui"]


def test_a_value_in_the_clear_inside_an_encrypted_file(checkout: Checkout, key: Key) -> None:
    from checkout import sops

    content = sops("encrypt", "--age", key.recipient, "--filename-override", "x.json", input=b'{"a": "b", "c_unencrypted": "d"}')
    (checkout.service / "x.json.encrypted").write_bytes(content)
    assert "a value in it is not encrypted" in findings(check(checkout, key, code=3), "error")["x.json.encrypted"]
