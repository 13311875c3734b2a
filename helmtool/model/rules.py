"""Combinations of values that cannot work, each with its keys and where they were written.

The chart refuses the same ones by itself (templates/_validate.tpl), for people who call helm without this program; the names in
RULES are the chart's. One is the chart's alone: that a tag or a digest is given, which is known only once a tag is asked for.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from helmtool.errors import Problem
from helmtool.model.path import Path, dotted
from helmtool.model.values import Values

# Where the service lives inside the image.
APPLICATION = "/home/cmsusr/dqmgui"
# Where the server listens in the container, whatever the Service offers.
SERVER_PORT = 8889
# What the chart itself mounts, or the start script writes.
TAKEN = [
    "/dev/fuse",
    "/etc/proxy",
    "/etc/secrets",
    "/etc/robots",
    "/etc/hmac",
    "/etc/token",
    "/host/etc/grid-security",
    "/etc/grid-security",
    "/opt/setup-certs-and-run",
    "/eos",
    "/tmp/krb",  # noqa: S108 - a mount point in the container
    "/cvmfs/cms.cern.ch",
]
INGRESS_ANNOTATIONS = ("rewrite-target", "use-regex", "whitelist-source-range")


class Conflict(NamedTuple):
    """A key that does not go with another one (or with what the chart does, where `other` is None)."""

    key: Path
    other: Path | None
    message: str


def check_rules(values: Values) -> list[Problem]:
    """Every combination in the values that cannot work. Values of a wrong type count as not set: the schema reports those."""
    return [_problem(values, conflict) for rule in RULES.values() for conflict in rule(_Look(values.data))]


def _problem(values: Values, conflict: Conflict) -> Problem:
    message = conflict.message
    if conflict.other is not None:
        other = values.origin(conflict.other)
        place = f" ({other.text})" if other and other.line else ""
        message = f"needs {dotted(conflict.other)}{place} to be {conflict.message}"
    origin = values.origin(conflict.key)
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

    def map(self, *path: str) -> dict[str, Any]:
        value = self.at(*path)
        return value if isinstance(value, dict) else {}

    def number(self, *path: str) -> int:
        value = self.at(*path)
        return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _image(look: _Look) -> Iterator[Conflict]:
    named = next((key for key in ("digest", "tag") if look.text("image", key)), "")
    if named and look.at("image", "repository") == "":
        yield Conflict(("image", named), ("image", "repository"), f"the image that the {named} belongs to")


def _rollout(look: _Look) -> Iterator[Conflict]:
    if look.text("strategy") != "RollingUpdate":
        return
    if look.text("workDir", "claimName"):
        yield Conflict(("strategy",), ("workDir", "claimName"), "empty, or strategy Recreate: two pods would write one index")
    if look.text("logs", "claimName"):
        yield Conflict(("strategy",), ("logs", "claimName"), "empty, or strategy Recreate: two pods would write the same log files")


def _probes(look: _Look) -> Iterator[Conflict]:
    start = look.number("probes", "startup", "periodSeconds") * look.number("probes", "startup", "failureThreshold")
    deadline = look.number("progressDeadlineSeconds")
    if deadline and start > deadline:
        wanted = f"at least the {start} s (periodSeconds times failureThreshold) that a start may take"
        yield Conflict(("probes", "startup", "failureThreshold"), ("progressDeadlineSeconds",), wanted)


def _resources(look: _Look) -> Iterator[Conflict]:
    for name in look.map("resources", "requests"):
        request = _quantity(look.at("resources", "requests", name))
        limit = _quantity(look.at("resources", "limits", name))
        if request is not None and limit is not None and request > limit:
            yield Conflict(("resources", "requests", name), ("resources", "limits", name), "at least as much")


def _ports(look: _Look) -> Iterator[Conflict]:
    service, metrics = look.number("service", "port"), look.number("metrics", "port")
    if not metrics:
        return
    if metrics == service:
        yield Conflict(("metrics", "port"), ("service", "port"), "another port: one Service cannot offer a port twice")
    elif metrics == SERVER_PORT:
        yield Conflict(
            ("metrics", "port"), None, f"the server behind service.port listens on {SERVER_PORT} in the container: use another port"
        )


def _secrets(look: _Look) -> Iterator[Conflict]:
    mode_key, mode = ("secrets", "mode"), look.text("secrets", "mode")
    if not mode:
        return
    if look.map("secrets", "data") and mode != "inline":
        yield Conflict(("secrets", "data"), mode_key, "inline: the other modes make no Secret from it")
    if look.at("secrets", "data") == {} and mode == "inline":
        yield Conflict(mode_key, ("secrets", "data"), "the files of the Secret")
    if look.at("secrets", "name") == "" and mode != "vault":
        yield Conflict(mode_key, ("secrets", "name"), "the name of the Secret to mount")
    if look.at("secrets", "vault", "files") and mode != "vault":
        yield Conflict(("secrets", "vault", "files"), mode_key, "vault: the other modes inject no files")
    if mode == "vault":
        yield from _vault(look)


def _vault(look: _Look) -> Iterator[Conflict]:
    for name in ("role", "path", "files"):
        if look.at("secrets", "vault", name) in ("", []):
            yield Conflict(("secrets", "mode"), ("secrets", "vault", name), "given: nothing would be injected")
    if look.at("serviceAccount", "name") == "":
        yield Conflict(
            ("secrets", "mode"), ("serviceAccount", "name"), "an account of its own, such as newdqmgui-sa: Vault's role is bound to it"
        )


def _account(look: _Look) -> Iterator[Conflict]:
    create = ("serviceAccount", "create")
    if look.on(*create) and look.at("serviceAccount", "name") == "":
        yield Conflict(create, ("serviceAccount", "name"), "the name of the account to create")
    if look.map("serviceAccount", "annotations") and look.at(*create) is False:
        yield Conflict(("serviceAccount", "annotations"), create, "true: the account of another owner is not changed")


def _eos(look: _Look) -> Iterator[Conflict]:
    for name, wanted in (("hostPath", "the node's folder with EOS"), ("krbSecret", "the Secret with the Kerberos ticket")):
        if look.on("eos", "enabled") and look.at("eos", name) == "":
            yield Conflict(("eos", "enabled"), ("eos", name), wanted)


def _claims(look: _Look) -> Iterator[Conflict]:
    owners: dict[str, str] = {}
    for volume in ("logs", "workDir", "cvmfs"):
        claim = look.text(volume, "claimName")
        if look.on(volume, "createClaim") and look.at(volume, "claimName") == "":
            yield Conflict((volume, "createClaim"), (volume, "claimName"), "the name of the claim to create")
        if claim in owners:
            yield Conflict((volume, "claimName"), (owners[claim], "claimName"), "another claim: each needs a volume of its own")
        elif claim:
            owners[claim] = volume
    if look.on("cvmfs", "createStorageClass") and look.at("cvmfs", "storageClass") == "":
        yield Conflict(("cvmfs", "createStorageClass"), ("cvmfs", "storageClass"), "the name of the class to create")


def _logs_path(look: _Look) -> Iterator[Conflict]:
    path, work, key = look.text("logs", "mountPath"), look.text("workDir", "path"), ("logs", "mountPath")
    if not (look.text("logs", "claimName") and path):
        return
    if _covers(path, APPLICATION):
        yield Conflict(key, None, f"the volume of logs.claimName would hide the application in {APPLICATION}")
    elif work and _covers(path, work):
        yield Conflict(key, ("workDir", "path"), "outside of it: the volume of the logs would hide the index")
    elif work and _covers(APPLICATION, path) and not _covers(work, path):
        yield Conflict(key, ("workDir", "path"), "above it: elsewhere in the application the volume of the logs would hide code")
    yield from _hidden(key, path, "logs.claimName")


def _work_path(look: _Look) -> Iterator[Conflict]:
    path, key = look.text("workDir", "path"), ("workDir", "path")
    if not (look.text("workDir", "claimName") and path):
        return
    if _covers(path, APPLICATION):
        yield Conflict(key, None, f"the volume of workDir.claimName would hide the application in {APPLICATION}")
    yield from _hidden(key, path, "workDir.claimName")


def _hidden(key: Path, path: str, claim: str) -> Iterator[Conflict]:
    for folder in TAKEN:
        if _covers(path, folder):
            yield Conflict(key, None, f"the volume of {claim} would hide {folder}")
        elif _covers(folder, path):
            yield Conflict(key, None, f"the volume of {claim} cannot be mounted inside {folder}")


def _covers(outer: str, inner: str) -> bool:
    """Whether the folder `outer` is the folder `inner`, or holds it."""
    return f"{posixpath.normpath(inner)}/".startswith(f"{posixpath.normpath(outer).rstrip('/')}/")


def _network(look: _Look) -> Iterator[Conflict]:
    enabled = ("networkPolicy", "enabled")
    if look.on(*enabled) and look.at("networkPolicy", "from") == []:
        yield Conflict(enabled, ("networkPolicy", "from"), "at least one source: Kubernetes reads none as everyone")
    if look.at("networkPolicy", "metricsFrom") and look.at(*enabled) is False:
        yield Conflict(("networkPolicy", "metricsFrom"), enabled, "true: without a policy everyone reaches the metrics")


def _ingress(look: _Look) -> Iterator[Conflict]:
    if not look.on("ingress", "enabled"):
        return
    if look.at("ingress", "host") == "":
        yield Conflict(("ingress", "enabled"), ("ingress", "host"), "a host: the path would be taken over on every host of the cluster")
    if look.at("ingress", "allowedSources") == []:
        yield Conflict(("ingress", "enabled"), ("ingress", "allowedSources"), "given: none admits everyone (0.0.0.0/0 if that is meant)")


def _tolerations(look: _Look) -> Iterator[Conflict]:
    """What the API server asks of each toleration (ValidateTolerations)."""
    tolerations = look.at("tolerations")
    for index, toleration in enumerate(tolerations if isinstance(tolerations, list) else []):
        if not isinstance(toleration, dict):
            continue
        at, exists = ("tolerations", index), toleration.get("operator") == "Exists"
        if not toleration.get("key") and not exists:
            yield Conflict((*at, "operator"), (*at, "key"), "given, or operator Exists: without a key it accepts every taint")
        if exists and toleration.get("value"):
            yield Conflict((*at, "value"), (*at, "operator"), "Equal: Exists compares no value")
        if "tolerationSeconds" in toleration and toleration.get("effect") != "NoExecute":
            yield Conflict((*at, "tolerationSeconds"), (*at, "effect"), "NoExecute: only that effect ends a pod")


def _affinity(look: _Look) -> Iterator[Conflict]:
    """How many values the operator of an expression takes (ValidateNodeSelectorRequirement, ValidateLabelSelectorRequirement)."""
    for at, expression in _expressions(("affinity",), look.at("affinity")):
        operator, values = expression.get("operator"), expression.get("values")
        count = len(values) if isinstance(values, list) else 0
        if operator in ("Exists", "DoesNotExist") and count:
            yield Conflict((*at, "values"), (*at, "operator"), "In or NotIn: Exists and DoesNotExist compare no values")
        elif operator in ("In", "NotIn") and not count:
            yield Conflict((*at, "operator"), (*at, "values"), "given: In and NotIn compare with at least one value")
        elif operator in ("Gt", "Lt") and count != 1:
            yield Conflict((*at, "operator"), (*at, "values"), "exactly one: Gt and Lt compare with a single value")


def _expressions(path: Path, value: Any) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every item of a list `matchExpressions` below, with its path."""
    if isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _expressions((*path, index), inner)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name == "matchExpressions" and isinstance(inner, list):
                yield from (((*path, name, index), item) for index, item in enumerate(inner) if isinstance(item, dict))
            elif name != "matchLabels":
                yield from _expressions((*path, name), inner)


