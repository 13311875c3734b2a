"""With what a kubeconfig's user signs in, and until when."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from helmtool.adapters.account import Account, account_of
from helmtool.adapters.kubeconfig import Access, read_access

END = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)


def access(folder: Path, user: dict[str, Any]) -> Access:
    (folder / "config").write_text(
        yaml.safe_dump(
            {
                "current-context": "c",
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
                "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
                "users": [{"name": "u", "user": user}],
            }
        )
    )
    return read_access(str(folder / "config"))


def jwt(claims: Any) -> str:
    parts = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({"alg": "none"}, claims))
    return ".".join([*parts, "signature"])


def certificate() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ann")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    made = builder.not_valid_before(END - timedelta(days=1)).not_valid_after(END).sign(key, hashes.SHA256())
    from cryptography.hazmat.primitives.serialization import Encoding

    return made.public_bytes(Encoding.PEM)


def test_the_claim_of_a_token_says_its_end(tmp_path: Path) -> None:
    assert account_of(access(tmp_path, {"token": jwt({"exp": int(END.timestamp())})})) == Account("token", expires=END)


@pytest.mark.parametrize("token", ["opaque", "a.b.c", jwt({}), jwt([]), jwt({"exp": "soon"}), jwt({"exp": 10**30}), "..."])
def test_the_end_of_another_token_is_not_known(tmp_path: Path, token: str) -> None:
    assert account_of(access(tmp_path, {"token": token})) == Account("token")


def test_a_token_may_stand_in_a_file_beside_the_kubeconfig(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(jwt({"exp": int(END.timestamp())}) + "\n")
    assert account_of(access(tmp_path, {"tokenFile": "token"})) == Account("token", expires=END)


def test_a_certificate_in_the_kubeconfig_or_beside_it(tmp_path: Path) -> None:
    pem = certificate()
    (tmp_path / "ann.pem").write_bytes(pem)
    for user in ({"client-certificate-data": base64.b64encode(pem).decode()}, {"client-certificate": "ann.pem"}):
        assert account_of(access(tmp_path, {**user, "client-key": "ann.key"})) == Account("certificate", expires=END)


def test_a_plugin_says_until_when_its_token_holds(tmp_path: Path) -> None:
    said = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "t-0123456789", "expirationTimestamp": END.isoformat()},
    }
    (tmp_path / "answer").write_text(json.dumps(said))
    entry = {"apiVersion": said["apiVersion"], "command": "cat", "args": [str(tmp_path / "answer")], "interactiveMode": "Never"}
    assert account_of(access(tmp_path, {"exec": entry})) == Account("plugin", "cat", END)


@pytest.mark.parametrize("user", [{}, {"tokenFile": "nowhere"}, {"username": "ann", "password": "p"}])
def test_nothing_that_is_known(tmp_path: Path, user: dict[str, Any]) -> None:
    assert account_of(access(tmp_path, user)) == Account("none")


def test_a_certificate_that_is_none_has_no_end(tmp_path: Path) -> None:
    assert account_of(access(tmp_path, {"client-certificate-data": "aGVsbG8=", "client-key": "k"})) == Account("certificate")
