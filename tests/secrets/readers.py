"""Keys of every kind, files that sops itself encrypts for them, and what sops says of a file: who opens it, and who is in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checkout import PATHS, Key, make_key, need, tool

MADE = "2026-01-01T00:00:00Z"
KMS: dict[str, tuple[dict[str, str], str]] = {
    "kms": ({"arn": "arn:aws:kms:eu-west-1:000000000000:key/1", "role": "arn:aws:iam::0:role/r", "aws_profile": ""}, "kms arn:aws:kms:"),
    "gcp_kms": (
        {"resource_id": "projects/p/locations/l/keyRings/r/cryptoKeys/k"},
        "gcp-kms projects/p/locations/l/keyRings/r/cryptoKeys/k",
    ),
    "azure_kv": ({"vault_url": "https://v.vault.azure.net", "name": "n", "version": "1"}, "azure-kv https://v.vault.azure.net/keys/n/1"),
    "hckms": ({"key_id": "eu-west-1:00000000-0000-0000-0000-000000000001"}, "hckms eu-west-1:00000000-0000-0000-0000-000000000001"),
    "hc_vault": (
        {"vault_address": "http://127.0.0.1:9", "engine_path": "transit", "key_name": "k"},
        "hc-vault-transit http://127.0.0.1:9/v1/transit/keys/k",
    ),
}
"""Recipients whose services are not reached, as sops writes them, and how they are shown."""
PLUGIN = "age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t"
"""A recipient of an age plugin that is not installed (of age's own tests)."""


@dataclass(frozen=True)
class Readers:
    """Two age keys, an SSH key and a key of gpg in a home of its own."""

    a: Key
    b: Key
    both: Path
    ssh_file: Path
    ssh: str
    gpg_home: Path
    pgp: str

    @property
    def variables(self) -> dict[str, dict[str, str]]:
        """For each way to open a file, the variables by which sops finds the key."""
        return {
            "a": {"SOPS_AGE_KEY_FILE": str(self.a.file)},
            "b": {"SOPS_AGE_KEY_FILE": str(self.b.file)},
            "a+b": {"SOPS_AGE_KEY_FILE": str(self.both)},
            "ssh": {"SOPS_AGE_SSH_PRIVATE_KEY_FILE": str(self.ssh_file)},
            "pgp": {"GNUPGHOME": str(self.gpg_home)},
        }

    def opened_by(self, path: Path, plain: bytes) -> set[str]:
        """Who opens the file and finds that plaintext, by sops itself."""
        arguments = ("decrypt", "--input-type", "binary", "--output-type", "binary", str(path))
        return {name for name, variables in self.variables.items() if self.sops(*arguments, env=variables).stdout == plain}

    def sops(self, *arguments: str, env: Mapping[str, str], input: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        """sops as a person calls it, with no key but those that are named."""
        variables = {
            "PATH": PATHS,
            "HOME": "/nonexistent",
            "GNUPGHOME": "/nonexistent",
            "AWS_EC2_METADATA_DISABLED": "true",
            "VAULT_MAX_RETRIES": "0",
            **env,
        }
        return subprocess.run([tool("sops"), *arguments], env=variables, input=input, capture_output=True, timeout=60)

    def encrypted(self, kind: str, path: Path, plain: bytes) -> Path:
        """A file that sops has encrypted for recipients of that kind."""
        age, pgp = ["--age", f"{self.a.recipient}"], ["--pgp", self.pgp]
        recipients = {
            "age": age,
            "two age": ["--age", f"{self.a.recipient},{self.b.recipient}"],
            "age + PGP": [*age, *pgp],
            "age + SSH": ["--age", f"{self.a.recipient},{self.ssh}"],
            "shamir": [],
            "shamir + PGP": [],
            "shamir + hc_vault": [],
        }
        config = path.parent / ".rules.yaml"
        config.write_text(json.dumps({"creation_rules": [{"shamir_threshold": 2, "key_groups": self._groups(kind)}]}))
        where = ["--config", str(config if kind.startswith("shamir") else os.devnull)]
        types = ["--filename-override", "x", "--input-type", "binary", "--output-type", "json"]
        done = self.sops(*where, "encrypt", *recipients.get(kind, age), *types, env={"GNUPGHOME": str(self.gpg_home)}, input=plain)
        assert done.returncode == 0, done.stderr
        path.write_bytes(_with_unreachable(kind, done.stdout))
        config.unlink()
        return path

    def _groups(self, kind: str) -> list[dict[str, list[str]]]:
        groups = [{"age": [self.a.recipient]}, {"age": [self.b.recipient]}]
        return [*groups, {"pgp": [self.pgp]}] if kind == "shamir + PGP" else groups


def _with_unreachable(kind: str, content: bytes) -> bytes:
    """The file with one more recipient, whose program or service is not here; the MAC is of the values alone."""
    document = json.loads(content)
    name = kind.removeprefix("age + ")
    if kind == "shamir + hc_vault":
        document["sops"]["key_groups"].append({"hc_vault": [{**KMS["hc_vault"][0], "created_at": MADE, "enc": "eA=="}]})
    if name in KMS:
        document["sops"][name] = [{**KMS[name][0], "created_at": MADE, "enc": "eA=="}]
    if name == "plugin":
        document["sops"]["age"].append({"recipient": PLUGIN, "enc": document["sops"]["age"][0]["enc"]})
    return json.dumps(document).encode()


def metadata(path: Path) -> Any:
    """What sops keeps of recipients, groups and threshold, with the encrypted data keys, and without what is empty."""
    found = json.loads(path.read_bytes())["sops"]
    changes = ("mac", "lastmodified", "version", "unencrypted_suffix")  # the last is sops' default, which it writes from the second time on
    return _filled({name: value for name, value in found.items() if name not in changes})


def _filled(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _filled(inner) for name, inner in value.items() if inner not in (None, "", [])}
    return [_filled(inner) for inner in value] if isinstance(value, list) else value


def made_readers(folder: Path) -> Iterator[Readers]:
    """The keys; gpg's agent ends with its home, whose path must be short for its socket."""
    gpg, ssh_keygen = need("gpg", "ssh-keygen")
    a, b = make_key(folder / "a.txt"), make_key(folder / "b.txt")
    (folder / "ab.txt").write_text(a.file.read_text() + b.file.read_text())
    subprocess.run([ssh_keygen, "-q", "-t", "ed25519", "-N", "", "-C", "a comment", "-f", folder / "ssh"], check=True)
    home = Path(tempfile.mkdtemp(prefix="gpg-", dir="/tmp"))
    quietly = [gpg, "--homedir", str(home), "--batch", "--quiet", "--passphrase", ""]
    try:
        subprocess.run([*quietly, "--quick-generate-key", "t@example.org", "ed25519", "cert", "never"], check=True, capture_output=True)
        listed = subprocess.run([*quietly, "--list-keys", "--with-colons"], check=True, capture_output=True, text=True).stdout
        fingerprint = next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr:"))
        subprocess.run([*quietly, "--quick-add-key", fingerprint, "cv25519", "encr", "never"], check=True, capture_output=True)
        public = " ".join((folder / "ssh.pub").read_text().split()[:2])
        yield Readers(a, b, folder / "ab.txt", folder / "ssh", public, home, fingerprint)
    finally:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False, capture_output=True)
        shutil.rmtree(home, ignore_errors=True)
