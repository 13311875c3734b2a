"""Looks at everything that a release will need, one thing after the other, and says how to mend what is not there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from helmtool.adapters import toolbox
from helmtool.adapters.answer import ClusterForbidden
from helmtool.adapters.cluster import Cluster
from helmtool.adapters.project import find_project
from helmtool.errors import HelmtoolError
from helmtool.model.check import Verdict
from helmtool.model.environment import Environment, Policy, SecretMode
from helmtool.model.manifest import Manifest, ObjectKey
from helmtool.model.prerequisite import Prerequisite, prerequisites
from helmtool.model.right import RELEASE, Right
from helmtool.operations.guard import is_pinned
from helmtool.operations.progress import Silent
from helmtool.operations.reach import Reach, check_cluster, reach
from helmtool.operations.settings import Settings

SHOWN = 3
"""Missing rights that are named; the page has them all."""


class Finding(NamedTuple):
    """One thing that was looked at: what was seen, and the command or the step that mends it (empty where nothing is to be done)."""

    name: str
    verdict: Verdict
    text: str
    fix: str = ""


def doctor(name: str | None, settings: Settings) -> Iterator[Finding]:
    """The programs and the checkout; and of an environment its kubeconfig, cluster, rights, prerequisites and registry.

    Gives each finding when it is known. What cannot be looked at because of an earlier finding is left out. Raises nothing but mistakes.
    """
    yield from map(_program, toolbox.CLIENT)
    yield _found("checkout", partial(_checkout, settings))
    if name is None:
        yield from _every_kubeconfig(settings)
        return
    try:
        session = reach(name, settings, Silent())
    except HelmtoolError as error:
        yield _failed("kubeconfig", error)
    else:
        yield Finding("kubeconfig", Verdict.HOLDS, f"context {session.access.context} of {session.access.kubeconfig}")
        yield _pinned(session.environment)
        yield from _of_cluster(session)
    yield _registry(name, settings)


def _of_cluster(session: Reach) -> Iterator[Finding]:
    began = time.monotonic()
    try:
        check_cluster(session)
    except HelmtoolError as error:
        yield _failed("cluster", error)
        return
    milliseconds = (time.monotonic() - began) * 1000
    yield Finding("cluster", Verdict.HOLDS, f"{session.access.cluster} at {session.access.server} answers in {milliseconds:.0f} ms")
    yield _found("rights", partial(_rights, session))
    yield from _prerequisites(session)


def _program(program: str) -> Finding:
    try:
        tool = toolbox.locate(program)
    except toolbox.ToolMissing as error:
        verdict = Verdict.FAILS if program == "helm" else Verdict.DOUBT  # the others are for files of secrets alone
        return Finding(program, verdict, error.message, error.hint)
    return Finding(program, Verdict.HOLDS, f"{tool.version} ({tool.path})")


def _checkout(settings: Settings) -> Finding:
    project = find_project(settings.config_dir)
    names = ", ".join(project.environments())
    if project.copy:
        fix = "cd to a checkout before a release: the copy is as old as the installation"
        return Finding("checkout", Verdict.DOUBT, f"none; the copy in {project.copy}, with {names}", fix)
    return Finding("checkout", Verdict.HOLDS, f"{project.root}, with {names}")


def _every_kubeconfig(settings: Settings) -> Iterator[Finding]:
    try:
        names = list(find_project(settings.config_dir).environments())
    except HelmtoolError:
        return
    for name in names:
        try:
            access = reach(name, settings, Silent()).access
        except HelmtoolError as error:
            yield Finding(name, Verdict.DOUBT, error.message, error.hint)
        else:
            yield Finding(name, Verdict.HOLDS, f"context {access.context} of {access.kubeconfig}; more with: helmtool doctor {name}")


def _pinned(environment: Environment) -> Finding:
    if is_pinned(environment):
        return Finding("identity", Verdict.HOLDS, "the cluster is known by more than its name")
    return Finding("identity", Verdict.DOUBT, "the cluster is known by its name alone", f"helmtool env pin {environment.name}")


def _rights(session: Reach) -> Finding:
    missing = _missing(session.cluster, RELEASE)
    if not missing:
        return Finding("rights", Verdict.HOLDS, f"all {len(RELEASE)} that a release can use")
    names = ", ".join(map(str, missing[:SHOWN])) + (f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else "")
    return Finding(
        "rights", Verdict.DOUBT, f"{len(missing)} of {len(RELEASE)} are missing: {names}", "docs/reference/rbac.md says what needs them"
    )


def _missing(cluster: Cluster, rights: Sequence[Right]) -> list[Right]:
    allowed = cluster.in_parallel([partial(cluster.may, r.verb, r.resource, r.subresource, r.group) for r in rights])
    return [right for right, may in zip(rights, allowed, strict=True) if not may]


def _prerequisites(session: Reach) -> Iterator[Finding]:
    """The Secrets and claims that the chart mounts and does not make."""
    try:
        wanted = [each for each in prerequisites(asyncio.run(_rendered(session))) if not _is_made(each, session.environment)]
        found = session.cluster.in_parallel([partial(_is_there, session.cluster, each.key(session.cluster.namespace)) for each in wanted])
    except HelmtoolError as error:
        yield _failed("prerequisites", error)
        return
    for each, there in zip(wanted, found, strict=True):
        yield _prerequisite(each, there, session.cluster.namespace)


def _is_made(each: Prerequisite, environment: Environment) -> bool:
    """Whether a release makes it: the version of the service's own secret."""
    return each.volume == "secrets" and environment.secrets is SecretMode.VERSIONED


async def _rendered(session: Reach) -> list[Manifest]:
    from helmtool.operations.compose import compose
    from helmtool.operations.session import offline_helm

    composed = compose(session.project, session.environment, None, stand_in=True)
    return await offline_helm(session.environment).template(session.project.chart, composed.for_helm)


def _is_there(cluster: Cluster, key: ObjectKey) -> bool | None:
    """Nothing where the person may not ask."""
    try:
        return cluster.get(key) is not None
    except ClusterForbidden:
        return None


def _prerequisite(each: Prerequisite, there: bool | None, namespace: str) -> Finding:
    fix = f"kubectl -n {namespace} get {each.kind.lower()} {each.name}; its owner makes it, see docs/how-to/release.md"
    if there is None:
        return Finding(each.kind, Verdict.DOUBT, f"whether {each.name} is there is not known: you may not read it", fix)
    if there:
        return Finding(each.kind, Verdict.HOLDS, f"{each.name} is there")
    text = f"there is no {each.name}, which the volume {each.volume} needs"
    return Finding(each.kind, Verdict.DOUBT if each.optional else Verdict.FAILS, text, fix)


def _registry(name: str, settings: Settings) -> Finding:
    from helmtool.operations.registries import registry_of

    try:
        policy = find_project(settings.config_dir).environment(name).resolve
        if policy is Policy.OFF:
            return Finding("registry", Verdict.HOLDS, f"not asked: a release to {name} asks none")
        registry, _ = registry_of(name, settings)
        return Finding("registry", Verdict.HOLDS, f"{registry.repository} has {len(registry.tags())} tags")
    except HelmtoolError as error:
        return _failed("registry", error)


def _found(name: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except HelmtoolError as error:
        return _failed(name, error)


def _failed(name: str, error: HelmtoolError) -> Finding:
    return Finding(name, Verdict.FAILS, error.message, error.hint)
