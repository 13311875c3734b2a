"""A real Kerberos realm on an address of this machine."""

from __future__ import annotations

import os
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pod import PATH, wait_for

REALM = "DQM.TEST"


@dataclass
class Realm:
    """A Kerberos realm in a folder, served on loopback unless another address is named."""

    folder: Path
    port: int
    address: str = "127.0.0.1"
    kdc: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        return {"KRB5_CONFIG": str(self.folder / "krb5.conf"), "KRB5_KDC_PROFILE": str(self.folder / "kdc.conf")}

    def make(self) -> None:
        (self.folder / "krb5.conf").write_text(
            f"[libdefaults]\n default_realm = {REALM}\n dns_lookup_kdc = false\n rdns = false\n"
            f"[realms]\n {REALM} = {{\n  kdc = {self.address}:{self.port}\n }}\n"
        )
        (self.folder / "kdc.conf").write_text(
            f"[kdcdefaults]\n kdc_listen = {self.address}:{self.port}\n kdc_tcp_listen = {self.address}:{self.port}\n"
            f"[realms]\n {REALM} = {{\n  database_name = {self.folder}/principal\n  key_stash_file = {self.folder}/stash\n"
            f"  acl_file = {self.folder}/acl\n }}\n[logging]\n kdc = FILE:{self.folder}/kdc.log\n"
        )
        self._run("kdb5_util", "create", "-s", "-P", "master", "-r", REALM)
        self.start()

    def start(self) -> None:
        self.kdc = subprocess.Popen(["krb5kdc", "-n"], env={**os.environ, "PATH": PATH, **self.environment}, stdout=subprocess.DEVNULL)
        wait_for("the KDC listens", self._listens)

    def stop(self) -> None:
        if self.kdc:
            self.kdc.terminate()
            self.kdc.wait(timeout=10)
            self.kdc = None

    @property
    def log(self) -> str:
        return (self.folder / "kdc.log").read_text()

    def admin(self, query: str) -> None:
        self._run("kadmin.local", "-r", REALM, "-q", query)

    def keytab(self, principal: str, file: Path) -> Path:
        """Adds the principal's key to a keytab; the first time this makes the principal, and each time a new key."""
        self.admin(f"addprinc -randkey {principal}")
        self.admin(f"ktadd -k {file} {principal}")
        return file

    def _listens(self) -> bool:
        with socket.socket() as client:
            return client.connect_ex((self.address, self.port)) == 0

    def _run(self, *command: str) -> None:
        subprocess.run(command, env={**os.environ, "PATH": PATH, **self.environment}, check=True, capture_output=True, timeout=30)
