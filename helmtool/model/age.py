"""Keys of age: identities (private) as age-keygen writes them, and recipients (public), each checked before sops sees it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from helmtool.errors import InvalidInput

PRIVATE, PRIVATE_PQ = "AGE-SECRET-KEY-", "AGE-SECRET-KEY-PQ-"
PUBLIC, PUBLIC_PQ = "age", "age1pq"
SSH = ("ssh-ed25519 ", "ssh-rsa ")
"""What SSH keys begin with that age encrypts for."""
KEY_BYTES = 32
_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_PROTECTED = ("age-encryption.org/v1", "-----BEGIN AGE ENCRYPTED FILE-----")
_COMMENT = re.compile(r"#\s*public key:\s*(age1[0-9a-z]+)\s*$")


class IdentityInvalid(InvalidInput):
    """What should be an age identity is none, or one that cannot be used here."""

    code = "identity-invalid"


class RecipientInvalid(InvalidInput):
    """What should be an age recipient is none."""

    code = "recipient-invalid"


@dataclass(frozen=True, slots=True)
class Identity:
    """One or more private keys, all of which are tried, and where they are from. Its repr shows no key.

    `recipients` are the public keys that are known: of a post-quantum key only where a comment tells it.
    """

    keys: tuple[str, ...] = field(repr=False)
    source: str
    recipients: tuple[str, ...] = ()

    @property
    def opens(self) -> frozenset[str] | None:
        """The recipients whose files it surely opens; None where a key does not tell its recipient."""
        return frozenset(self.recipients) if len(self.recipients) == len(self.keys) else None


def parse_identity(text: str, source: str) -> Identity:
    """The keys of a file of age-keygen: one a line, comments and empty lines between. Raises IdentityInvalid, which quotes no line."""
    if text.lstrip().startswith(_PROTECTED):
        raise IdentityInvalid(
            f"{source}: the age identity is protected by a passphrase, and nobody is asked for one here",
            hint='export SOPS_AGE_KEY="$(age --decrypt FILE)", then the same command again',
        )
    keys, public = [], []
    for number, line in enumerate(text.lstrip("\ufeff").splitlines(), 1):
        comment = _COMMENT.match(line.strip())
        if comment:
            public.append(comment.group(1))
        for word in [] if line.strip().startswith("#") else line.split():
            keys.append(_private(word, f"{source}:{number}"))
    if not keys:
        raise IdentityInvalid(
            f"{source}: no age identity in it, expected a line that begins with {PRIVATE}1", hint="age-keygen makes one: age-keygen -o FILE"
        )
    ordered = tuple(dict.fromkeys(keys))
    return Identity(ordered, source, _recipients(ordered, public))


def _private(word: str, where: str) -> str:
    hint = "age-keygen -y FILE tells whether it is whole"
    if word.startswith(PRIVATE_PQ):
        return word
    if not word.startswith(PRIVATE):
        raise IdentityInvalid(f"{where}: not an age identity, expected {PRIVATE}1…", hint=hint)
    if len(_bech32(word.lower(), PRIVATE.lower()) or b"") != KEY_BYTES:
        raise IdentityInvalid(f"{where}: the age identity is not whole, its checksum is wrong", hint=hint)
    return word


def _recipients(keys: Sequence[str], comments: Sequence[str]) -> tuple[str, ...]:
    """The recipients in the order of the keys, computed from them; of post-quantum ones the comments are believed, if all have one."""
    told = [comment for comment in comments if comment.startswith(PUBLIC_PQ)]
    of_them = iter(told if len(told) == sum(key.startswith(PRIVATE_PQ) for key in keys) else ())
    found = [next(of_them, None) if key.startswith(PRIVATE_PQ) else recipient_of(key) for key in keys]
    return tuple(recipient for recipient in found if recipient)


def recipient_of(key: str) -> str:
    """The recipient of an X25519 identity (https://age-encryption.org/v1, section X25519)."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    private = X25519PrivateKey.from_private_bytes(_bech32(key.lower(), PRIVATE.lower()) or b"")
    return _to_bech32(PUBLIC, private.public_key().public_bytes_raw())


def parse_recipient(text: str) -> str:
    """A recipient of age, or an SSH key without its comment, checked. Raises RecipientInvalid, also for a plugin's: age would start it."""
    word = text.strip()
    if word.startswith(SSH):
        return _ssh_key(word)
    if word.upper().startswith(PRIVATE):
        raise RecipientInvalid("a private key was given where a recipient (age1…) belongs", hint="age-keygen -y FILE prints its recipient")
    if word.startswith(f"{PUBLIC_PQ}1") and re.fullmatch(r"[0-9a-z]+", word):
        return word
    if len(_bech32(word, PUBLIC) or b"") != KEY_BYTES:
        raise RecipientInvalid(f"`{word[:80]}` is not an age recipient (age1…), or not a whole one", hint="age-keygen -y FILE prints it")
    return word


def _ssh_key(text: str) -> str:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    key = " ".join(text.split()[:2])
    try:
        load_ssh_public_key(key.encode())
    except (ValueError, UnsupportedAlgorithm):
        what = f"`{key[:80]}` is not an SSH public key, or not a whole one"
        raise RecipientInvalid(what, hint="ssh-keygen -y -f FILE prints it") from None
    return key


def _checksum(prefix: str, values: Sequence[int]) -> int:
    """The polynomial of bech32 (BIP 173)."""
    check = 1
    for value in [*(ord(c) >> 5 for c in prefix), 0, *(ord(c) & 31 for c in prefix), *values]:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for i, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> i & 1 else 0
    return check


def _bech32(text: str, prefix: str) -> bytes | None:
    """The bytes of a bech32 text with that prefix; nothing where it is not one."""
    head, _, tail = text.rpartition("1")
    if head != prefix or len(tail) < 6 or any(c not in _ALPHABET for c in tail):
        return None
    values = [_ALPHABET.index(c) for c in tail]
    if _checksum(prefix, values) != 1:
        return None
    bits = "".join(f"{value:05b}" for value in values[:-6])
    return bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits) - 7, 8))


def _to_bech32(prefix: str, data: bytes) -> str:
    bits = "".join(f"{byte:08b}" for byte in data)
    values = [int(bits[i : i + 5].ljust(5, "0"), 2) for i in range(0, len(bits), 5)]
    check = _checksum(prefix, [*values, *[0] * 6]) ^ 1
    return prefix + "1" + "".join(_ALPHABET[v] for v in [*values, *(check >> 5 * (5 - i) & 31 for i in range(6))])
