"""What an API server answers, and the errors that an answer, or none, can be."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from helmtool.errors import OperationFailed, Unreachable
from helmtool.model.reading import listing, mapping, message_of, text
from helmtool.model.redaction import redact_text


class Answer(NamedTuple):
    """What the API server said: HTTP status, the decoded document, and the texts of its Warning headers."""

    status: int
    body: dict[str, Any]
    warnings: tuple[str, ...] = ()
    retry_after: float = 0.0
    """Seconds that the server asks to be left alone."""

    @property
    def message(self) -> str:
        """The server's own sentence of an error, else an empty text."""
        return redact_text(message_of(self.body))

    @property
    def reason(self) -> str:
        """The machine-readable reason of an error (`NotFound`, `Conflict`, …), else an empty text."""
        return str(self.body.get("reason") or "")

    @property
    def summary(self) -> str:
        """The error for a record: status, reason, object and fields, such as `422 Invalid (deployments newdqmgui, spec.replicas)`."""
        details = mapping(self.body, "details")
        about = " ".join(found for name in ("kind", "name") if (found := _identifier(text(details, name))))
        fields = (_identifier(text(cause, "field")) for cause in listing(details, "causes"))
        found = ", ".join(dict.fromkeys(filter(None, [about, *fields])))
        return " ".join(filter(None, [str(self.status), _identifier(self.reason), f"({found})" if found else ""]))

    @property
    def by_admission(self) -> bool:
        """Whether a 403 is about the object (quota, pod security, a webhook), not about a right of the person who asks.

        Both have the reason Forbidden; the authorizer's sentence names the user, an admission plugin's does not.
        """
        return ("is forbidden: " in self.message and ' User "' not in self.message) or "admission webhook" in self.message


class ClusterUnreachable(Unreachable):
    """Nothing answers at the API server's address, or it cannot answer now; `retry_after` is how many seconds it asks for."""

    code = "cluster-unreachable"
    retry_after: float = 0.0


class AnswerTooLarge(Unreachable):
    """The API server, or what answers in its place, sends more than anything that is asked for can be."""

    code = "answer-too-large"


class ClusterForbidden(Unreachable):
    """The API server answers, and forbids."""

    code = "cluster-forbidden"


class VersionExpired(OperationFailed):
    """The API server no longer knows the resource version that a watch or the next page of a list goes on from: list again."""

    code = "version-expired"


def _identifier(name: str) -> str:
    """The name of a kind, an object or a field; empty if it is none, for then it may be a sentence."""
    return name if re.fullmatch(r"[A-Za-z0-9._/:\[\]-]{1,120}", name) else ""


def decoded(data: bytes) -> dict[str, Any] | None:
    """The document of an answer; nothing where it is not one."""
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def warnings_in(headers: Any) -> tuple[str, ...]:
    """The texts of `Warning: 299 - "text"` headers, where Kubernetes puts deprecations and the like."""
    return tuple(value.split('"', 1)[1].rsplit('"', 1)[0].replace('\\"', '"') for value in headers.getlist("Warning") if '"' in value)


def seconds_to_wait(headers: Any) -> float:
    """The seconds of a Retry-After header; 0 without one, and where it holds a date: Kubernetes sends seconds."""
    value = str(headers.get("Retry-After") or "")
    return float(value) if value.isdecimal() else 0.0
