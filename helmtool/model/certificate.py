"""Certificates and grid proxies in PEM: whose they are and how long they last."""

from __future__ import annotations

import re
import warnings
from datetime import datetime, timedelta
from typing import NamedTuple

from helmtool.errors import InvalidInput

BEGIN = b"-----BEGIN CERTIFICATE-----"
_PROXY_OID = "1.3.6.1.5.5.7.1.14"
"""The extension proxyCertInfo of RFC 3820."""
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


class CertificateInvalid(InvalidInput):
    """What looks like a certificate cannot be read."""

    code = "certificate-invalid"


class Certificate(NamedTuple):
    """The first certificate of a file, and the earliest end of all in it: a chain lasts as long as its shortest part."""

    subject: str
    begins: datetime
    ends: datetime
    proxy: bool

    def left(self, now: datetime) -> timedelta:
        """How long it lasts from now on; negative when it is over."""
        return self.ends - now


def parse_certificates(data: bytes) -> Certificate | None:
    """What the certificates of a PEM file say; nothing where there is none in it. Raises CertificateInvalid, which quotes nothing."""
    if BEGIN not in data:
        return None
    from cryptography import x509

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # cryptography's opinion of old serial numbers is no news here
            chain = [x509.load_pem_x509_certificate(pem) for pem in _PEM.findall(data)]
            subjects = [certificate.subject.rfc4514_string() for certificate in chain]
            proxy = bool(chain) and any(extension.oid.dotted_string == _PROXY_OID for extension in chain[0].extensions)
    except (ValueError, x509.UnsupportedGeneralNameType, x509.DuplicateExtension):
        raise CertificateInvalid("a certificate that cannot be read", hint="openssl x509 -noout -subject -in FILE") from None
    if not chain:
        raise CertificateInvalid("a certificate that has no end", hint="openssl x509 -noout -subject -in FILE")
    return Certificate(subjects[0], max(c.not_valid_before_utc for c in chain), min(c.not_valid_after_utc for c in chain), proxy)
