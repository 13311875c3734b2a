"""When what was seen fails a release, and by which way the service is asked; the ways themselves run in tests/kind."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from helmtool.adapters.service import Reply
from helmtool.model.check import Check, Verdict
from helmtool.model.environment import Policy
from helmtool.operations import verify as module
from helmtool.operations.progress import Silent
from helmtool.operations.rights import NoWayToVerify, require_way_to_verify
from helmtool.operations.verify import VerifyFailed, verify

GOOD, DOUBT, BAD = (Check(verdict, verdict.value) for verdict in Verdict)
MANIFESTS: list[Any] = [
    {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "newdqmgui"}, "spec": {"ports": [{"port": 80}, {"port": 18889}]}},
    {"kind": "Deployment", "spec": {"template": {"spec": {"containers": [{"ports": [{"containerPort": 8889}]}]}}}},
]


@dataclass
class Heard(Silent):
    """Keeps what is told."""

    told: list[tuple[str, str]] = field(default_factory=list)

    def done(self, step: str, text: str) -> None:
        self.told.append(("done", text))

    def skip(self, step: str, reason: str) -> None:
        self.told.append(("skip", reason))

    def warn(self, text: str) -> None:
        self.told.append(("warn", text))


def run(monkeypatch: pytest.MonkeyPatch, policy: Policy, *checks: Check, **options: bool) -> tuple[list[tuple[str, str]], list[str]]:
    async def look(*_: object) -> list[Check]:
        return list(checks)

    monkeypatch.setattr(module, "_look", look)
    session: Any = SimpleNamespace(environment=SimpleNamespace(name="kind", release="newdqmgui", verify=policy))
    heard, seen = Heard(), ["before"]
    asyncio.run(verify(session, [], seen, progress=heard, **options))
    return heard.told, seen


def test_what_holds_is_told_and_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, Policy.REQUIRED, GOOD) == ([("done", "ok")], ["before", "ok: ok"])


def test_a_doubt_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    told, seen = run(monkeypatch, Policy.REQUIRED, GOOD, DOUBT)
    assert told == [("warn", "doubt"), ("done", "ok")]
    assert seen == ["before", "ok: ok", "doubt: doubt"]


@pytest.mark.parametrize(("policy", "options"), [(Policy.WARN, {}), (Policy.REQUIRED, {"fail": False})])
def test_what_fails_is_a_warning_where_nothing_is_required(monkeypatch: pytest.MonkeyPatch, policy: Policy, options: Any) -> None:
    assert run(monkeypatch, policy, GOOD, BAD, **options) == ([("warn", "failed")], ["before", "ok: ok", "failed: failed"])


def test_what_fails_ends_a_release_where_it_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(VerifyFailed, match="what runs is not as released: failed") as caught:
        run(monkeypatch, Policy.REQUIRED, GOOD, BAD)
    assert [problem.message for problem in caught.value.problems] == ["failed"]


@pytest.mark.parametrize(
    ("policy", "wanted", "reason"),
    [(Policy.REQUIRED, False, "--no-verify"), (Policy.OFF, True, "policy is off for kind"), (Policy.OFF, False, "policy is off for kind")],
)
def test_a_skip_is_recorded(monkeypatch: pytest.MonkeyPatch, policy: Policy, wanted: bool, reason: str) -> None:
    told, seen = run(monkeypatch, policy, BAD, wanted=wanted)
    assert (told, seen) == ([("skip", reason)], ["before", f"verify skipped: {reason}"])


@pytest.mark.parametrize(
    ("proxy", "forward", "pods", "text"),
    [
        (Reply(200), Reply(500), ["p"], "ok: / answers 200 (service proxy)"),
        (Reply(500), Reply(200), ["p"], "failed: / answers 500 (service proxy)"),
        (Reply(0, "timeout"), Reply(200), ["p"], "ok: / answers 200 (port-forward)"),
        (Reply(0, "timeout"), Reply(0, "forbidden"), ["p"], "failed: / does not answer: timeout; forbidden (port-forward)"),
        (Reply(0, "timeout"), Reply(200), [], "failed: / does not answer: timeout (service proxy)"),
    ],
)
def test_a_port_forward_where_the_proxy_does_not_get_through(
    monkeypatch: pytest.MonkeyPatch, proxy: Reply, forward: Reply, pods: list[str], text: str
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(module, "through_proxy", lambda _, name, port, path: asked.append((name, port, path)) or proxy)
    monkeypatch.setattr(module, "through_port_forward", lambda _, pod, port, path: asked.append((pod, port, path)) or forward)
    cluster: Any = None
    assert str(module._ask_once(cluster, MANIFESTS, "/", pods)) == text
    assert asked[0] == ("newdqmgui", 80, "/")
    assert asked[1:] in ([], [("p", 8889, "/")])


@pytest.mark.parametrize(
    ("allowed", "policy", "wanted", "refused"),
    [
        (set(), Policy.REQUIRED, True, True),
        ({"proxy"}, Policy.REQUIRED, True, False),
        ({"portforward"}, Policy.REQUIRED, True, False),
        (set(), Policy.REQUIRED, False, False),
        (set(), Policy.WARN, True, False),
        (set(), Policy.OFF, True, False),
    ],
)
def test_who_may_not_ask_is_told_before_anything_is_written(allowed: set[str], policy: Policy, wanted: bool, refused: bool) -> None:
    asked: list[str] = []

    def may(verb: str, resource: str, subresource: str) -> bool:
        asked.append(subresource)
        return subresource in allowed

    cluster = SimpleNamespace(namespace="dqm", may=may, in_parallel=lambda calls: [call() for call in calls])
    session: Any = SimpleNamespace(cluster=cluster, environment=SimpleNamespace(name="prod", verify=policy))
    if refused:
        with pytest.raises(NoWayToVerify, match="neither the service proxy nor a port-forward") as caught:
            require_way_to_verify(session, wanted)
        assert "--no-verify" in caught.value.hint
        assert caught.value.exit_code == 5
    else:
        require_way_to_verify(session, wanted)
    assert bool(asked) is (policy is Policy.REQUIRED and wanted)
