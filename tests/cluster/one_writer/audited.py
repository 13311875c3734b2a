"""An embedded cluster whose API server writes down every request that changes something, and who did what when."""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from helmtool.adapters.local import kwok
from helmtool.adapters.local.state import State

GROUP = "writers"
USER = f"system:serviceaccount:{GROUP}:"
POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived", "ResponseStarted", "Panic"],
    "rules": [
        {"level": "None", "verbs": ["get", "list", "watch"]},
        # What is only tried is said in the body of a deletion, and in the query of everything else.
        {"level": "Request", "userGroups": [f"system:serviceaccounts:{GROUP}"], "verbs": ["delete", "deletecollection"]},
        {"level": "Metadata", "userGroups": [f"system:serviceaccounts:{GROUP}"]},
    ],
}


@dataclass(frozen=True, order=True)
class Write:
    """One request that changes something: when it came and when it was answered (RFC 3339 with microseconds, one clock), by whom."""

    came: str
    answered: str
    writer: str
    verb: str
    path: str
    status: int

    @property
    def of_the_lock(self) -> bool:
        return self.path.rpartition("/leases")[1] != ""


@dataclass(frozen=True)
class Held:
    """From the answer to the taking of the lock to the request that gives it back."""

    since: str
    until: str
    writer: str


def writers(state: State, folder: Path, count: int) -> list[Path]:
    """A kubeconfig for each of as many accounts, all of which may do everything: the audit log tells them apart, also helm's requests."""
    names = [f"writer-{number:02d}" for number in range(1, count + 1)]
    meta = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": GROUP}}
    accounts = [{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": GROUP}} for name in names]
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": GROUP},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "Group", "name": f"system:serviceaccounts:{GROUP}", "apiGroup": "rbac.authorization.k8s.io"}],
    }
    everything = {"apiVersion": "v1", "kind": "List", "items": [meta, *accounts, binding]}
    done = kwok.kubectl(state, "apply", "-f", "-", input=json.dumps(everything).encode())
    assert done.returncode == 0, done.stderr
    return [_kubeconfig(state, folder / name, name) for name in names]


def _kubeconfig(state: State, file: Path, name: str) -> Path:
    done = kwok.kubectl(state, "create", "token", name, "-n", GROUP, "--duration", "2h")
    assert done.returncode == 0, done.stderr
    document = yaml.safe_load(state.kubeconfig.read_text())
    document["users"][0]["user"] = {"token": done.stdout.decode().strip()}
    file.write_text(yaml.safe_dump(document))
    return file


def read(log: Path) -> list[Write]:
    """What the writers changed or tried to change, in the order in which it came; without what is a trial by its own words."""
    found = []
    for line in log.read_text().splitlines():
        event = json.loads(line)
        user = event["user"]["username"]
        if user.startswith(USER) and not _tried(event):
            times = event["requestReceivedTimestamp"], event["stageTimestamp"]
            path = event["requestURI"].partition("?")[0]
            found.append(Write(*times, user.removeprefix(USER), event["verb"], path, event["responseStatus"]["code"]))
    return sorted(found)


def _tried(event: Mapping[str, Any]) -> bool:
    """Whether it says of itself that it changes nothing: a dry run, or a question for one's own rights."""
    body = event.get("requestObject") or {}
    return "dryRun=All" in event["requestURI"] or bool(body.get("dryRun")) or event["requestURI"].endswith("selfsubjectaccessreviews")


def holds(writes: Iterable[Write]) -> list[Held]:
    """Who held the lock from when to when, as the audit log has it."""
    taken: dict[str, str] = {}
    found = []
    for write in writes:
        if not write.of_the_lock or write.status >= 300:
            continue
        if write.verb == "create" or (write.verb == "update" and write.writer not in taken):
            taken[write.writer] = write.answered
        elif write.verb == "delete":
            found.append(Held(taken.pop(write.writer), write.came, write.writer))
    return sorted([*found, *(Held(since, "9", writer) for writer, since in taken.items())], key=lambda held: held.since)


def violations(writes: Sequence[Write], held: Sequence[Held]) -> list[str]:
    """Writes outside the writer's own time with the lock, and two who had it at once."""
    spans: dict[str, list[Held]] = defaultdict(list)
    for one in held:
        spans[one.writer].append(one)
    outside = [w for w in writes if not w.of_the_lock and not any(h.since <= w.came and w.answered <= h.until for h in spans[w.writer])]
    both = [(one, two) for one, two in itertools.pairwise(held) if one.until > two.since]
    return [f"outside its time with the lock: {w}" for w in outside] + [f"two at once: {one}, {two}" for one, two in both]
