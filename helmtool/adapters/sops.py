"""sops, the program: encrypts, decrypts, edits and rotates files in memory. Nothing else starts it.

Content goes in over stdin and comes back over stdout, except for an edit, which sops makes of a file: there it is in a folder in
memory. The identity goes in by environment, which has nothing else in it: no home, so no other key is found, no PATH, so no plugin
of age and no gpg is started, no credentials of a cloud.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import shlex
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

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


class Opened(NamedTuple):
    """The plaintext of a file, and the form in which sops keeps it: binary also for a `.json` file that was encrypted so."""

    plain: bytes
    form: Form


class Sops:
    """sops with one identity, or with none: that is enough to encrypt. Making one raises ToolMissing where there is no fitting sops."""

    def __init__(self, identity: Identity | None = None) -> None:
        self._identity = identity
        self._program = toolbox.find("sops")

    @property
    def _keys(self) -> str:
        return "\n".join(self._identity.keys) if self._identity else ""

    def decrypt(self, content: bytes, path: Path) -> bytes:
        """The plaintext of an encrypted file's content; `path` names it in messages, and its name tells JSON from binary.

        Raises WrongIdentity, NotEncrypted, Damaged, ToolMissing.
        """
        return self.open(content, path).plain

    def open(self, content: bytes, path: Path) -> Opened:
        """Decrypts, and also returns the form. Raises as `decrypt`."""
        envelope = self._readable(content, path)
        try:
            plain = self._run(["decrypt", *_types(envelope.form)], content, envelope)
        except Damaged:
            if envelope.form is Form.DOTENV:  # the only form in which sops does not read CRLF
                _require_line_ends(content, path)
            raise
        inner = _inner_document(plain) if envelope.form is Form.JSON else None
        return Opened(plain, envelope.form) if inner is None else Opened(inner, Form.BINARY)

    def edit(self, content: bytes, path: Path, edited: bytes, form: Form, folder: Path) -> bytes:
        """The encrypted file with another plaintext: `sops edit` keeps the data key, and with it recipients and key groups of every kind.

        `folder` is one in memory, which the caller removes. The editor is `mv`, which succeeds only once: sops starts the editor again and
        again while its result is not of the `form`. Raises WrongIdentity, NotEncrypted, Damaged, InvalidInput, ToolMissing.
        """
        envelope = self._readable(content, path)
        room = Path(tempfile.mkdtemp(dir=folder))
        file, wanted = room / "file", room / "edited"
        file.write_bytes(content)
        wanted.write_bytes(edited)
        variables = {"EDITOR": shlex.join(["/bin/mv", str(wanted)]), "TMPDIR": str(room), "SOPS_AGE_KEY_FILE": "/dev/stdin"}
        with _in_memory(self._keys) as identity:
            self._run(["edit", *_types(form), str(file)], identity, envelope, variables)
        return file.read_bytes()

    def rotate(self, content: bytes, path: Path, add: Sequence[str], remove: Sequence[str]) -> bytes:
        """The encrypted file with a new data key, for age recipients that are added and no longer for those that are removed.

        Raises WrongIdentity, NotEncrypted, Damaged, RecipientInvalid, InvalidInput, ToolMissing.
        """
        envelope = self._readable(content, path)
        changes = [word for option, keys in (("--add-age", add), ("--rm-age", remove)) if keys for word in (option, ",".join(keys))]
        return self._run(["rotate", *_types(envelope.form), *changes, "/dev/stdin"], content, envelope)

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

    def _readable(self, content: bytes, path: Path) -> Envelope:
        """The metadata of a file that the identity can open. Raises WrongIdentity, NotEncrypted and Damaged.

        Checked before sops starts: for a file of somebody else sops would query the key services that the file names.
        """
        envelope = read_envelope(content, path.name.removesuffix(".encrypted"))
        opens = self._identity.opens if self._identity else frozenset()
        if opens is None:  # any of the age keys may belong to the identity
            opens = frozenset(str(one) for one in envelope.key_groups.recipients if one.is_age_key)
        if envelope.key_groups.opened_by(opens) < envelope.key_groups.threshold:
            self._not_for_us(envelope)
        return envelope

    def _not_for_us(self, envelope: Envelope) -> NoReturn:
        ours = ", ".join(self._identity.recipients) if self._identity else "none"
        source = self._identity.source if self._identity else "no identity"
        no_age = "" if any(one.kind == "age" for one in envelope.key_groups.recipients) else "no age recipient but "
        raise WrongIdentity(
            f"it is for {no_age}{envelope.key_groups}; {source} is {ours or 'another'}",
            hint="--identity FILE gives another identity",
        )

    def _run(
        self, arguments: Sequence[str], content: bytes | int, envelope: Envelope | None, variables: Mapping[str, str] | None = None
    ) -> bytes:
        """What sops prints. `content` is its standard input, or a descriptor of the identity, which is not in the environment then."""
        given = {"input": content} if isinstance(content, bytes) else {"stdin": content}
        secrets = {"SOPS_AGE_KEY": self._keys} if envelope and "input" in given else {}
        try:
            done = process.run(
                [str(self._program), "--config", EMPTY_CONFIG, *arguments],
                env=NO_NETWORK | dict(variables or {}),
                secrets=secrets,
                cwd=Path("/"),
                timeout=TIMEOUT,
                **given,
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


def _inner_document(plain: bytes) -> bytes | None:
    """The content of a `.json` file that was encrypted as binary: sops keeps that as one text under `data`. Else None."""
    document = json.loads(plain)
    if set(document) == {"data"} and looks_like_json(document["data"]):
        return str(document["data"]).encode()
    return None


def _require_line_ends(content: bytes, path: Path) -> None:
    """Raises Damaged with the first line that ends in CRLF."""
    before, found, _ = content.partition(b"\r\n")
    if found:
        raise Damaged(
            "the line ends in CRLF, which sops cannot read: git has changed the line ends (core.autocrlf). Put the line "
            f"`*.encrypted -text` into .gitattributes, then: sed -i 's/\\r$//' {path}",
            hint="git config --show-origin core.autocrlf",
            line=before.count(b"\n") + 1,
            column=len(before) - before.rfind(b"\n"),
        )


@contextlib.contextmanager
def _in_memory(text: str) -> Iterator[int]:
    """The descriptor of an anonymous file in memory. As `/dev/stdin` it can be read several times, which a pipe cannot.

    The identity of an edit is passed this way, because the editor would inherit a variable.
    """
    descriptor, content = os.memfd_create("identity"), text.encode()
    try:
        os.ftruncate(descriptor, len(content))
        with mmap.mmap(descriptor, len(content)) as memory:
            memory[:] = content
        yield descriptor
    finally:
        os.close(descriptor)