def _reserved(look: _Look) -> Iterator[Conflict]:
    """Keys that the chart sets itself: twice in one object they would be an error, or silently the wrong one."""
    for name, source in (("app", "its selector"), ("env", "environment")):
        if name in look.map("podLabels"):
            yield Conflict(("podLabels", name), None, f"the chart sets this label itself, from {source}: remove it")
    pod = _pod_annotations(look)
    for name in look.map("podAnnotations"):
        if name in pod:
            yield Conflict(
                ("podAnnotations", name),
                None,
                "the chart sets this annotation itself, from metrics, secrets or the start script: remove it",
            )
    for name in look.map("ingress", "annotations"):
        if name in {f"nginx.ingress.kubernetes.io/{ending}" for ending in INGRESS_ANNOTATIONS}:
            yield Conflict(
                ("ingress", "annotations", name),
                None,
                "the chart sets this annotation itself, from ingress.path and ingress.allowedSources: remove it",
            )


def _pod_annotations(look: _Look) -> set[str]:
    """The annotations that the chart puts on the pod."""
    mode = look.text("secrets", "mode")
    names = {"checksum/config"} | ({"checksum/secret"} if mode == "inline" else set())
    if look.on("metrics", "scrape"):
        names |= {"prometheus.io/scrape", "prometheus.io/port"}
    if mode == "vault":
        names |= {f"vault.hashicorp.com/{ending}" for ending in ("agent-inject", "role", "secret-volume-path")}
        files = look.at("secrets", "vault", "files")
        for file in map(str, files if isinstance(files, list) else []):
            kinds = ["agent-inject-secret", "agent-inject-template"] + ["preserve-secret-case"] * (file != file.lower())
            names |= {f"vault.hashicorp.com/{kind}-{file}" for kind in kinds}
    return names


_UNITS = {"": 1.0, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18}
_UNITS |= {f"{name}i": 1024.0**power for power, name in enumerate("KMGTPE", 1)}


def _quantity(value: Any) -> float | None:
    """A Kubernetes quantity as a number, or None where it is none (the schema says so)."""
    text = str(value)
    digits = text.rstrip("mkKMGTPEi")
    unit = _UNITS.get(text[len(digits) :])
    return float(digits) * unit if unit and digits.replace(".", "", 1).isdecimal() and digits.isascii() else None


Rule = Callable[[_Look], Iterator[Conflict]]
RULES: dict[str, Rule] = {
    "image": _image,
    "rollout": _rollout,
    "probes": _probes,
    "resources": _resources,
    "ports": _ports,
    "secrets": _secrets,
    "account": _account,
    "eos": _eos,
    "claims": _claims,
    "logsPath": _logs_path,
    "workPath": _work_path,
    "network": _network,
    "ingress": _ingress,
    "tolerations": _tolerations,
    "affinity": _affinity,
    "reserved": _reserved,
}
