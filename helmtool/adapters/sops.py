"""sops, the program: encrypts and decrypts bytes in memory. Nothing else starts it.

Content goes in over stdin and comes back over stdout; the identity goes in by environment, which has nothing else in it:
no home, so no other key is found, no PATH, so no plugin of age is started, no credentials of a cloud.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from helmtool.adapters import process, toolbox
from helmtool.errors import HelmtoolError, InvalidInput, OperationFailed
from helmtool.model.age import Identity, parse_recipient
from helmtool.model.envelope import Damaged, Envelope, Form, form_for, looks_like_json, read_envelope

TIMEOUT = 60.0
"""Seconds for one file; it takes less than a tenth of one."""
EMPTY_CONFIG = "/dev/null"
MAC_MISMATCH, NO_KEY, TREE_DAMAGED = 51, 128, 25
"""Exit codes of sops (cmd/sops/codes)."""
NO_NETWORK = {"AWS_EC2_METADATA_DISABLED": "true", "SOPS_DISABLE_VERSION_CHECK": "true"}


class WrongIdentity(InvalidInput):
    """None of the identity's keys opens the file."""

    code = "wrong-identity"


class RecipientMissing(InvalidInput):
    """Nobody is named whom a file should be encrypted for."""

    code = "recipient-missing"


class Sops:
    """sops with one identity, or with none: that is enough to encrypt. Making one raises ToolMissing where there is no fitting sops."""

    def __init__(self, identity: Identity | None = None) -> None:
        self._identity = identity
        self._program = toolbox.find("sops")

    def decrypt(self, content: bytes, path: Path) -> bytes:
        """The plaintext of an encrypted file's content; `path` names it in messages, and its name tells JSON from binary.

        Raises WrongIdentity, NotEncrypted, Damaged, ToolMissing.
        """
        key = path.name.removesuffix(".encrypted")
        envelope = read_envelope(content, key)
        self._check_recipients(envelope)
        plain = self._run(["decrypt", *_types(envelope.form)], content, envelope)
        return _unwrapped(plain) if envelope.form is Form.JSON else plain

    def encrypt(self, plain: bytes, key: str, recipients: Sequence[str], form: Form | None = None) -> bytes:
        """The encrypted file for a plaintext, for every recipient; the form follows the key unless it is given.

        Raises RecipientMissing, RecipientInvalid, InvalidInput, ToolMissing.
        """
        if not recipients:
            raise RecipientMissing(f"{key}: nobody is named who could decrypt it", hint="--recipient age1…, or --identity FILE")
        checked = ",".join(dict.fromkeys(parse_recipient(recipient) for recipient in recipients))
        # The name is for sops' own rules, of which there are none; it is not the key, which may look like an option.
        arguments = ["encrypt", "--age", checked, "--filename-override", "/secret", *_types(form or form_for(plain, key))]
        return self._run(arguments, plain, None)

    def _check_recipients(self, envelope: Envelope) -> None:
        """Before sops is started: for a file of somebody else it would ask the key services of clouds that the file names."""
        opens = self._identity.opens if self._identity else frozenset()
        if not envelope.recipients:
            raise WrongIdentity("it is for no age recipient", hint="encrypt it again for the service's key: helmtool secrets encrypt")
        if opens is not None and not opens.intersection(envelope.recipients):
            self._not_for_us(envelope)

    def _not_for_us(self, envelope: Envelope) -> NoReturn:
        ours = ", ".join(self._identity.recipients) if self._identity else "none"
        source = self._identity.source if self._identity else "no identity"
        raise WrongIdentity(
            f"it is for {', '.join(envelope.recipients)}; {source} is {ours or 'another'}", hint="--identity FILE gives another identity"
        )

    def _run(self, arguments: Sequence[str], content: bytes, envelope: Envelope | None) -> bytes:
        secrets = {"SOPS_AGE_KEY": "\n".join(self._identity.keys)} if envelope and self._identity else {}
        try:
            done = process.run(
                [str(self._program), "--config", EMPTY_CONFIG, *arguments],
                input=content,
                env=NO_NETWORK,
                secrets=secrets,
                cwd=Path("/"),
                timeout=TIMEOUT,
            )
        except subprocess.TimeoutExpired:
            raise OperationFailed(
                f"sops did not end in {TIMEOUT:.0f} s", hint=f"{self._program} --version --disable-version-check"
            ) from None
        except OSError as error:
            raise OperationFailed(f"{self._program} cannot be started: {error.strerror}", hint="helmtool tools status") from None
        if done.returncode:
            raise self._error(done.returncode, envelope)
        return done.stdout

    def _error(self, code: int, envelope: Envelope | None) -> HelmtoolError:
        """What an exit code means. What sops printed is not quoted: its messages may quote a value."""
        if envelope is None:
            return InvalidInput(f"sops cannot encrypt it (it ended with {code})", hint="sops encrypt FILE says more, to you alone")
        if code == NO_KEY:
            self._not_for_us(envelope)
        if code == MAC_MISMATCH:
            return Damaged("changed since it was encrypted: its MAC does not match", hint="git log FILE; restore it from git")
        if code == TREE_DAMAGED:
            return Damaged("damaged: a value cannot be decrypted", hint="git log FILE; restore it from git")
        return Damaged(f"sops cannot decrypt it (it ended with {code})", hint="sops decrypt FILE says more, to you alone")


def _types(form: Form) -> list[str]:
    return ["--input-type", form.value, "--output-type", form.value]


def _unwrapped(plain: bytes) -> bytes:
    """The content of a `.json` file that was encrypted as binary: sops keeps that as one text under `data`."""
    document = json.loads(plain)
    if set(document) == {"data"} and looks_like_json(document["data"]):
        return str(document["data"]).encode()
    return plain
