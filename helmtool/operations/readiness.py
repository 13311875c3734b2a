"""What a rollback would do now, and whether it can: asked before it is needed, and before it is done."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from typing import NamedTuple

from helmtool.adapters.registry import Registry
from helmtool.errors import HelmtoolError, Problem, Refused
from helmtool.model.change import Change, summary
from helmtool.model.environment import Policy
from helmtool.model.manifest import Manifest, kept_manifests
from helmtool.model.registry import parse_repository
from helmtool.model.revision import Revision, digest_of, last, rollback_target, running, tag_of
from helmtool.model.secret_version import mounted_name
from helmtool.operations.interference import paused_error
from helmtool.operations.preflight import Forecast, kind_gone, make_forecast
from helmtool.operations.reach import Reached
from helmtool.operations.secrets.step import require_secret
from helmtool.operations.secrets.versions import store_of


class ImageGone(Refused):
    """The registry does not have the image of a revision any more."""

    code = "image-gone"


class RollbackImpossible(Refused):
    """The API server would refuse an object of the revision."""

    code = "rollback-impossible"


class Readiness(NamedTuple):
    """What going back would do now. `obstacles` keep it from working; `doubts` are what is not known, or would not come back.

    `target` is nothing where no earlier revision served.
    """

    target: Revision | None
    changes: tuple[Change, ...] = ()
    obstacles: tuple[Problem, ...] = ()
    doubts: tuple[str, ...] = ()

    @property
    def possible(self) -> bool:
        """Whether there is a revision to go back to, and nothing known in its way."""
        return self.target is not None and not self.obstacles

    def __str__(self) -> str:
        if self.target is None:
            return "has nowhere to go: no earlier revision served"
        where = f"revision {self.target.number}{f' ({tag})' if (tag := tag_of(self.target)) else ''}"
        if self.obstacles:
            return f"to {where} is not possible: {self.obstacles[0].message}"
        return f"to {where} is possible: {summary(self.changes)}"


def readiness(session: Reached, revisions: Sequence[Revision], target: Revision | None = None) -> Readiness:
    """Looks at what `helmtool rollback` without a number would go to (or at `target`); writes nothing.

    Raises ClusterUnreachable and ClusterForbidden; what stands in the way of the rollback is its result.
    """
    target = target or rollback_target(revisions)
    if target is None:
        return Readiness(None)
    manifests = kept_manifests(target.manifest)
    checks = begin_checks(session, target, manifests)
    [stays] = session.cluster.begin([partial(_stays, session, manifests)])
    try:
        forecast = make_forecast(session, manifests, last(revisions))
    except Refused as error:
        return Readiness(target, obstacles=(Problem(error.message), *error.problems))
    refusals, doubts = obstacles(session, target, forecast, checks)
    found = tuple(problem for error in refusals for problem in error.problems or (Problem(error.message),))
    return Readiness(target, forecast.changes, found, (*doubts, *stays.result()))


def begin_checks(session: Reached, target: Revision, manifests: Sequence[Manifest]) -> list[Future[None]]:
    """Begins to look for what a revision needs beside its objects: the Secret that it mounts, its image."""
    return session.cluster.begin([partial(check, session, target, manifests) for check in (require_secret, require_image)])


def obstacles(session: Reached, target: Revision, forecast: Forecast, checks: Sequence[Future[None]]) -> tuple[list[Refused], list[str]]:
    """What keeps a revision from serving again, the gravest first, and what could not be found out; `checks` have begun before."""
    gone = kind_gone(forecast.changes)
    refusals: list[Refused] = [gone] if gone else []
    doubts: list[str] = []
    problems = [Problem(change.problem, path=str(change.key)) for change in forecast.changes if change.problem]
    if problems and not gone:
        refusals.append(
            RollbackImpossible(
                f"the API server would refuse revision {target.number}: {problems[0].message}",
                problems=problems,
                hint=f"helmtool rollback {session.environment.name} --dry-run",
            )
        )
    if forecast.pause:  # it would hold back the pods of any revision
        refusals.append(paused_error(forecast.pause))
    for check in checks:
        try:
            check.result()
        except Refused as error:
            refusals.append(error)
        except HelmtoolError as error:
            doubts.append(error.message)
    return refusals, doubts


def require_image(session: Reached, target: Revision, manifests: Sequence[Manifest]) -> None:
    """Raises ImageGone where the registry has lost the revision's image, and what asking it raises; asks none where the policy is off.

    A node that ran it may still have it, which nobody can rely on: the pod may start on another one.
    """
    image = _image(manifests)
    name, _, digest = image.partition("@")
    repository, _, tag = name.rpartition(":")
    if session.environment.resolve is Policy.OFF or not repository:
        return
    if Registry(parse_repository(repository)).digest(digest or tag) is None:
        way_back = f"helmtool image restore brings a copy back ({digest_of(target) or tag})"
        raise ImageGone(
            f"the registry does not have {image} of revision {target.number} any more",
            hint=f"{way_back}; --force goes there all the same: a node may have it still",
        )


def alternative(session: Reached, revisions: Sequence[Revision], target: Revision) -> str:
    """The command that goes to the newest other revision that served and can serve again; empty where there is none."""
    older = sorted((r for r in revisions if r.served and r.number < target.number), key=lambda r: -r.number)
    serving = running(revisions)
    for revision in older:
        if serving and revision.number != serving.number and readiness(session, revisions, revision).possible:
            return f"helmtool rollback {session.environment.name} {revision.number} can"
    return ""


def _image(manifests: Sequence[Manifest]) -> str:
    deployment = next((m for m in manifests if m.get("kind") == "Deployment"), None)
    return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"]) if deployment else ""


def _stays(session: Reached, manifests: Sequence[Manifest]) -> list[str]:
    """What going back does not bring back."""
    name = mounted_name(manifests)
    if name and name not in {version.name for version in store_of(session).versions()}:
        return [f"the Secret {name} is not a version: it stays as it is now"]
    return []
