"""Takes to one environment exactly what runs in another, when it has run well there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from helmtool.adapters.answer import ClusterForbidden
from helmtool.adapters.project import find_project
from helmtool.adapters.storage import read_chart
from helmtool.errors import Problem, Refused
from helmtool.model.check import Check, Verdict
from helmtool.model.environment import Environment, Promotion, find_environment
from helmtool.model.manifest import Manifest, kept_manifests, key_of
from helmtool.model.promotion import Evidence, check_drift, check_record, check_restarts, check_time
from helmtool.model.revision import Revision, digest_of, last, running, tag_of
from helmtool.model.rollout import judge
from helmtool.operations.drift import find_drift
from helmtool.operations.look import look_with_records
from helmtool.operations.observe import observe
from helmtool.operations.plan import Plan
from helmtool.operations.progress import Progress
from helmtool.operations.reach import Reach, reach
from helmtool.operations.release import Released, ReleaseOptions, release
from helmtool.operations.settings import Settings


class NotPromoted(Refused):
    """What runs in the other environment may not be taken on; `problems` says why."""

    code = "not-promoted"


class Promoted(NamedTuple):
    """What was found in the first environment, and the release to the second."""

    evidence: Evidence
    released: Released


async def promote(
    source: str,
    target: str,
    override: str,
    options: ReleaseOptions,
    settings: Settings,
    progress: Progress,
    confirm: Callable[[Plan, Evidence], bool],
) -> Promoted:
    """Releases to `target` the digest that runs in `source`, with the chart that runs there.

    The evidence is kept with the new revision. `override` is a reason for which what speaks against it does not count; another
    digest or another chart always does. Each environment is reached by its own kubeconfig; the settings' are the target's.
    Raises NotPromoted, and what `release` raises.
    """
    project = find_project(settings.config_dir)
    environments = project.environments()
    promotion = _promotion(find_environment(target, environments), find_environment(source, environments))
    own = settings.through(environments[source].kubeconfig)
    evidence = await asyncio.to_thread(_gather, source, promotion, own, progress)
    for check in evidence.checks:
        (progress.warn if check.verdict is Verdict.FAILS else lambda text: progress.done("evidence", text))(f"{source}: {check.text}")
    _require(evidence, target, override)
    lines = [*evidence.lines, *([f"override: {override}"] if override and evidence.against else [])]
    wanted = options._replace(digest=evidence.digest, evidence=lines)
    released = await release(target, evidence.tag, wanted, settings, progress, lambda plan: confirm(plan, evidence))
    return Promoted(evidence, released)


def _promotion(target: Environment, source: Environment) -> Promotion:
    if target.promotion is None or target.promotion.source != source.name:
        takes = f"takes what runs in {target.promotion.source}" if target.promotion else "takes nothing from another environment"
        raise NotPromoted(
            f"{target.name} {takes}, not from {source.name} (values/environments.yaml: promotion)",
            hint=f"helmtool promote {target.promotion.source} {target.name}" if target.promotion else f"helmtool release {target.name} TAG",
        )
    return target.promotion


def _gather(name: str, promotion: Promotion, settings: Settings, progress: Progress) -> Evidence:
    session = reach(name, settings, progress)
    history, records = look_with_records(session)
    current, newest = running(history), last(history)
    if current is None or newest is None:
        raise NotPromoted(f"nothing that was released serves in {name}", hint=f"helmtool status {name}")
    if not digest_of(current):
        raise NotPromoted(
            f"revision {current.number} of {name} was deployed by its tag alone, so its image is not known", hint=f"helmtool status {name}"
        )
    _require_chart(session, current)
    record = next((r for r in reversed(records) if r.revision == current.number), None)
    manifests = kept_manifests(current.manifest)
    checks = (
        *_serving(session, current, newest, manifests),
        check_record(record),
        check_time(record, promotion, datetime.now(UTC)),
        check_drift(_drift(session, manifests)),
    )
    return Evidence(name, current.number, tag_of(current), digest_of(current), checks)


def _require_chart(session: Reach, current: Revision) -> None:
    """Raises NotPromoted where the checkout's chart is not the one that runs there."""
    stored = read_chart(session.cluster, session.environment.release, current.number)
    files = list(stored.differences(session.project.chart_files())) if stored else ["templates"]
    if files:
        name = session.environment.name
        raise NotPromoted(
            f"the chart of this checkout is not the one that runs in {name} (revision {current.number}, {current.chart})",
            problems=[Problem("differs", file=f"charts/newdqmgui/{file}") for file in files],
            hint=f"helmtool history {name} shows the commit to check out; or release this chart to {name} first",
        )


def _serving(session: Reach, current: Revision, newest: Revision, manifests: Sequence[Manifest]) -> list[Check]:
    """Whether exactly this revision serves now, and has not been started again."""
    deployment = next((key_of(m) for m in manifests if m.get("kind") == "Deployment"), None)
    if deployment is None:
        return [Check(Verdict.FAILS, "the revision has no Deployment")]
    observation = observe(session.cluster, deployment, 0.0)
    state = judge(observation.deployment)
    serves = state.complete and newest.number == current.number
    said = (
        f"revision {newest.number} came after it and is {newest.outcome or newest.status.value}"
        if newest.number != current.number
        else state.text
    )
    return [Check(Verdict.HOLDS if serves else Verdict.FAILS, said), check_restarts(observation.new_pods)]


def _drift(session: Reach, manifests: Sequence[Manifest]) -> list[str] | None:
    try:
        return [str(drift) for drift in find_drift(session, manifests)]
    except ClusterForbidden:
        return None


def _require(evidence: Evidence, target: str, override: str) -> None:
    if evidence.against and not override:
        raise NotPromoted(
            f"what runs in {evidence.environment} ({evidence.tag}, revision {evidence.revision}) has not shown that it runs well",
            problems=[Problem(text, path=evidence.environment) for text in evidence.against],
            hint=f'helmtool promote {evidence.environment} {target} --override "REASON", which is recorded',
        )
