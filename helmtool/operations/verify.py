"""Asks what runs whether it is what was released, and whether it answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from helmtool.adapters.cluster import Cluster
from helmtool.adapters.service import Reply, through_port_forward, through_proxy
from helmtool.adapters.web import public_status
from helmtool.errors import HelmtoolError, OperationFailed, Problem
from helmtool.model.check import PATHS, Check, Verdict, check_answer, check_endpoint, check_pods, check_restarts
from helmtool.model.environment import Policy
from helmtool.model.manifest import Manifest, key_of
from helmtool.model.reading import listing, number
from helmtool.operations.progress import Progress
from helmtool.operations.session import Session

SETTLING = 5.0
PATIENCE, PAUSE = 10.0, 1.0
"""Seconds that a ready pod may take until it answers everywhere: addresses of a Service spread with a delay."""


class VerifyFailed(OperationFailed):
    """What runs is not what was released, or does not answer; `problems` says what."""

    code = "verify-failed"


async def verify(
    session: Session, manifests: Sequence[Manifest], seen: list[str], *, progress: Progress, wanted: bool = True, fail: bool = True
) -> None:
    """Looks at pods, restarts, the service's own answers and the public address, and adds what it saw to `seen`.

    Raises VerifyFailed where the policy is `required` and `fail` is set; else what fails is a warning.
    """
    policy = session.environment.verify
    if policy is Policy.OFF or not wanted:
        reason = "--no-verify" if policy is not Policy.OFF else f"policy is off for {session.environment.name}"
        progress.skip("verify", reason)
        seen.append(f"verify skipped: {reason}")
        return
    progress.start("verify", f"asking {session.environment.release}")
    checks = await _look(session, manifests)
    seen += [check.line for check in checks]
    for check in checks:
        if check.verdict is not Verdict.HOLDS:
            progress.warn(check.text)
    failed = [check for check in checks if check.verdict is Verdict.FAILS]
    if failed and fail and policy is Policy.REQUIRED:
        name = session.environment.name
        problems = [Problem(check.text, path="verify", quoted=bool(check.recorded)) for check in failed]
        said = "what runs is not as released"
        recorded = f"{said}: {failed[0].recorded or failed[0].text}"
        raise VerifyFailed(f"{said}: {failed[0].text}", problems=problems, hint=f"helmtool history {name}", recorded=recorded)
    if not failed:
        progress.done("verify", "; ".join(check.text for check in checks if check.verdict is Verdict.HOLDS))


async def _look(session: Session, manifests: Sequence[Manifest]) -> list[Check]:
    """All checks; what hinders one is its result, for a look must not end a release that serves."""
    public = asyncio.create_task(asyncio.to_thread(_endpoint, session.environment.endpoint))
    try:
        inside = await _look_inside(session.cluster, manifests)
    except HelmtoolError as error:
        said = "the service could not be looked at"
        inside = [Check(Verdict.FAILS, f"{said}: {error.message}", f"{said}: {error.recorded}")]
    return [*inside, *await public]


async def _look_inside(cluster: Cluster, manifests: Sequence[Manifest]) -> list[Check]:
    deployment = next((m for m in manifests if m.get("kind") == "Deployment"), None)
    if deployment is None:
        return []
    before = await asyncio.to_thread(_pods, cluster, deployment)
    since = time.monotonic()
    answers = [await _ask(cluster, manifests, path, [p["metadata"]["name"] for p in before]) for path in PATHS]
    await asyncio.sleep(max(0.0, since + SETTLING - time.monotonic()))
    after = await asyncio.to_thread(_pods, cluster, deployment)
    return [*answers, *check_pods(deployment, after), check_restarts(before, after, time.monotonic() - since)]


def _pods(cluster: Cluster, deployment: Manifest) -> list[Manifest]:
    labels = deployment["spec"]["selector"]["matchLabels"]
    found = cluster.list("v1", "Pod", label_selector=",".join(f"{key}={value}" for key, value in labels.items()))
    return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]


async def _ask(cluster: Cluster, manifests: Sequence[Manifest], path: str, pods: Sequence[str]) -> Check:
    """One path of the service, asked again for a while where it does not answer as it should."""
    until = time.monotonic() + PATIENCE
    while True:
        check = await asyncio.to_thread(_ask_once, cluster, manifests, path, pods)
        if check.verdict is Verdict.HOLDS or time.monotonic() >= until:
            return check
        await asyncio.sleep(PAUSE)


def _ask_once(cluster: Cluster, manifests: Sequence[Manifest], path: str, pods: Sequence[str]) -> Check:
    """Through the service proxy; where that does not get through, as where a NetworkPolicy keeps the API server out, by a port-forward."""
    container = _container(manifests)
    name, port = _service(manifests)
    reply = through_proxy(cluster, name, port, path) if name else Reply(0, "the release has no Service")
    if reply.status or not pods or not container:
        return check_answer(path, reply.status, reply.text, "service proxy")
    forwarded = through_port_forward(cluster, pods[0], container, path)
    text = f"{reply.text}; {forwarded.text}" if forwarded.text else ""
    return check_answer(path, forwarded.status, text, "port-forward")


def _service(manifests: Sequence[Manifest]) -> tuple[str, int]:
    service = next((m for m in manifests if m.get("kind") == "Service"), None)
    return (key_of(service).name, int(service["spec"]["ports"][0]["port"])) if service else ("", 0)


def _container(manifests: Sequence[Manifest]) -> int:
    """The port on which the server listens in its pod."""
    specs = [m["spec"]["template"]["spec"] for m in manifests if m.get("kind") == "Deployment"]
    ports = [port for spec in specs for port in listing(spec["containers"][0], "ports")]
    return number(ports[0], "containerPort") or 0 if ports else 0


def _endpoint(url: str) -> list[Check]:
    return [check_endpoint(url, *public_status(url))] if url else []
