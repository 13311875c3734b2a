"""chart publish: the checkout's chart as a version in a registry, signed, and never over another one."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from helmtool.adapters import helm_charts
from helmtool.adapters.git import Git
from helmtool.adapters.helm_charts import Signer
from helmtool.adapters.project import CHART, Project, find_project
from helmtool.adapters.registry.blobs import ImageStore
from helmtool.errors import HelmtoolError
from helmtool.model.chart_package import (
    CONTENT_TYPE,
    LARGEST,
    PROVENANCE_TYPE,
    SCHEME,
    ChartPlaceTaken,
    PassphraseNeeded,
    SigningFailed,
    VersionLost,
    VersionTaken,
    chart_place,
    check_version,
    differing,
    free_version,
    tag_of,
    unpack,
)
from helmtool.model.image import DirtyTree
from helmtool.model.image_layout import parts_of
from helmtool.model.registry import Repository, WrongDigest
from helmtool.operations.images.names import digest_if_any
from helmtool.operations.progress import Progress
from helmtool.operations.settings import Settings

SOURCES = (str(CHART),)
"""The folder whose files the commit stands for."""


class PublishOptions(NamedTuple):
    """What the command line says: another place than the one of environments.yaml, and who signs.

    `ask` gives the passphrase of a locked key, for the name of the key; nothing where nobody can be asked.
    """

    to: str = ""
    signer: Signer | None = None
    allow_dirty: bool = False
    ask: Callable[[str], bytes | None] = lambda _: None


class Published(NamedTuple):
    """A version and the digest of its manifest; `written` is false where this content was there already."""

    version: str
    repository: Repository
    digest: str
    signed: bool
    written: bool
    commit: str

    @property
    def address(self) -> str:
        """What Helm takes in place of the chart's folder."""
        return f"{SCHEME}{self.repository}"


async def publish(text: str, settings: Settings, options: PublishOptions, progress: Progress) -> Published:
    """Packages the chart as a version, asks the registry for it, and pushes it where it is not there; the digest is read back.

    Raises InvalidChartVersion, InvalidChartRepository, SigningFailed (3), DirtyTree, ChartPlaceTaken, VersionTaken (4), VersionLost (1) and
    what a registry raises (5).
    """
    version, project = check_version(text), find_project(settings.config_dir)
    store = ImageStore(_place(project, options.to))
    commit = _commit(project, allow_dirty=options.allow_dirty)
    if version != project.chart_version():
        progress.warn(f"{project.shown(CHART / 'Chart.yaml')} says {project.chart_version()}: the package will say {version}")
    with tempfile.TemporaryDirectory(prefix="helmtool-chart-") as folder:
        file = await _package(project, version, Path(folder), options)
        content = unpack(file.read_bytes())
        if not options.allow_dirty:
            _require_tracked(project, content, commit)
        progress.done("package", f"{project.chart_name()} {version}, {len(content)} files of {commit[:12] or 'no commit'}")
        there = digest_if_any(store, tag_of(version))
        if there:
            signed = _same(store, version, there, content, must_be_signed=options.signer is not None)
            return Published(version, store.repository, there, signed, False, commit)
        progress.start("push", f"{store.repository}:{tag_of(version)}")
        digest = await helm_charts.push(file, store.repository)
    found = digest_if_any(store, tag_of(version))
    if not found or found != digest:
        raise VersionLost(_name(store, version), digest or "what helm does not tell", found, _free(store, version))
    progress.done("push", f"{store.repository}:{tag_of(version)}@{digest}")
    return Published(version, store.repository, digest, options.signer is not None, True, commit)


def _place(project: Project, to: str) -> Repository:
    """Where the chart goes. Raises InvalidChartRepository and ChartPlaceTaken."""
    place = chart_place(to or project.chart_repository(), project.chart_name())
    image = project.document(CHART / "values.yaml").data.get("image")
    if isinstance(image, Mapping) and image.get("repository") == str(place):
        raise ChartPlaceTaken(place)
    return place


def _commit(project: Project, *, allow_dirty: bool) -> str:
    """The commit that the chart is of; empty where it is not as committed. Raises DirtyTree."""
    state = project.git_state(*SOURCES)
    if not state.clean and not allow_dirty:
        raise _dirty(project, state.commit)
    return state.commit if state.clean else ""


def _require_tracked(project: Project, content: Mapping[str, bytes], commit: str) -> None:
    """Raises DirtyTree where the package holds a file that git ignores: the commit would not tell of it."""
    tracked = Git(project.chart).tracked()
    if any(path.partition("/")[2] not in tracked for path in content):
        raise _dirty(project, commit)


def _dirty(project: Project, commit: str) -> DirtyTree:
    return DirtyTree(str(project.root), commit, SOURCES, "publishes it")


async def _package(project: Project, version: str, folder: Path, options: PublishOptions) -> Path:
    """The package in the folder; a locked key's passphrase is asked for once. Raises SigningFailed."""
    signer = options.signer
    if signer and not signer.keyring.is_file():
        raise SigningFailed(f"{signer.keyring}: there is no such keyring", hint=helm_charts.EXPORT)
    try:
        return await helm_charts.package(project.chart, version, folder, signer)
    except PassphraseNeeded:
        passphrase = options.ask(signer.key) if signer else None
        if signer is None or passphrase is None:
            raise
        return await helm_charts.package(project.chart, version, folder, replace(signer, passphrase=passphrase))


def _same(store: ImageStore, version: str, digest: str, content: Mapping[str, bytes], *, must_be_signed: bool) -> bool:
    """Whether what is published is signed, after a look that it holds the same files. Raises VersionTaken."""
    parts = parts_of(store.manifest(digest))
    package = next((part for part in parts if part.media_type == CONTENT_TYPE), None)
    signed = any(part.media_type == PROVENANCE_TYPE for part in parts)
    if package is None or package.size > LARGEST:
        raise VersionTaken(_name(store, version), "is no chart", _free(store, version))
    try:
        files = differing(unpack(b"".join(store.chunks(package))), content)
    except (ValueError, WrongDigest):
        raise VersionTaken(_name(store, version), "its package cannot be read", _free(store, version)) from None
    if files:
        more = f" and {len(files) - 3} more" if len(files) > 3 else ""
        raise VersionTaken(_name(store, version), f"differs in {', '.join(files[:3])}{more}", _free(store, version))
    if must_be_signed and not signed:
        raise VersionTaken(_name(store, version), "is not signed", _free(store, version))
    return signed


def _name(store: ImageStore, version: str) -> str:
    return f"{store.repository}:{tag_of(version)}"


def _free(store: ImageStore, version: str) -> str:
    """The next free patch, for a hint; the next one where the registry does not tell."""
    try:
        return free_version(version, set(store.tags()))
    except HelmtoolError:
        return free_version(version, ())
