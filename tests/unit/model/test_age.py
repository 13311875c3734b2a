"""Identities and recipients of age: what is one, and what is refused without being quoted."""

from __future__ import annotations

import pytest

from helmtool.model.age import IdentityInvalid, RecipientInvalid, parse_identity, parse_recipient, recipient_of

# Of the CCTV test vectors of age: a key that is public knowledge.
SECRET = "AGE-SECRET-KEY-1XMWWC06LY3EE5RYTXM9MFLAZ2U56JJJ36S0MYPDRWSVLUL66MV4QX3S7F6"
RECIPIENT = "age1xmwwc06ly3ee5rytxm9mflaz2u56jjj36s0mypdrwsvlul66mv4q47ryef"


def test_an_identity_with_comments() -> None:
    identity = parse_identity(f"# created: today\n# public key: age1other\n\n{SECRET}\r\n", "f")
    assert identity.keys == (SECRET,)
    assert identity.recipients == (recipient_of(SECRET),)
    assert identity.opens == {recipient_of(SECRET)}
    assert SECRET not in repr(identity)


def test_a_key_that_stands_twice_is_one() -> None:
    assert len(parse_identity(f"{SECRET}\n{SECRET} {SECRET}\n", "f").keys) == 1


def test_a_post_quantum_key_is_believed_by_its_comment() -> None:
    bare = parse_identity("AGE-SECRET-KEY-PQ-1ABC\n", "f")
    assert bare.recipients == ()
    assert bare.opens is None
    told = parse_identity(f"# public key: age1pq1abc\nAGE-SECRET-KEY-PQ-1ABC\n{SECRET}\n", "f")
    assert told.recipients == ("age1pq1abc", recipient_of(SECRET))
    assert told.opens == {"age1pq1abc", recipient_of(SECRET)}
    assert parse_identity("# public key: age1pq1abc\nAGE-SECRET-KEY-PQ-1ABC\nAGE-SECRET-KEY-PQ-1DEF", "f").opens is None


@pytest.mark.parametrize("text", ["", "# nothing\n", "word", SECRET[:-1], SECRET[:-1] + "Z", SECRET + "Q", "AGE-SECRET-KEY-1", "age1abc"])
def test_what_is_no_identity(text: str) -> None:
    with pytest.raises(IdentityInvalid) as caught:
        parse_identity(text, "file")
    assert "file" in caught.value.message
    assert caught.value.hint
    assert not text or text[-8:] not in caught.value.message or text.startswith("#")


def test_recipients() -> None:
    recipient = recipient_of(SECRET)
    assert recipient.startswith("age1")
    assert parse_recipient(f" {recipient}\n") == recipient


def test_an_ssh_key_is_a_recipient_without_its_comment() -> None:
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIH/cb53wF8FM6TIefPMsWGuVqfPazx0AAsaJ4c0hdLce"
    assert parse_recipient(f"{key} someone@example.org, at home\n") == key
    for wrong in (key[:-1], key.replace("ed25519", "rsa"), "ssh-ed25519 ", "ssh-dss AAAA", "ecdsa-sha2-nistp256 AAAA"):
        with pytest.raises(RecipientInvalid):
            parse_recipient(wrong)


@pytest.mark.parametrize("text", ["", "age1", "age1abc", RECIPIENT[:-1], RECIPIENT[:-1] + "q", RECIPIENT.upper(), "age1yubikey1q", SECRET])
def test_what_is_no_recipient(text: str) -> None:
    with pytest.raises(RecipientInvalid) as caught:
        parse_recipient(text)
    assert SECRET not in caught.value.message
