"""OpenPGP keys for signed charts, made by gpg in a folder of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PASSPHRASE = "correct-horse-battery"


@dataclass(frozen=True)
class Keys:
    """A plain key and a locked one, exported as Helm reads them, and the public keys of both."""

    folder: Path

    @property
    def plain(self) -> Path:
        return self.folder / "plain.gpg"

    @property
    def locked(self) -> Path:
        return self.folder / "locked.gpg"

    @property
    def public(self) -> Path:
        return self.folder / "public.gpg"

    def make(self, home: Path) -> Keys:
        for name, passphrase in (("plain", ""), ("locked", PASSPHRASE)):
            with_passphrase = ("--batch", "--pinentry-mode", "loopback", "--passphrase", passphrase)
            _gpg(home, *with_passphrase, "--quick-gen-key", f"{name} <{name}@example.org>", "ed25519", "sign", "never")
            (self.folder / f"{name}.gpg").write_bytes(_gpg(home, *with_passphrase, "--export-secret-keys", f"{name}@example.org"))
        self.public.write_bytes(_gpg(home, "--export"))
        return self


def _gpg(home: Path, *arguments: str) -> bytes:
    variables = {**os.environ, "GNUPGHOME": str(home)}
    return subprocess.run(["gpg", *arguments], env=variables, capture_output=True, check=True, timeout=120).stdout


def made_keys(folder: Path) -> Iterator[Keys]:
    """The keys; gpg's own agent ends with its home, whose path must be short for its socket."""
    if not shutil.which("gpg"):
        missing = "the program gpg is missing: apt-get install gpg gpg-agent"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    home = Path(tempfile.mkdtemp(prefix="gpg-", dir="/tmp"))
    try:
        yield Keys(folder).make(home)
    finally:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False, capture_output=True)
        shutil.rmtree(home, ignore_errors=True)
