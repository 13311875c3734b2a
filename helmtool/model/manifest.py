"""Rendered and live Kubernetes objects: their identity, their text, and what of them may be shown."""

from __future__ import annotations

import copy
import functools
import itertools
import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from helmtool.errors import OperationFailed, Problem
from helmtool.model import rendered
from helmtool.model.kinds import KNOWN
from helmtool.model.reading import mapping, text
from helmtool.model.redaction import REDACTED

Manifest = dict[str, Any]
"""One Kubernetes object as JSON-like data."""

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
HOOK = "helm.sh/hook"
_SOURCE = re.compile(rb"^---\n# Source: [^/\n]+/", re.MULTILINE)
"""The line that Helm puts before each rendered object: the chart's name and the template."""


class ManifestUnreadable(OperationFailed):
    """What should be a rendered manifest is not the YAML of Kubernetes objects."""

    code = "manifest-unreadable"

    def __init__(self) -> None:
        super().__init__(
            "a manifest is not the YAML of Kubernetes objects: expected what `helm template` prints",
            hint="helm get manifest RELEASE --revision N shows what a revision holds",
        )


class ObjectKey(NamedTuple):
    """What names one object in a cluster. `namespace` is empty for kinds that live in none, or where it is the release's own."""

    api_version: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


def key_of(manifest: Manifest) -> ObjectKey:
    """The key of an object as rendered or as it lives."""
    metadata = mapping(manifest, "metadata")
    return ObjectKey(
        str(manifest.get("apiVersion")), str(manifest.get("kind")), str(metadata.get("namespace") or ""), str(metadata.get("name"))
    )


def repeated_objects(output: bytes, namespace: str) -> list[Problem]:
    """The objects that `helm template` printed more than once, with the templates that make them; `file` is the first, within the chart.

    An API group's versions name one object, and `namespace`, the release's, is that of an object without one. Hooks of different moments
    may share a name: Helm removes one before it makes the next. Raises ManifestUnreadable.
    """
    keys = [key_of(manifest) for manifest in _parsed_once(output)]
    if len({(key.kind, key.name) for key in keys}) == len(keys):
        return []
    found: dict[tuple[str, ...], list[tuple[Manifest, str]]] = defaultdict(list)
    for document in _SOURCE.split(output)[1:]:
        template = document.partition(b"\n")[0].decode(errors="replace")
        for manifest in parse_manifests(b"# " + document):
            found[identity(manifest, namespace)].append((manifest, template))
    return [_repeated(same) for same in found.values() if any(_collide(a, b) for (a, _), (b, _) in itertools.combinations(same, 2))]


def identity(manifest: Manifest, namespace: str = "") -> tuple[str, ...]:
    """What makes two manifests one object, to Helm too: API group without its version, kind, namespace and name.

    `namespace` is that of an object which names none.
    """
    key = key_of(manifest)
    _, namespaced = KNOWN.get((key.api_version, key.kind), ("", True))
    group = key.api_version.rpartition("/")[0]
    return group, key.kind, (key.namespace or namespace) if namespaced else "", key.name


def _collide(one: Manifest, other: Manifest) -> bool:
    moments, others = ({moment.strip() for moment in text(m, "metadata", "annotations", HOOK).split(",")} - {""} for m in (one, other))
    return not moments or not others or bool(moments & others)


def _repeated(same: list[tuple[Manifest, str]]) -> Problem:
    templates = list(dict.fromkeys(template for _, template in same))
    by = " and ".join(templates) if len(templates) > 1 else f"{templates[0]} alone"
    return Problem(f"is rendered {len(same)} times, by {by}", templates[0], path=str(key_of(same[0][0])))


def parse_manifests(text: str | bytes) -> list[Manifest]:
    """The objects of a rendered multi-document YAML, in its order, Helm's hooks included. Raises ManifestUnreadable."""
    return copy.deepcopy(_parsed_once(text))


@functools.lru_cache(maxsize=8)
def _parsed_once(text: str | bytes) -> list[Manifest]:
    """A command reads the manifests of the revision that serves several times; a copy takes a tenth of the time."""
    import yaml

    try:
        return [document for document in rendered.load_all(text) if isinstance(document, dict)]
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        raise ManifestUnreadable from None


def kept_manifests(text: str | bytes) -> list[Manifest]:
    """The same without the hooks: the objects that Helm keeps for as long as the release. Raises ManifestUnreadable."""
    return [manifest for manifest in parse_manifests(text) if not is_hook(manifest)]


def is_hook(manifest: Manifest) -> bool:
    """Whether Helm runs the object at some moment of a release, instead of keeping it."""
    return HOOK in mapping(manifest, "metadata", "annotations")


def dump_manifest(manifest: Manifest) -> str:
    """The object as YAML, keys in their order, redacted by the caller."""
    return rendered.dump(manifest)


def dump_manifests(manifests: Iterable[Manifest]) -> str:
    """Several objects as one multi-document YAML."""
    return "".join(f"---\n{dump_manifest(m)}" for m in manifests)


def owned_by_helm(manifest: Manifest, release: str, namespace: str) -> Manifest:
    """The rendered object with the label and annotations that Helm adds when it applies it.

    Helm's rendering does not contain them, its server-side apply does: without them a dry run under Helm's
    field manager would seem to remove them.
    """
    metadata = dict(manifest.get("metadata") or {})
    metadata["labels"] = {**(metadata.get("labels") or {}), "app.kubernetes.io/managed-by": "Helm"}
    metadata["annotations"] = {
        **(metadata.get("annotations") or {}),
        "meta.helm.sh/release-name": release,
        "meta.helm.sh/release-namespace": namespace,
    }
    return {**manifest, "metadata": metadata}


def belongs_to(manifest: Manifest, release: str, namespace: str) -> bool:
    """Whether Helm holds a live object for this release, by the same marks that Helm checks before an install."""
    metadata = manifest.get("metadata") or {}
    annotations = metadata.get("annotations") or {}
    return (
        (metadata.get("labels") or {}).get("app.kubernetes.io/managed-by") == "Helm"
        and annotations.get("meta.helm.sh/release-name") == release
        and annotations.get("meta.helm.sh/release-namespace") == namespace
    )


def redact(manifest: Manifest) -> Manifest:
    """The object with every value of a Secret replaced, and without kubectl's copy of what it applied, which may hold one."""
    metadata = manifest.get("metadata") or {}
    annotations = metadata.get("annotations")
    if annotations and LAST_APPLIED in annotations:
        kept = {k: v for k, v in annotations.items() if k != LAST_APPLIED}
        manifest = {**manifest, "metadata": {**metadata, "annotations": kept}}
    if isinstance(manifest.get("items"), list):
        manifest = {**manifest, "items": [redact(item) if isinstance(item, dict) else item for item in manifest["items"]]}
    if manifest.get("kind") != "Secret":
        return manifest
    return {k: _without_values(v) if k in ("data", "stringData") else v for k, v in manifest.items()}


def _without_values(data: Any) -> Any:
    """The keys without their values; where there are no keys (a mistake in a template), nothing of it."""
    return dict.fromkeys(data, REDACTED) if isinstance(data, dict) else REDACTED if data else {}
