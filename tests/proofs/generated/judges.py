"""Three judges of one document of values: helmtool's own validation, Helm, and the API server."""

from __future__ import annotations

import functools
import json
import shutil
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from documents import TAGGED, Document
from rendering_many import NAMESPACE, ROOT, UNCHECKED, HelmMany, Rendered

from helmtool.adapters.cluster import HELM_MANAGER, Cluster
from helmtool.adapters.project import Project
from helmtool.errors import HelmtoolError
from helmtool.model.document import InvalidDocument
from helmtool.model.manifest import Manifest, key_of, owned_by_helm, parse_manifests
from helmtool.model.openapi import check_objects
from helmtool.model.values import to_helm_json
from helmtool.operations.compose import compose

ENVIRONMENT = "local"
TAG_LAYER = json.dumps(TAGGED).encode()


@dataclass(frozen=True)
class Opinion:
    """What helmtool's validation says: what refused (nothing where all is well), and why."""

    refused_by: str = ""
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What all three say of one document; `server` is empty where the API server takes every object, or was not asked."""

    helmtool: Opinion
    helm: str
    server: tuple[str, ...]

    @property
    def contradiction(self) -> str:
        """What must not be: the three do not agree, and the reason is none of those that are known."""
        if not self.helmtool.refused_by and self.helm:
            return f"helmtool accepts it, Helm does not: {self.helm}"
        if not self.helmtool.refused_by and self.server:
            return f"helmtool accepts it, the API server does not: {'; '.join(self.server)}"
        if self.helmtool.refused_by == "schema" and not self.helm and not self._suffix:
            return f"Helm accepts it, helmtool does not: {'; '.join(self.helmtool.reasons)}"
        return ""

    @property
    def _suffix(self) -> bool:
        """Whether only the suffix of a version is too much for the Secret's name: helmtool adds it, Helm never sees it."""
        return all(reason.startswith("secrets.name: ") for reason in self.helmtool.reasons)


class Objects:
    """What helmtool and the API server say of rendered objects; each distinct text is asked once."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._known: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {}
        self._lock = threading.Lock()

    @property
    def asked(self) -> int:
        """How many distinct objects were judged."""
        return len(self._known)

    def judge(self, texts: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What helmtool finds wrong in the objects of the texts, and what the API server refuses of them."""
        found = [self._one(text) for text in texts]
        return tuple(said for one, _ in found for said in one), tuple(said for _, one in found for said in one)

    def _one(self, text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        with self._lock:
            if text in self._known:
                return self._known[text]
        manifests = parse_manifests(text.partition("\n")[2])
        problems = tuple(f"{problem.path}: {problem.message}" for problem in check_objects(manifests))
        judged = problems, tuple(said for manifest in manifests if (said := self._refusal(manifest)))
        with self._lock:
            self._known[text] = judged
        return judged

    def _refusal(self, manifest: Manifest) -> str:
        try:
            owned = owned_by_helm(manifest, "newdqmgui", NAMESPACE)
            answer = self._cluster.apply(owned, manager=HELM_MANAGER, dry_run=True, force=True)
        except HelmtoolError as error:
            return f"{key_of(manifest)}: {error.message}"
        return f"{key_of(manifest)}: {answer.status} {answer.message or answer.reason}" if answer.status >= 400 else ""


class _Checkout(Project):
    """A checkout that reads what never changes only once; the environment's file is read each time."""

    def document(self, path: Path) -> Any:
        return _charts_document(self.root, path) if path.parts[0] == "charts" else super().document(path)

    def schema(self) -> dict[str, Any]:
        return _schema(self.root)


@functools.cache
def _charts_document(root: Path, path: Path) -> Any:
    return Project(root).document(path)


@functools.cache
def _schema(root: Path) -> dict[str, Any]:
    return Project(root).schema()


class Bench:
    """The judges, with a checkout of their own; not safe for several threads."""

    def __init__(self, folder: Path, objects: Objects) -> None:
        for name in ("charts", "values"):
            shutil.copytree(ROOT / name, folder / name)
        self.project = _Checkout(folder)
        self._environment = self.project.environment(ENVIRONMENT)
        self._schema = self.project.schema()
        self._helm = HelmMany(self.project.chart)
        self._objects = objects

    def close(self) -> None:
        """Ends the program."""
        self._helm.close()

    def judge(self, document: Document) -> Verdict:
        """What each of the three says."""
        text = to_helm_json(document)
        (self.project.root / self.project.values_file(self._environment)).write_bytes(text)
        try:
            composed = compose(self.project, self._environment, None, stand_in=True)
        except HelmtoolError as error:
            # Helm would replace an image that is no map by the stand-in's without a word.
            image = document.get("image")
            own = image is not None and (not isinstance(image, dict) or image.get("tag"))
            rendered = self._helm.render(*([text] if own else [text, TAG_LAYER]))
            return Verdict(_opinion(error), rendered.error, ())
        rendered = self._helm.render(to_helm_json(composed.for_helm))
        if rendered.error:
            return Verdict(Opinion(), rendered.error, ())
        problems, refusals = self._objects.judge(rendered.documents)
        return Verdict(Opinion("objects" if problems else "", problems), "", refusals)

    def unchecked(self, document: Document) -> tuple[str, ...]:
        """What rendering without any check, and then the API server, refuse of the document."""
        rendered = self._render_unchecked(document)
        if rendered.error:
            return (f"not rendered: {rendered.error}",)
        try:
            return self._objects.judge(rendered.documents)[1]
        except Exception as error:  # what was never checked may render to anything
            return (f"not an object: {type(error).__name__}",)

    def _render_unchecked(self, document: Document) -> Rendered:
        text = to_helm_json(document)
        image: Any = document.get("image")
        layers = [text] if isinstance(image, dict) and image.get("tag") else [text, TAG_LAYER]
        return self._helm.render(*layers, files=UNCHECKED, skip_schema=True)


def _opinion(error: HelmtoolError) -> Opinion:
    reasons = tuple(f"{problem.path}: {problem.message}" for problem in error.problems) or (error.message,)
    if isinstance(error, InvalidDocument):
        return Opinion("yaml", reasons)
    return Opinion(error.code if error.code != "values" else "schema", reasons)
