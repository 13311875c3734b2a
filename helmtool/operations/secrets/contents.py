"""What may be said of a secret: the kind of its content, whose it is, and how long it lasts."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from helmtool.errors import InvalidInput
from helmtool.model.certificate import Certificate, parse_certificates
from helmtool.model.keytab import MAGIC, OLD_MAGIC, KeytabEntry, parse_keytab
from helmtool.model.text import oddities
from helmtool.operations.secrets.findings import Finding, error, warning


class Content(NamedTuple):
    """The entries of a keytab, or the certificate of a PEM file, or neither; and what is odd about it, or wrong."""

    keytab: tuple[KeytabEntry, ...] = ()
    certificate: Certificate | None = None
    odd: tuple[str, ...] = ()
    wrong: str = ""

    @property
    def kind(self) -> str:
        """The kind in a word."""
        if self.certificate:
            return "proxy" if self.certificate.proxy else "certificate"
        return "keytab" if self.keytab else "data"

    @property
    def names(self) -> tuple[str, ...]:
        """What is shown of it, and no secret."""
        return tuple({entry.principal for entry in self.keytab}) + ((self.certificate.subject,) if self.certificate else ())

    def findings(self, file: Path, warn_days: int, now: datetime) -> list[Finding]:
        """What there is to say about it on a day."""
        found = [warning(file, oddity) for oddity in self.odd] + ([error(file, self.wrong)] if self.wrong else [])
        if self.certificate:
            found += _lasting(file, self.certificate, warn_days, now)
        weak = sorted({f"{entry.principal} {entry.encryption_name}" for entry in self.keytab if entry.weak})
        return found + [warning(file, f"a key of a kind that a KDC may refuse: {one}") for one in weak]

    def as_dict(self) -> dict[str, Any]:
        """The content as `-o json` prints it."""
        certificate, entries = self.certificate, self.keytab
        return {
            "kind": self.kind,
            "subject": certificate.subject if certificate else None,
            "begins": certificate.begins.isoformat() if certificate else None,
            "ends": certificate.ends.isoformat() if certificate else None,
            "keys": [
                {"principal": e.principal, "version": e.version, "encryption": e.encryption_name, "written": e.written.isoformat()}
                for e in entries
            ],
        }


def look_into(plain: bytes, key: str) -> Content:
    """What kind of content a file has; what cannot be read is told without quoting it."""
    odd = tuple(oddities(plain))
    try:
        if plain.startswith((MAGIC, OLD_MAGIC)) or key.endswith(".keytab"):
            return Content(keytab=parse_keytab(plain))
        return Content(certificate=parse_certificates(plain), odd=odd)
    except InvalidInput as problem:
        return Content(odd=odd, wrong=problem.message)


def days_left(certificate: Certificate, now: datetime) -> int:
    """Whole days that are left, rounded down; negative when it is over."""
    return certificate.left(now).days


def _lasting(file: Path, certificate: Certificate, warn_days: int, now: datetime) -> list[Finding]:
    left, until = days_left(certificate, now), f"{certificate.ends:%Y-%m-%d %H:%M} UTC"
    if certificate.ends <= now:
        return [error(file, f"expired on {until}, {-left} days ago: {certificate.subject}")]
    if certificate.begins > now:
        return [error(file, f"not valid before {certificate.begins:%Y-%m-%d %H:%M} UTC: {certificate.subject}")]
    if left < warn_days:
        return [warning(file, f"expires in {left} days, on {until}: {certificate.subject}")]
    return []
