"""Certificates of the recording server and of its clients, made once for all combinations."""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOSTS = ("localhost", "api.field.test", "*.field.test")
ADDRESSES = ("127.0.0.1", "::1", "224.0.0.1")


@dataclass(frozen=True)
class Pair:
    """A certificate with its private key, in PEM."""

    certificate: str
    key: str


@dataclass(frozen=True)
class Keys:
    """The CA, another CA that nobody trusts, the server's certificate and two clients'; `names` are the clients' by SHA-256."""

    folder: Path
    ca: Pair
    other_ca: Pair
    alice: Pair
    bob: Pair
    names: dict[str, str]

    @property
    def ca_file(self) -> Path:
        """The CA's certificate."""
        return self.folder / "ca.pem"

    @property
    def server_file(self) -> Path:
        """The server's certificate with its key."""
        return self.folder / "server.pem"


def made_keys(folder: Path) -> Keys:
    """New keys; what the server needs is written to the folder."""
    authority, other = _authority("field CA"), _authority("another CA")
    server, alice, bob = _issued(authority, "server", names=True), _issued(authority, "alice"), _issued(authority, "bob")
    keys = Keys(folder, _pair(authority), _pair(other), _pair(alice), _pair(bob), {_sha256(alice): "alice", _sha256(bob): "bob"})
    keys.ca_file.write_text(keys.ca.certificate)
    keys.server_file.write_text(_pair(server).certificate + _pair(server).key)
    return keys


Signed = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def _authority(name: str) -> Signed:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(name, name, key).add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    return builder.add_extension(identifier, critical=False).add_extension(usage, critical=True).sign(key, hashes.SHA256()), key


def _issued(authority: Signed, name: str, *, names: bool = False) -> Signed:
    issuer_key = authority[1]
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(name, "field CA", key).add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
    )
    if names:
        general = [x509.DNSName(host) for host in HOSTS] + [x509.IPAddress(ipaddress.ip_address(address)) for address in ADDRESSES]
        builder = builder.add_extension(x509.SubjectAlternativeName(general), critical=False)
    return builder.sign(issuer_key, hashes.SHA256()), key


def _builder(name: str, issuer: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
    )


def _pair(signed: Signed) -> Pair:
    certificate, key = signed
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Pair(certificate.public_bytes(serialization.Encoding.PEM).decode(), private.decode())


def _sha256(signed: Signed) -> str:
    return hashlib.sha256(signed[0].public_bytes(serialization.Encoding.DER)).hexdigest()
