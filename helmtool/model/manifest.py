"""Rendered and live Kubernetes objects: their identity, their text, and what of them may be shown."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

Manifest = dict[str, Any]
"""One Kubernetes object as JSON-like data."""

REDACTED = "<redacted>"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
HOOK = "helm.sh/hook"


@dataclass(frozen=True, slots=True, order=True)
class ObjectKey:
    """What names one object in a cluster. `namespace` is empty for kinds that live in none, or where it is the release's own."""

    api_version: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


def key_of(manifest: Manifest) -> ObjectKey:
    """The key of an object as rendered or as it lives."""
    metadata = manifest.get("metadata") or {}
    return ObjectKey(
        str(manifest.get("apiVersion")), str(manifest.get("kind")), str(metadata.get("namespace") or ""), str(metadata.get("name"))
    )


def parse_manifests(text: str | bytes) -> list[Manifest]:
    """The objects of a rendered multi-document YAML, in its order, Helm's hooks included."""
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return [document for document in yaml.load_all(text, Loader=loader) if isinstance(document, dict)]


def is_hook(manifest: Manifest) -> bool:
    """Whether Helm runs the object at some moment of a release, instead of keeping it."""
    return HOOK in ((manifest.get("metadata") or {}).get("annotations") or {})


def dump_manifest(manifest: Manifest) -> str:
    """The object as YAML, keys in their order, redacted by the caller."""
    import yaml

    text: str = yaml.dump(manifest, Dumper=_dumper(), sort_keys=False, allow_unicode=True, width=10_000)
    return text


@functools.cache
def _dumper() -> Any:
    """PyYAML's dumper (in C where there is one), with texts of several lines as readable blocks."""
    import yaml

    class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
        pass

    def represent_text(dumper: Any, text: str) -> Any:
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)

    Dumper.add_representer(str, represent_text)
    return Dumper


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
    if manifest.get("kind") != "Secret":
        return manifest
    return {k: dict.fromkeys(v or {}, REDACTED) if k in ("data", "stringData") else v for k, v in manifest.items()}
