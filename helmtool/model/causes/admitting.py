"""Causes for which the API server refuses an object: a pod that the ReplicaSet makes, or one of the release's own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from helmtool.model.causes.catalogue import CATALOGUE, make
from helmtool.model.causes.cause import Cause, Certainty
from helmtool.model.causes.clock import last_seen, span
from helmtool.model.causes.pods import names
from helmtool.model.manifest import Manifest
from helmtool.model.observation import Observation
from helmtool.model.path import Path
from helmtool.model.reading import listing, message_of, moment, text

REFUSED_STAY = 8.0
"""Seconds between the first refusal and the last: the controller tries again after 0.6, 1.3, 2.6, 5 and 10 s."""
RULES = (
    ("namespace-leaving", r"in namespace (?P<namespace>\S+) because it is being terminated"),
    ("not-permitted", r'User "(?P<user>[^"]+)" cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)"'),
    ("quota", r"exceeded quota: (?P<quota>[^,]+), (?P<said>requested: .*)"),
    ("quota", r"failed quota: (?P<quota>[^:]+): (?P<said>.*)"),
    ("limit-range", r"(?P<said>(?:maximum|minimum) \S+ usage per .*|\S+ max limit to request ratio per .*)"),
    ("pod-security", r'violates PodSecurity "(?P<level>[^"]+)": (?P<said>.*)'),
    ("webhook-refuses", r'admission webhook "(?P<webhook>[^"]+)" denied the request:? ?(?P<said>.*)'),
    ("webhook-refuses", r"ValidatingAdmissionPolicy '(?P<webhook>[^']+)'.* denied request: (?P<said>.*)"),
    ("webhook-down", r'failed calling webhook "(?P<webhook>[^"]+)"'),
    ("account-missing", r'error looking up service account \S+/(?P<account>[^:]+): serviceaccount "[^"]+" not found'),
    ("account-missing", r'serviceaccounts? "(?P<account>[^"]+)" not found'),
    ("field-conflict", r'conflicts? with "(?P<manager>[^"]+)"[^:]*: ?-? ?(?P<field>\S+)'),
    ("immutable-field", r'(?P<object>[\w.]{1,100} "[^"]+") is invalid: (?P<field>[\w.\[\]]{1,300}): .*(?:immutable|may not be changed)'),
    ("immutable-field", r"(?P<field>[\w.\[\]]{1,300}): (?:Forbidden|Invalid value): .*immutable"),
)
"""The API server's words, and the names in them; the first that fits."""
COMPILED = tuple((code, re.compile(pattern, re.DOTALL)) for code, pattern in RULES)
UNITS = {"m": 0.001, "": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def admitting_causes(observation: Observation) -> Iterator[Cause]:
    """Why the newest ReplicaSet cannot make its pod.

    Its condition says so as long as it is so; events of it may be an earlier release's, for a ReplicaSet comes back with its template.
    """
    newest = observation.newest_set
    failing = next((c for c in listing(newest, "status", "conditions") if text(c, "type") == "ReplicaFailure"), None)
    if newest is None or failing is None or text(failing, "status") != "True":
        return
    said, since = message_of(failing), moment(failing, "lastTransitionTime")
    events = [e for e in observation.events_of(newest) if text(e, "reason") == "FailedCreate"]
    current = [e for e in events if (seen := last_seen(e)) and since and seen >= since]
    cause = refusal(said, names(observation)) or make("pod-refused", {**names(observation), "said": said}, [said], Certainty.LIKELY)
    yield cause if span(current) >= REFUSED_STAY else _less_certain(cause)


def refusal(said: str, given: Mapping[str, str], of: Manifest | None = None) -> Cause | None:
    """The cause behind the API server's words; nothing where the catalogue does not know them. `of` is the object that was tried."""
    for code, pattern in COMPILED:
        if found := pattern.search(said):
            more = {name: value.strip() for name, value in found.groupdict().items() if value}
            if of and "object" not in more:
                more["object"] = f"{text(of, 'kind')}/{text(of, 'metadata', 'name')}".lower()
            certainty = Certainty.CERTAIN if code != "quota" or _never_fits(said) else Certainty.LIKELY
            return make(code, {**given, **more}, [said], certainty, _setting(code, said))
    return None


def _less_certain(cause: Cause) -> Cause:
    certainty = min(cause.certainty, Certainty.LIKELY)
    return Cause(cause.code, cause.text, certainty, cause.evidence, cause.setting, cause.next)


def _setting(code: str, said: str) -> Path | None:
    """Of quotas and limits the very one of the resources."""
    if code not in ("quota", "limit-range"):
        return None
    part = said.partition("used:")[0]
    if found := re.search(r"(limits|requests)\.(cpu|memory)", part):
        return "resources", found[1], found[2]
    if code == "limit-range" and (found := re.search(r"(maximum|minimum) (cpu|memory)", part)):
        return "resources", "limits" if found[1] == "maximum" else "requests", found[2]
    return () if "pods" in part.partition("requested:")[2] else CATALOGUE[code].setting


def _never_fits(said: str) -> bool:
    """Whether what is requested is more than the whole quota, or is not said at all though the quota needs it."""
    if "must specify" in said:
        return True
    requested, limited = (_amounts(said, word) for word in ("requested", "limited"))
    return any(name in limited and amount > limited[name] for name, amount in requested.items())


def _amounts(said: str, word: str) -> dict[str, float]:
    found = re.search(rf"{word}: (.*?)(?:, (?:used|limited): |$)", said)
    pairs = re.findall(r"([\w./-]{1,300})=([\d.]+)([a-zA-Z]*)", found[1]) if found else []
    return {name: float(amount.rstrip(".") or 0) * UNITS.get(unit, 1) for name, amount, unit in pairs}
