"""Certificates and grid proxies, made for a test."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID, ObjectIdentifier

PROXY = ObjectIdentifier("1.3.6.1.5.5.7.1.14")


def name(*common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "DQM"), *(x509.NameAttribute(NameOID.COMMON_NAME, c) for c in common)])


def pem(*common: str, days: float, proxy: bool = False, begins: float = -1, with_key: bool = True) -> bytes:
    """A certificate that ends in so many days from now, with its private key, as a grid proxy has it."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(*common))
        .issuer_name(name(*common[:-1] or common))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=min(begins, days - 1)) if begins < 0 else now + timedelta(days=begins))
        .not_valid_after(now + timedelta(days=days))
    )
    if proxy:
        builder = builder.add_extension(
            x509.UnrecognizedExtension(PROXY, b"\x30\x0c\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x15\x01"), True
        )
    made = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    return made + (private if with_key else b"")
