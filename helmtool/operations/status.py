"""What runs where, and what ran before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, NamedTuple

from helmtool.adapters.answer import ClusterForbidden, ClusterUnreachable
from helmtool.adapters.project import find_project
from helmtool.errors import HelmtoolError, OperationFailed
from helmtool.model.manifest import Manifest, kept_manifests, key_of
from helmtool.model.reading import listing, mapping, text
from helmtool.model.record import Record
from helmtool.model.revision import DEPLOYED, Revision, RevisionStatus, last, running, tag_of
from helmtool.model.rollout import Rollout, judge
from helmtool.operations.ask import PATIENCE, ask_each
from helmtool.operations.completion import remember_revisions
from helmtool.operations.drift import drift_among
from helmtool.operations.guard import WrongCluster
from helmtool.operations.interference import notes_on, read_autoscalers
from helmtool.operations.look import look_with_records
from helmtool.operations.preflight import Try, begin_tries
from helmtool.operations.progress import Progress, Silent
from helmtool.operations.reach import Reach, reach
from helmtool.operations.settings import Settings


class Status(NamedTuple):
    """One environment: `state` is running, not-ready, pending, failed, not-released or unknown; `problem` says why it is not known.

    It is never running while no pod is to run. `notes` say what others have set on the Deployment: a pause, an autoscaler, more replicas.

    `digest` is the one that the Deployment names, else the one that its pods say they run; empty where neither tells. `drift` is what
    other hands have changed since, nothing where that cannot be asked; `rollback` what going back would do, where it was asked for.
    """

    environment: str
    state: str
    image: str = ""
    digest: str = ""
    revision: int | None = None
    last_status: str = ""
    updated: str = ""
    who: str = ""
    ready: int = 0
    desired: int = 0
    problem: str = ""
    error: HelmtoolError | None = None
    drift: tuple[str, ...] | None = ()
    rollback: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()


class HistoryLine(NamedTuple):
    """One revision of Helm with what is recorded beside it, or a record without a revision.

    `kept` is false if there is nothing to go back to: Helm has pruned the revision, or never made it (`status` is then not Helm's word).
    """

    revision: int
    status: str
    updated: str
    chart: str
    tag: str
    record: Record | None
    kept: bool = True


async def status(names: Sequence[str], settings: Settings, progress: Progress, *, rollback: bool = False) -> list[Status]:
    """The state of each environment, asked at the same time; one that cannot be reached does not hide the others, or hold them up.

    Several are asked as `state_among` does. With `rollback`, also what going back would do now.
    """

    def waiting(late: Sequence[str]) -> None:
        progress.start("status", f"waiting for {', '.join(late)}")

    ask = partial(state_among if len(names) > 1 else state_of, settings=settings, rollback=rollback)
    found = await ask_each(names, ask, waiting=waiting)
    return [found[name] or _late(name) for name in names]


def _late(name: str) -> Status:
    message = f"no answer within {PATIENCE:.0f} s"
    return Status(name, "unknown", problem=message, error=ClusterUnreachable(f"{name}: {message}", hint=f"helmtool doctor {name}"))


def history(name: str, settings: Settings, progress: Progress) -> list[HistoryLine]:
    """The kept revisions, newest first, with who, from which commit, why, and how they ended; completion remembers them."""
    session = reach(name, settings, progress)
    revisions, kept = look_with_records(session)
    records = {record.revision: record for record in kept}
    lines = [HistoryLine(r.number, _outcome(r), r.updated, r.chart, tag_of(r), records.pop(r.number, None)) for r in revisions]
    newest = last(revisions)
    lines += [_without_revision(r, newest) for r in records.values()]
    lines.sort(key=lambda line: line.revision, reverse=True)
    kept_lines = [(str(x.revision), " ".join(filter(None, (x.tag, x.status)))) for x in lines if x.kept]
    remember_revisions(name, session.access.server, kept_lines)
    return lines


def _without_revision(record: Record, newest: Revision | None) -> HistoryLine:
    """A record alone: of a revision that Helm has pruned, or, above the newest, of a release that ended before Helm made one.

    What was deployed then is superseded by now; what else became of it, only the record tells.
    """
    pruned = newest is None or record.revision < newest.number
    status = RevisionStatus.SUPERSEDED.value if pruned and record.outcome == DEPLOYED else record.outcome
    return HistoryLine(record.revision, status, record.when, record.chart, record.tag, record, kept=False)


def state_of(name: str, settings: Settings, *, rollback: bool = False) -> Status:
    """The state of one environment; what hinders is in it and is not raised."""
    try:
        return _live_status(reach(name, settings, Silent()), rollback=rollback)
    except HelmtoolError as error:
        error.name_environment(name)
        return Status(name, "unknown", problem=error.message, error=error)


def state_among(name: str, settings: Settings, *, rollback: bool = False) -> Status:
    """The same where others are asked too: neither the kubeconfig that fits one of them, nor a mistake in judging one, hides the others.

    The environment is asked through the kubeconfig in use; where that one reaches another cluster, through its own.
    """
    try:
        found = state_of(name, settings, rollback=rollback)
        if isinstance(found.error, WrongCluster):
            environment = find_project(settings.config_dir).environment(name)
            own = settings.through(environment.kubeconfig)
            return found if environment.embedded else state_of(name, own, rollback=rollback)
        return found
    except Exception as error:  # an answer that no code foresaw
        problem = f"its answer is not understood ({type(error).__name__})"
        return Status(name, "unknown", problem=problem, error=OperationFailed(f"{name}: {problem}", hint=f"helmtool -vv status {name}"))


def _live_status(session: Reach, *, rollback: bool) -> Status:
    name = session.environment.name
    revisions, records = look_with_records(session)
    newest, current = last(revisions), running(revisions)
    if newest is None:
        return Status(name, "not-released")
    record = next((r for r in reversed(records) if current and r.revision == current.number), None)
    manifests = kept_manifests((current or newest).manifest)
    deployment = next((m for m in manifests if m.get("kind") == "Deployment"), None)
    also: list[Callable[[], Any]] = [partial(_running_digest, session, deployment), partial(read_autoscalers, session.cluster)]
    tries, (digest, autoscalers) = begin_tries(session, manifests if current else (), also=also)
    lives = [each.live.result() for each in tries if each.manifest.get("kind") == "Deployment"]
    live = lives[0] if lives else session.cluster.get(key_of(deployment)) if deployment else None
    rollout = judge(live)
    state = "pending" if newest.status.pending else "failed" if current is None else "running" if rollout.complete else "not-ready"
    containers = listing(live, "spec", "template", "spec", "containers")
    image = text(containers[0], "image") if containers else ""
    return Status(
        name,
        state,
        image=image,
        digest=image.partition("@")[2] or _digest(session, live, deployment, digest),
        revision=current.number if current else None,
        last_status=newest.status.value,
        updated=(current or newest).updated,
        who=record.who if record else "",
        ready=rollout.ready,
        desired=rollout.desired,
        problem=_problem(newest, rollout),
        drift=_drift(session, tries),
        rollback=_rollback(session, revisions) if rollback else None,
        notes=notes_on(live, autoscalers.result()),
    )


def _drift(session: Reach, tries: Sequence[Try]) -> tuple[str, ...] | None:
    """What other hands have changed; nothing where the person may not ask, for a dry run needs the right to write."""
    try:
        return tuple(map(str, drift_among(session, tries)))
    except ClusterForbidden:
        return None


def _rollback(session: Reach, revisions: Sequence[Revision]) -> dict[str, Any]:
    from helmtool.operations.readiness import readiness  # brings Helm's library, which only this needs

    found = readiness(session, revisions)
    return {
        "possible": found.possible,
        "text": str(found),
        "revision": found.target.number if found.target else None,
        "obstacles": [str(problem) for problem in found.obstacles],
        "doubts": list(found.doubts),
    }


def _digest(session: Reach, live: Manifest | None, deployment: Manifest | None, asked: Future[str]) -> str:
    """The digest of the pods of a live Deployment that names none itself; `asked` is that of the one that was released."""
    if live is None:
        return ""
    return _running_digest(session, live) if _names_a_digest(deployment) else asked.result()


def _names_a_digest(deployment: Manifest | None) -> bool:
    return any("@" in text(container, "image") for container in listing(deployment, "spec", "template", "spec", "containers")[:1])


def _running_digest(session: Reach, deployment: Manifest | None) -> str:
    """The digest that every pod of a Deployment runs, as the node's container engine tells it; empty where they differ, none tells, or
    the Deployment names one itself.

    An `imageID` without a repository is the digest of the image's configuration, which no registry knows the image by.
    """
    if deployment is None or _names_a_digest(deployment):
        return ""
    labels = mapping(deployment, "spec", "selector", "matchLabels")
    pods = session.cluster.list("v1", "Pod", label_selector=",".join(f"{key}={value}" for key, value in labels.items()))
    statuses = [s for pod in pods for s in listing(pod, "status", "containerStatuses")[:1]]
    found = {text(status, "imageID").partition("@")[2] for status in statuses}
    return found.pop() if len(found) == 1 else ""


def _problem(newest: Revision, rollout: Rollout) -> str:
    if newest.status.pending:
        return f"revision {newest.number} is {newest.status.value} since {newest.updated}; {rollout.text}"
    return "" if rollout.complete else rollout.text


def _outcome(revision: Revision) -> str:
    """Helm's status, unless the record knows better: Helm calls what it applied deployed, even if no pod ever started."""
    return revision.status.value if revision.served or not revision.status.was_deployed else revision.outcome
