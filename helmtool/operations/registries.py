"""The registry of an environment's image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from helmtool.adapters.project import Project, find_project
from helmtool.adapters.registry import Registry
from helmtool.model.environment import Environment
from helmtool.model.registry import Retention, parse_repository
from helmtool.operations.compose import load_values
from helmtool.operations.settings import Settings


def registry_of(env: str, settings: Settings) -> tuple[Registry, Retention]:
    """The registry of the environment's image.repository, and the rule of its clean-up. Raises InvalidInput."""
    project = find_project(settings.config_dir)
    return registry_named(project, project.environment(env)), project.retention()


def registry_named(project: Project, environment: Environment, sets: Sequence[str] = ()) -> Registry:
    """The registry that `image.repository` in the environment's values names. Raises InvalidRepository."""
    image = load_values(project, environment, None, sets).data.get("image")
    name = image.get("repository") if isinstance(image, Mapping) else ""
    return Registry(parse_repository(str(name or "")))
