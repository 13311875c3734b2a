"""A services_config checkout with files that the real sops encrypted, and an age key of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from helmtool.adapters import toolbox

SERVICE = "newdqmgui"


@dataclass(frozen=True)
class Checkout:
    """The folder, and the file with the identity that opens what is in it."""

    folder: Path
    identity: Path
    recipient: str

    @property
    def options(self) -> tuple[str, ...]:
        """What a command is told of it."""
        return ("--services-config", str(self.folder), "--identity", str(self.identity))

    def put(self, files: Mapping[str, bytes]) -> None:
        """Makes these the files of the service, encrypted; no others."""
        home = self.folder / SERVICE
        home.mkdir(parents=True, exist_ok=True)
        for file in home.iterdir():
            file.unlink()
        for name, content in files.items():
            (home / f"{name}.encrypted").write_bytes(self.encrypt(content))

    def encrypt(self, content: bytes) -> bytes:
        argv = [str(toolbox.find("sops")), "--disable-version-check", "encrypt", "--age", self.recipient]
        argv += ["--input-type", "binary", "--output-type", "json", "/dev/stdin"]
        return subprocess.run(argv, input=content, capture_output=True, check=True, timeout=30).stdout


def make_checkout(folder: Path) -> Checkout:
    """A new checkout without files."""
    folder.mkdir(parents=True, exist_ok=True)
    identity = folder / "identity.txt"
    done = subprocess.run([str(toolbox.find("age-keygen")), "-o", str(identity)], capture_output=True, text=True, check=True, timeout=30)
    recipient = next(word for word in done.stderr.split() if word.startswith("age1"))
    (folder / "services_config" / SERVICE).mkdir(parents=True)
    return Checkout(folder / "services_config", identity, recipient)
