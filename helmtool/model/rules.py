"""Combinations of values that cannot work, each with both keys and where they were written.

The chart refuses the same ones by itself (templates/_validate.tpl), for people who call helm without this program.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from helmtool.errors import Problem
from helmtool.model.path import Path, dotted
from helmtool.model.values import Values


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two keys that contradict each other; `wanted` says in words what the second must be."""

    key: Path
    other: Path
    wanted: str


def check_rules(values: Values) -> list[Problem]:
    """Every combination in the values that cannot work. Values of a wrong type count as not set: the schema reports those."""
    return [_problem(values, conflict) for rule in RULES for conflict in rule(_Look(values.data))]


def _problem(values: Values, conflict: Conflict) -> Problem:
    origin, other = values.origin(conflict.key), values.origin(conflict.other)
    place = f" ({other.text})" if other and other.line else ""
    message = f"needs {dotted(conflict.other)}{place} to be {conflict.wanted}"
    if origin is None:
        return Problem(message, path=dotted(conflict.key))
    return Problem(message, origin.file, origin.line, origin.column, dotted(conflict.key))


class _Look:
    """Typed looks at values that may be missing or of a wrong type."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data

    def at(self, *path: str) -> Any:
        value: Any = self.data
        for part in path:
            value = value.get(part) if isinstance(value, dict) else None
        return value

    def text(self, *path: str) -> str:
        value = self.at(*path)
        return value if isinstance(value, str) else ""

    def on(self, *path: str) -> bool:
        return self.at(*path) is True

    def number(self, *path: str) -> int:
        value = self.at(*path)
        return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _secret_has_a_name(look: _Look) -> Iterator[Conflict]:
    if look.text("secrets", "mode") in ("existing", "versioned", "inline") and look.at("secrets", "name") == "":
        yield Conflict(("secrets", "mode"), ("secrets", "name"), "the name of the Secret")


def _inline_secret_has_data(look: _Look) -> Iterator[Conflict]:
    if look.text("secrets", "mode") == "inline" and look.at("secrets", "data") == {}:
        yield Conflict(("secrets", "mode"), ("secrets", "data"), "the files of the Secret")


def _only_inline_has_data(look: _Look) -> Iterator[Conflict]:
    if look.text("secrets", "mode") not in ("", "inline") and look.at("secrets", "data"):
        yield Conflict(("secrets", "data"), ("secrets", "mode"), "inline: the other modes would ignore it")


def _vault_has_an_account(look: _Look) -> Iterator[Conflict]:
    if look.text("secrets", "mode") == "vault" and look.at("serviceAccount", "name") == "":
        yield Conflict(("secrets", "mode"), ("serviceAccount", "name"), "an account of its own: Vault's role is bound to it")


def _vault_has_files(look: _Look) -> Iterator[Conflict]:
    if look.text("secrets", "mode") == "vault" and look.at("secrets", "vault", "files") == []:
        yield Conflict(("secrets", "mode"), ("secrets", "vault", "files"), "the files to inject")


def _only_vault_has_files(look: _Look) -> Iterator[Conflict]:
    if look.text("secrets", "mode") not in ("", "vault") and look.at("secrets", "vault", "files"):
        yield Conflict(("secrets", "vault", "files"), ("secrets", "mode"), "vault: the other modes would ignore it")


def _account_has_a_name(look: _Look) -> Iterator[Conflict]:
    if look.on("serviceAccount", "create") and look.at("serviceAccount", "name") == "":
        yield Conflict(("serviceAccount", "create"), ("serviceAccount", "name"), "the name of the account to create")


def _annotated_account_is_created(look: _Look) -> Iterator[Conflict]:
    if look.at("serviceAccount", "annotations") and look.at("serviceAccount", "create") is False:
        yield Conflict(("serviceAccount", "annotations"), ("serviceAccount", "create"), "true: nobody else would set them")


def _digest_has_a_repository(look: _Look) -> Iterator[Conflict]:
    if look.text("image", "digest") and look.at("image", "repository") == "":
        yield Conflict(("image", "digest"), ("image", "repository"), "the image that the digest belongs to")


def _claims_have_names(look: _Look) -> Iterator[Conflict]:
    for volume in ("cvmfs", "logs", "workDir"):
        if look.on(volume, "createClaim") and look.at(volume, "claimName") == "":
            yield Conflict((volume, "createClaim"), (volume, "claimName"), "the name of the claim to create")


def _storage_class_has_a_name(look: _Look) -> Iterator[Conflict]:
    if look.on("cvmfs", "createStorageClass") and look.at("cvmfs", "storageClass") == "":
        yield Conflict(("cvmfs", "createStorageClass"), ("cvmfs", "storageClass"), "the name of the class to create")


def _work_directory_has_one_writer(look: _Look) -> Iterator[Conflict]:
    if look.text("strategy") == "RollingUpdate" and look.text("workDir", "claimName"):
        yield Conflict(("strategy",), ("workDir", "claimName"), "empty, or strategy Recreate: two pods must never share a work directory")


def _volumes_have_their_own_place(look: _Look) -> Iterator[Conflict]:
    if not (look.text("logs", "claimName") and look.text("workDir", "claimName")):
        return
    logs, work = look.text("logs", "mountPath").rstrip("/"), look.text("workDir", "path").rstrip("/")
    if logs and work and f"{work}/".startswith(f"{logs}/"):
        yield Conflict(("logs", "mountPath"), ("workDir", "path"), "outside of it: the logs would hide the work directory")


def _volumes_have_their_own_claim(look: _Look) -> Iterator[Conflict]:
    claim = look.text("logs", "claimName")
    if claim and claim == look.text("workDir", "claimName"):
        yield Conflict(("logs", "claimName"), ("workDir", "claimName"), "another claim: the logs would lie among the index's files")


def _ports_differ(look: _Look) -> Iterator[Conflict]:
    port = look.number("service", "port")
    if port and port == look.number("metrics", "port"):
        yield Conflict(("service", "port"), ("metrics", "port"), "another port")


def _ingress_has_a_host(look: _Look) -> Iterator[Conflict]:
    if look.on("ingress", "enabled") and look.at("ingress", "host") == "":
        yield Conflict(("ingress", "enabled"), ("ingress", "host"), "the host that it answers for")


def _network_policy_admits_somebody(look: _Look) -> Iterator[Conflict]:
    if look.on("networkPolicy", "enabled") and look.at("networkPolicy", "from") == []:
        yield Conflict(("networkPolicy", "enabled"), ("networkPolicy", "from"), "at least one peer: nobody could reach the service")


def _start_fits_the_deadline(look: _Look) -> Iterator[Conflict]:
    start = look.number("probes", "startup", "periodSeconds") * look.number("probes", "startup", "failureThreshold")
    deadline = look.number("progressDeadlineSeconds")
    if deadline and start >= deadline:
        wanted = f"more than the {start} s (period times failures) that a start may take"
        yield Conflict(("probes", "startup", "failureThreshold"), ("progressDeadlineSeconds",), wanted)


def _requests_fit_limits(look: _Look) -> Iterator[Conflict]:
    for resource in ("cpu", "memory"):
        request = _quantity(look.at("resources", "requests", resource))
        limit = _quantity(look.at("resources", "limits", resource))
        if request is not None and limit is not None and request > limit:
            yield Conflict(("resources", "requests", resource), ("resources", "limits", resource), "at least as much")


_UNITS = {"": 1.0, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18}
_UNITS |= {f"{name}i": 1024.0**power for power, name in enumerate("KMGTPE", 1)}


def _quantity(value: Any) -> float | None:
    """A Kubernetes quantity as a number, or None where it is none (the schema says so)."""
    text = str(value)
    digits = text.rstrip("mkKMGTPEi")
    unit = _UNITS.get(text[len(digits) :])
    return float(digits) * unit if unit and digits.replace(".", "", 1).isdecimal() and digits.isascii() else None


Rule = Callable[[_Look], Iterator[Conflict]]
RULES: tuple[Rule, ...] = (
    _digest_has_a_repository,
    _secret_has_a_name,
    _inline_secret_has_data,
    _only_inline_has_data,
    _vault_has_an_account,
    _vault_has_files,
    _only_vault_has_files,
    _account_has_a_name,
    _annotated_account_is_created,
    _claims_have_names,
    _storage_class_has_a_name,
    _work_directory_has_one_writer,
    _volumes_have_their_own_claim,
    _volumes_have_their_own_place,
    _ports_differ,
    _ingress_has_a_host,
    _network_policy_admits_somebody,
    _start_fits_the_deadline,
    _requests_fit_limits,
)
