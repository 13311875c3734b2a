"""Keytabs of a real Kerberos database; no server is needed to write them."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from checkout import PATHS, need

REALM = "DQM.TEST"


@dataclass
class Database:
    """A Kerberos database in a folder."""

    folder: Path

    def make(self) -> None:
        need("kadmin.local", "kdb5_util", "klist")
        self.folder.mkdir()
        (self.folder / "krb5.conf").write_text(f"[libdefaults]\n default_realm = {REALM}\n[realms]\n {REALM} = {{\n }}\n")
        (self.folder / "kdc.conf").write_text(
            f"[realms]\n {REALM} = {{\n  database_name = {self.folder}/principal\n  key_stash_file = {self.folder}/stash\n }}\n"
        )
        self.run("kdb5_util", "create", "-s", "-P", "master", "-r", REALM)

    def keytab(self, principal: str, name: str, kinds: str = "aes256-cts-hmac-sha1-96:normal,aes128-cts-hmac-sha1-96:normal") -> Path:
        file = self.folder / name
        self.run("kadmin.local", "-r", REALM, "-q", f"addprinc -randkey {principal}")
        self.run("kadmin.local", "-r", REALM, "-q", f"ktadd -k {file} -e {kinds} {principal}")
        return file

    def klist(self, file: Path) -> str:
        return self.run("klist", "-kte", str(file))

    def run(self, *command: str) -> str:
        env = {"KRB5_CONFIG": str(self.folder / "krb5.conf"), "KRB5_KDC_PROFILE": str(self.folder / "kdc.conf"), "PATH": PATHS, "TZ": "UTC"}
        done = subprocess.run(command, env={**os.environ, **env}, check=True, capture_output=True, text=True, timeout=60)
        return done.stdout
