"""What was seen of a running service, and whether it is what was released."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

from helmtool.model.manifest import Manifest

PATHS = ("/", "/api/v1/latest_runs")
"""The front end, and an answer that the server makes of its index."""
ANSWERS = {*range(200, 400), 401, 403}
"""Status codes by which a public front end shows that it is there: it asks for a sign-on before it serves anything."""


class Verdict(Enum):
    """Whether a check holds; a doubt never fails a release."""

    HOLDS = "ok"
    DOUBT = "doubt"
    FAILS = "failed"


class Check(NamedTuple):
    """One thing that was looked at, and what was seen; `recorded` says it for records, if the text quotes another program."""

    verdict: Verdict
    text: str
    recorded: str = ""

    def __str__(self) -> str:
        return f"{self.verdict.value}: {self.text}"

    @property
    def line(self) -> str:
        """The check as a record keeps it."""
        return f"{self.verdict.value}: {self.recorded or self.text}"


def check_answer(path: str, status: int, text: str, way: str) -> Check:
    """What the service answered for a path; status 0 is no answer."""
    if not status:
        return Check(Verdict.FAILS, f"{path} does not answer: {text} ({way})", f"{path} does not answer ({way})")
    return Check(Verdict.HOLDS if status == 200 else Verdict.FAILS, f"{path} answers {status} ({way})")


def check_endpoint(url: str, status: int, text: str) -> Check:
    """What the public address answered. Never a failure: the front end is not the release's, so going back cannot mend it."""
    if status in ANSWERS:
        return Check(Verdict.HOLDS, f"{url} answers {status}")
    if status:
        return Check(Verdict.DOUBT, f"{url} answers {status}")
    return Check(Verdict.DOUBT, f"{url} is not reached from here: {text}", f"{url} is not reached from here")


def check_pods(deployment: Manifest, pods: Iterable[Manifest]) -> list[Check]:
    """Whether the pods are those that the Deployment of the release describes: image, checksums, names of Secrets."""
    template = deployment["spec"]["template"]
    found = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
    if not found:
        return [Check(Verdict.FAILS, "there is no pod of the service")]
    return [check for pod in found for check in (_image(template, pod), _checksums(template, pod), _secrets(template, pod))]


def check_restarts(before: Iterable[Manifest], after: Iterable[Manifest], seconds: float) -> Check:
    """Whether no container restarted between two looks, and no pod came or went.

    Earlier restarts are told and do not count: a release that changes no pod meets one that may have run for months.
    """
    old, new = restarts(before), restarts(after)
    if old.keys() != new.keys():
        return Check(Verdict.FAILS, f"another pod took over within {seconds:.0f} s: {', '.join(sorted(new)) or 'none is left'}")
    grown = [f"{name} restarted {new[name] - count} times" for name, count in old.items() if new[name] > count]
    if grown:
        return Check(Verdict.FAILS, f"{', '.join(grown)} within {seconds:.0f} s")
    return Check(Verdict.HOLDS, f"no restart within {seconds:.0f} s{f' ({sum(new.values())} before)' if any(new.values()) else ''}")


def restarts(pods: Iterable[Manifest]) -> dict[str, int]:
    """How often the containers of each pod were restarted; pods on their way out are left away."""
    return {
        pod["metadata"]["name"]: sum(int(s.get("restartCount", 0)) for s in (pod.get("status") or {}).get("containerStatuses") or [])
        for pod in pods
        if "deletionTimestamp" not in pod["metadata"]
    }


def _image(template: Manifest, pod: Manifest) -> Check:
    """By the pod's spec, whose digest the node holds to: an `imageID` may name a platform's manifest, or another repository."""
    wanted, runs = (str(one["spec"]["containers"][0]["image"]) for one in (template, pod))
    if wanted != runs:
        return Check(Verdict.FAILS, f"{pod['metadata']['name']} runs {runs}, released is {wanted}")
    statuses = (pod.get("status") or {}).get("containerStatuses") or [{}]
    digest = wanted.partition("@")[2] or str(statuses[0].get("imageID") or "").partition("@")[2]
    return Check(Verdict.HOLDS, f"{pod['metadata']['name']} runs {digest or wanted}")


def _checksums(template: Manifest, pod: Manifest) -> Check:
    wanted, runs = (_annotations(one) for one in (template, pod))
    wrong = sorted(name for name in {*wanted, *runs} if wanted.get(name) != runs.get(name))
    if wrong:
        return Check(Verdict.FAILS, f"{pod['metadata']['name']} has another {', '.join(wrong)} than the release")
    return Check(Verdict.HOLDS, f"{', '.join(sorted(wanted)) or 'no checksum'} as released")


def _annotations(one: Manifest) -> dict[str, str]:
    annotations = (one.get("metadata") or {}).get("annotations") or {}
    return {name: value for name, value in annotations.items() if name.startswith("checksum/")}


def _secrets(template: Manifest, pod: Manifest) -> Check:
    wanted, runs = (_mounted(one) for one in (template, pod))
    missing = sorted(wanted - runs)
    if missing:
        return Check(Verdict.FAILS, f"{pod['metadata']['name']} does not mount the Secret {', '.join(missing)}")
    return Check(Verdict.HOLDS, f"{len(wanted)} Secrets mounted as released")


def _mounted(one: Manifest) -> set[str]:
    return {str(v["secret"].get("secretName")) for v in one["spec"].get("volumes") or [] if "secret" in v}
