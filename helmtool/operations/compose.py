"""From an environment and a tag to one checked values document; reads files only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from helmtool.adapters.project import CHART, Project
from helmtool.errors import InvalidInput, Problem, Refused
from helmtool.model import schema
from helmtool.model.change import Change
from helmtool.model.document import parse_document
from helmtool.model.environment import Environment, SecretMode
from helmtool.model.rules import check_rules
from helmtool.model.secret_version import placeholder_name
from helmtool.model.tag import Tag, deployed_tag, parse_tag
from helmtool.model.values import Layer, Values, merge, parse_set

VERSIONED, INLINE, VAULT = SecretMode.VERSIONED.value, "inline", "vault"
STAND_IN = "HG0101a"
"""The tag that offline commands render with where none is given."""


class ValuesInvalid(InvalidInput):
    """The merged values break the schema or a rule between keys."""

    code = "values"


class InlineSecrets(Refused):
    """A protected environment, and secret files in its values."""

    code = "inline-secrets"


class Composed(NamedTuple):
    """The checked values of one environment at one tag, and the layers below the tag. `tag` is nothing where a stand-in was rendered.

    `secret_changes` is what the version of the secret changes beside the chart's own objects.
    """

    environment: Environment
    values: Values
    tag: Tag | None
    layers: tuple[Layer, ...] = ()
    secret_changes: tuple[Change, ...] = ()

    def __repr__(self) -> str:
        """Without the values, which may be secrets."""
        return f"Composed({self.environment.name}, {self.tag})"

    @property
    def secret_mode(self) -> str:
        """Where the service's secret files come from: existing, versioned, inline or vault."""
        return str(self.values.data["secrets"]["mode"])

    @property
    def secret_name(self) -> str:
        """The Secret that is mounted; with `versioned` its base and a placeholder, until `with_secret`."""
        return str(self.values.data["secrets"]["name"])

    def with_secret(self, name: str, changes: tuple[Change, ...] = ()) -> Composed:
        """The same with the name of a version, and what applying it changes."""
        data, overrides = ({**d, "secrets": {**(d.get("secrets") or {}), "name": name}} for d in (self.values.data, self.values.overrides))
        return self._replace(values=self.values._replace(data=data, overrides=overrides), secret_changes=changes)

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


def compose(
    project: Project,
    environment: Environment,
    tag: str | None,
    sets: Sequence[str] = (),
    *,
    stand_in: bool = False,
    versioned: bool = False,
) -> Composed:
    """Merges and checks the values of an environment. Raises what `draft` and `check` raise."""
    composed = draft(project, environment, tag, sets, stand_in=stand_in, versioned=versioned)
    check(project, composed)
    return composed


def draft(
    project: Project,
    environment: Environment,
    tag: str | None,
    sets: Sequence[str] = (),
    *,
    stand_in: bool = False,
    versioned: bool = False,
) -> Composed:
    """Merges the values of an environment: chart defaults, its file, `--set`, then the tag that is deployed there.

    They may be anything until `check` has seen them: what a draft says of itself must not be asked for before. With `stand_in`, a document
    without a tag gets one of valid grammar, so that it renders; `versioned` asks for a version of the secret where the environment
    does not. Raises InvalidTag, TagPolicyRefused and what is wrong with the files themselves.
    """
    project.document(CHART / "Chart.yaml")  # a mistake there is found with its place, where Helm would only name the file
    parsed = deployed_tag(parse_tag(tag), environment.stable_tag, environment.name) if tag is not None else None
    layers = _layers(project, environment, sets, versioned=versioned)
    values = merge(layers)
    if parsed and _takes_tag(values):
        values = merge([*layers, *_tag_layer(parsed)])
    elif stand_in and not parsed and _lacks_tag(values):
        values = merge([*layers, *_tag_layer(parse_tag(STAND_IN), source="(no tag given)")])
    return Composed(environment, values, parsed, tuple(layers))


def check(project: Project, composed: Composed) -> None:
    """Raises ValuesInvalid with every problem at once where the values break the schema or a rule, and InlineSecrets."""
    _check(project, composed.environment, composed.values)
    if composed.tag:
        _require_the_tag_chooses(composed.environment, composed.values)


def _takes_tag(values: Values) -> bool:
    """Whether a tag goes with the image; what is no map stays for the schema to name, where Helm would drop it without a word."""
    image = values.data.get("image")
    return image is None or isinstance(image, dict)


def _lacks_tag(values: Values) -> bool:
    return _takes_tag(values) and not (values.data.get("image") or {}).get("tag")


def pin(composed: Composed, digest: str) -> Composed:
    """The same values with the digest that a registry gave for the tag; without a digest, as they are."""
    if not digest or composed.tag is None:
        return composed
    return composed._replace(values=merge([*composed.layers, *_tag_layer(composed.tag, digest)]))


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


def _layers(project: Project, environment: Environment, sets: Sequence[str], *, versioned: bool = False) -> list[Layer]:
    layers = [
        Layer("chart", project.document(CHART / "values.yaml")),
        Layer(environment.name, project.document(project.values_file(environment))),
        *_name_layer(project, environment),
        *(parse_set(text) for text in sets),
    ]
    return [*layers, *_secret_layer(merge(layers), versioned or environment.secrets is SecretMode.VERSIONED)]


def _name_layer(project: Project, environment: Environment) -> list[Layer]:
    """Over values that several environments share, the name of the one."""
    if project.values_file(environment).stem == environment.name:
        return []
    return [Layer("name", parse_document("(name of the environment)", f'environment: "{environment.name}"'.encode()))]


def _secret_layer(values: Values, versioned: bool) -> list[Layer]:
    """The mode that the environment asks for, unless the values say one themselves; and a placeholder for the version's name."""
    said, merged = values.overrides.get("secrets"), values.data.get("secrets")
    mode = said.get("mode") if isinstance(said, dict) else None
    base = merged.get("name") if isinstance(merged, dict) else None
    if (mode != VERSIONED and (mode is not None or not versioned)) or not isinstance(base, str) or not base:
        return []
    text = f'secrets: {{mode: {VERSIONED}, name: "{placeholder_name(base)}"}}'
    return [Layer("secrets", parse_document("(secrets: versioned)", text.encode()))]


def _tag_layer(tag: Tag | None, digest: str = "", source: str = "TAG") -> list[Layer]:
    """The layer above all others. A digest is one that a registry gave, and has the form of one."""
    named = f', digest: "{digest}"' if digest else ""
    return [Layer("tag", parse_document(source, f'image: {{tag: "{tag}"{named}}}'.encode()))] if tag else []


def _check(project: Project, environment: Environment, values: Values) -> None:
    problems = schema.check(values, project.schema())
    problems += [] if problems else check_rules(values)
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        own = project.shown(project.values_file(environment))
        files = list(dict.fromkeys(problem.file for problem in problems)) or [own]
        change = " and ".join(f"edit {file}" if "." in file else f"change {file}" for file in files)
        raise ValuesInvalid(
            f"the values of {environment.name} have {count}",
            problems=problems,
            hint=f"{change}, then: helmtool validate {environment.name}",
        )
    if values.data["secrets"]["mode"] == INLINE and environment.protected:
        raise InlineSecrets(
            f"secrets.mode is inline: Helm would keep the secret files of {environment.name}, which is protected, in every revision",
            hint="secrets.mode: versioned, and --services-config DIR",
        )
