"""Everything that can be known to be wrong without a cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from helmtool.adapters.project import Project, find_project
from helmtool.adapters.toolbox import ToolMissing
from helmtool.errors import HelmtoolError, InvalidInput, Problem, Refused
from helmtool.model.environment import Environment, find_environment
from helmtool.model.manifest import Manifest
from helmtool.model.openapi import check_objects
from helmtool.operations.compose import Composed, check, draft
from helmtool.operations.session import offline_helm
from helmtool.operations.settings import Settings
from helmtool.operations.together import beside, together

AT_ONCE = 4
"""The most helms that render at the same time: more of them are not faster, and each takes some 60 MB."""


class Validated(NamedTuple):
    """The result for one environment: its problems, and how many objects were rendered and checked."""

    environment: str
    objects: int
    problems: tuple[Problem, ...]
    warnings: tuple[str, ...] = ()
    error: HelmtoolError | None = None


class NotValid(InvalidInput):
    """At least one environment is not valid."""

    code = "invalid-values"


async def validate(names: Sequence[str], settings: Settings, *, strict: bool = False) -> list[Validated]:
    """Checks environments, all of them when none is named: YAML, schema, rules, rendering, the Kubernetes API's own schemas."""
    project = find_project(settings.config_dir)
    environments = project.environments()
    chosen = [find_environment(name, environments) for name in names] or list(environments.values())
    room = asyncio.Semaphore(AT_ONCE)
    return await together(*(_validate(project, environment, strict, room) for environment in chosen))


async def render(name: str, tag: str | None, settings: Settings, sets: Sequence[str] = ()) -> tuple[Composed, list[Manifest]]:
    """The rendered objects of an environment, hooks included, and the values they come from; needs no cluster."""
    project = find_project(settings.config_dir)
    environment = project.environment(name)
    return await _rendered(project, draft(project, environment, tag, sets, stand_in=True))


async def _rendered(project: Project, composed: Composed) -> tuple[Composed, list[Manifest]]:
    """The draft, checked, and its objects. Helm renders while it is checked; of both the check has the first word on what is wrong."""
    async with beside(asyncio.to_thread(check, project, composed)) as checking:
        manifests = await offline_helm(composed.environment).template(project.chart, composed.for_helm)
        await checking
    return composed, manifests


async def _validate(project: Project, environment: Environment, strict: bool, room: asyncio.Semaphore) -> Validated:
    try:
        async with room:
            _, manifests = await _rendered(project, draft(project, environment, None, stand_in=True))
    except ToolMissing:
        raise  # it is no environment's problem
    except (InvalidInput, Refused) as error:
        return Validated(environment.name, 0, error.problems or (Problem(error.message),), error=error)
    warnings = _suspicious(environment)
    problems = check_objects(manifests) + [Problem(text, path=environment.name) for text in warnings if strict]
    return Validated(environment.name, len(manifests), tuple(problems), () if strict else warnings)


def _suspicious(environment: Environment) -> tuple[str, ...]:
    """What works, and is less safe than it could be."""
    pinned = environment.embedded or environment.cluster.pinned
    return () if pinned or not environment.protected else ("known by its cluster's name alone; a pin is safer (environments.yaml)",)
