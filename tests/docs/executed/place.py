"""Where a page is tried: a clean copy of the checkout, a home, and the programs that the page calls by their names."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from blocks import CHECKOUT

from helmtool.adapters import toolbox

PROGRAMS = ("helm", "kubectl", "age-keygen", "sops")
PATHS = "/usr/local/bin:/usr/bin:/bin"
INDEX = ("PIP_", "UV_", "SSL_CERT_", "REQUESTS_CA_BUNDLE", "HTTPS_PROXY", "https_proxy")
"""Variables by which a machine says where its packages come from."""
IGNORED = (".venv", "/services_config", "/dqm-keys.txt", "/home")


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false", "-c", "init.defaultBranch=main")
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


def copy_checkout(into: Path) -> Path:
    """The files of this checkout that git has or would take, as the one commit of a repository."""
    listed = subprocess.run(["git", "ls-files", "-coz", "--exclude-standard"], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        if (CHECKOUT / name).is_file():
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, into / name)
    git(into, "init", "-q")
    (into / ".git/info/exclude").write_text("\n".join(IGNORED) + "\n")
    git(into, "add", "-A")
    git(into, "commit", "-qm", "the checkout")
    for name in ("requirements/dev.txt", "pyproject.toml"):
        os.utime(into / name, (0, 0))  # make must never take the shared .venv for old, and make it anew
    (into / ".venv").symlink_to(sys.prefix)
    return into


@dataclass
class Place:
    """A folder with the copy of the checkout, a home and a bin; `variables` is all that a shell there has."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def checkout(self) -> Path:
        return self.folder / "checkout"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def bin(self) -> Path:
        return self.folder / "bin"

    def make(self, template: Path, state_home: Path) -> Place:
        """Makes it, from a copy of the checkout that is there already."""
        shutil.copytree(template, self.checkout, symlinks=True)
        for folder in (self.home / ".config", self.bin):
            folder.mkdir(parents=True)
        (self.bin / "helmtool").symlink_to(Path(sys.executable).parent / "helmtool")
        for program in PROGRAMS:
            (self.bin / program).symlink_to(toolbox.find(program))
        for name in ("python3", "python3.11"):  # the one that this suite runs in is new enough, whatever the system's is
            self.program(name, f'exec {sys.base_prefix}/bin/python3 "$@"')
        self.variables |= {
            "PATH": f"{self.bin}:{PATHS}",
            "HOME": str(self.home),
            "XDG_STATE_HOME": str(state_home),
            "XDG_CONFIG_HOME": str(self.home / ".config"),
            "XDG_CACHE_HOME": str(toolbox.cache_home()),
            "LANG": "C.UTF-8",
            "PYTHONUTF8": "1",
            "GIT_AUTHOR_NAME": "t",
            "GIT_AUTHOR_EMAIL": "t@example.org",
            "GIT_COMMITTER_NAME": "t",
            "GIT_COMMITTER_EMAIL": "t@example.org",
        }
        return self

    def program(self, name: str, script: str) -> None:
        """Puts a program of its own on PATH."""
        file = self.bin / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    def know_index(self) -> None:
        """Lets pip find packages where this machine's owner finds them."""
        self.variables |= {name: value for name, value in os.environ.items() if name.startswith(INDEX)}
        self.variables["PIP_NO_COMPILE"] = "1"  # most of what an installation takes
        own = Path.home() / ".config/pip"
        if own.is_dir():
            shutil.copytree(own, self.home / ".config/pip")
