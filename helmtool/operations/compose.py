"""From an environment and a tag to one checked values document; reads files only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from helmtool.adapters.project import CHART, Project
from helmtool.errors import InvalidInput, Problem, Refused
from helmtool.model.document import parse_document
from helmtool.model.environment import Environment
from helmtool.model.rules import check_rules
from helmtool.model.schema import check
from helmtool.model.tag import Tag, deployed_tag, parse_tag
from helmtool.model.values import Layer, Values, merge, parse_set

STAND_IN = "HG0101a"
"""The tag that offline commands render with where none is given."""


class ValuesInvalid(InvalidInput):
    """The merged values break the schema or a rule between keys."""

    code = "values"


class NotYetSupported(Refused):
    """The chart knows it, this version of helmtool does not."""

    code = "not-supported"


@dataclass(frozen=True, slots=True)
class Composed:
    """The checked values of one environment at one tag, and the layers below the tag. `tag` is nothing where a stand-in was rendered."""

    environment: Environment
    values: Values
    tag: Tag | None
    layers: tuple[Layer, ...] = field(default=(), repr=False)

    @property
    def for_helm(self) -> dict[str, Any]:
        """The one document that Helm gets over standard input."""
        return self.values.for_helm()

    @property
    def image(self) -> str:
        """The image reference that the values name."""
        image = self.values.data["image"]
        return f"{image['repository']}:{image['tag']}" + (f"@{image['digest']}" if image.get("digest") else "")

    @property
    def digest(self) -> str:
        """The image's digest; empty where it is deployed by its tag alone."""
        return str(self.values.data["image"].get("digest") or "")

    @property
    def image_name(self) -> str:
        """The image without its registry and with a short digest, for lines that people read."""
        name, _, digest = self.image.rsplit("/", 1)[-1].partition("@sha256:")
        return f"{name}@{digest[:12]}" if digest else name


def compose(project: Project, environment: Environment, tag: str | None, sets: Sequence[str] = (), *, stand_in: bool = False) -> Composed:
    """Merges and checks the values of an environment: chart defaults, its file, `--set`, then the tag that is deployed there.

    With `stand_in`, a document without a tag gets one of valid grammar, so that it renders.
    Raises InvalidTag, TagPolicyRefused and ValuesInvalid; the latter with every problem at once.
    """
    project.document(CHART / "Chart.yaml")  # a mistake there is found with its place, where Helm would only name the file
    parsed = deployed_tag(parse_tag(tag), environment.stable_tag, environment.name) if tag is not None else None
    layers = _layers(project, environment, sets)
    values = merge([*layers, *_tag_layer(parsed)])
    if stand_in and not parsed and not (values.data.get("image") or {}).get("tag"):
        values = merge([*layers, *_tag_layer(parse_tag(STAND_IN), source="(no tag given)")])
    _check(project, environment, values)
    if parsed:
        _require_the_tag_chooses(environment, values)
    return Composed(environment, values, parsed, tuple(layers))


def pin(composed: Composed, digest: str) -> Composed:
    """The same values with the digest that a registry gave for the tag; without a digest, as they are."""
    if not digest or composed.tag is None:
        return composed
    return replace(composed, values=merge([*composed.layers, *_tag_layer(composed.tag, digest)]))


def _require_the_tag_chooses(environment: Environment, values: Values) -> None:
    """A digest from a file or `--set` would run another image than the tag that was asked for, and its policy would mean nothing."""
    origin = values.origin(("image", "digest"))
    if values.data["image"].get("digest") and origin:
        problem = Problem("the TAG says which image runs; leave the digest away", origin.file, origin.line, origin.column, "image.digest")
        raise ValuesInvalid(f"the values of {environment.name} name a digest of their own", problems=[problem], hint=f"edit {origin.file}")


def load_values(project: Project, environment: Environment, tag: str | None, sets: Sequence[str] = ()) -> Values:
    """The merged values, not checked: for showing what is there."""
    parsed = deployed_tag(parse_tag(tag), environment.stable_tag, environment.name) if tag else None
    return merge([*_layers(project, environment, sets), *_tag_layer(parsed)])


def _layers(project: Project, environment: Environment, sets: Sequence[str]) -> list[Layer]:
    return [
        Layer("chart", project.document(CHART / "values.yaml")),
        Layer(environment.name, project.document(project.values_file(environment.name))),
        *(parse_set(text) for text in sets),
    ]


def _tag_layer(tag: Tag | None, digest: str = "", source: str = "TAG") -> list[Layer]:
    """The layer above all others. A digest is one that a registry gave, and has the form of one."""
    named = f', digest: "{digest}"' if digest else ""
    return [Layer("tag", parse_document(source, f'image: {{tag: "{tag}"{named}}}'.encode()))] if tag else []


def _check(project: Project, environment: Environment, values: Values) -> None:
    problems = check(values, project.schema())
    problems += [] if problems else check_rules(values)
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        own = project.shown(project.values_file(environment.name))
        files = list(dict.fromkeys(problem.file for problem in problems)) or [own]
        change = " and ".join(f"edit {file}" if "." in file else f"change {file}" for file in files)
        raise ValuesInvalid(
            f"the values of {environment.name} have {count}",
            problems=problems,
            hint=f"{change}, then: helmtool validate {environment.name}",
        )
    if values.data["secrets"]["mode"] == "versioned":
        raise NotYetSupported(
            "secrets.mode versioned needs helmtool's secrets commands, which this version does not have", hint="set secrets.mode: existing"
        )
