"""The checkout that releases are made from: where it is, its files, and the git commit it is at."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any, NamedTuple

from helmtool.adapters import packaged
from helmtool.adapters.git import Git, is_safe
from helmtool.adapters.packaged import Copy
from helmtool.adapters.regular import read_file
from helmtool.errors import InvalidInput, Refused
from helmtool.model.chart import ChartFiles
from helmtool.model.document import Document, parse_document
from helmtool.model.environment import Environment, find_environment, parse_chart_repository, parse_environments, parse_retention
from helmtool.model.registry import Retention

LARGEST = 16 << 20
"""Bytes of any file of the checkout; what is a YAML file must be smaller still."""
CHART = Path("charts/newdqmgui")
VALUES = Path("values")
ENVIRONMENTS = VALUES / "environments.yaml"
IMAGE = Path("docker/newdqmgui")
MARKS = (ENVIRONMENTS, CHART / "Chart.yaml")
"""The files that make a folder a project."""
GO_THERE = "cd to a checkout, or --config-dir DIR"


class ProjectNotFound(InvalidInput):
    """No folder with charts/ and values/ was found."""

    code = "project-not-found"


class FileUnreadable(InvalidInput):
    """A file of the checkout is missing or cannot be read."""

    code = "file"


class NoCheckout(Refused):
    """There is only the copy that helmtool carries, and this needs a checkout."""

    code = "no-checkout"


class UnsafeProject(Refused):
    """The project that was found belongs to another user."""

    code = "unsafe-project"


class GitState(NamedTuple):
    """The commit a release is made from; `clean` is false where files differ from it. Both unknown outside git."""

    commit: str = ""
    clean: bool = False

    def __str__(self) -> str:
        if not self.commit:
            return "not in git"
        return self.commit[:12] + ("" if self.clean else " (with uncommitted changes)")


class Project(NamedTuple):
    """A folder that holds `charts/newdqmgui` and `values/`.

    `copy` says which copy it is where it is the one that helmtool carries, `named` whether the person asked for this folder.
    """

    root: Path
    copy: Copy | None = None
    named: bool = False

    @property
    def chart(self) -> Path:
        """The chart's folder."""
        return self.root / CHART

    @property
    def image(self) -> Path:
        """The build context of the image. Raises FileUnreadable where it has no Dockerfile, NoCheckout in the packaged copy."""
        self.require_checkout("an image is built from a checkout")
        self.read(IMAGE / "Dockerfile")
        return self.root / IMAGE

    def environments(self) -> dict[str, Environment]:
        """The environments of `values/environments.yaml`, by name. Raises InvalidInput."""
        return {**_environments(self.shown(ENVIRONMENTS), self.read(ENVIRONMENTS))}

    def retention(self) -> Retention:
        """The rule of the registry's clean-up, from the same file. Raises InvalidInput."""
        return parse_retention(self.document(ENVIRONMENTS))

    def chart_repository(self) -> str:
        """Where the chart is published, `oci://HOST/PATH`, from the same file; may be empty. Raises InvalidInput."""
        return parse_chart_repository(self.document(ENVIRONMENTS))

    def environment(self, name: str) -> Environment:
        """One environment; an unknown name is an error that suggests the nearest one."""
        return find_environment(name, self.environments())

    def document(self, path: Path) -> Document:
        """A YAML file of the checkout, with the position of every key. Raises InvalidInput."""
        return parse_document(self.shown(path), self.read(path))

    def values_file(self, environment: Environment) -> Path:
        """Where an environment's values are, relative to the root: its own file, else the one that its entry names."""
        own = VALUES / f"{environment.name}.yaml"
        return own if not environment.values or (self.root / own).exists() else VALUES / f"{environment.values}.yaml"

    def schema(self) -> dict[str, Any]:
        """The chart's schema of its values (draft 7), as Helm reads it. Raises FileUnreadable."""
        file = CHART / "values.schema.json"
        try:
            schema = json.loads(self.read(file))
        except (ValueError, RecursionError) as error:
            where = f":{error.lineno}:{error.colno}" if isinstance(error, json.JSONDecodeError) else ""
            raise FileUnreadable(f"{self.shown(file)}{where}: the schema is not JSON", hint="make schemas") from None
        if not isinstance(schema, dict):
            raise FileUnreadable(f"{self.shown(file)}:1:1: the schema is not an object of JSON", hint="make schemas")
        return schema

    def chart_files(self) -> ChartFiles:
        """What the chart renders from. Raises FileUnreadable and InvalidInput."""
        folder = self.chart / "templates"
        paths = [path.relative_to(self.root) for path in sorted(folder.rglob("*")) if path.is_file()]
        templates = {str(path.relative_to(CHART)): self.read(path) for path in paths}
        return ChartFiles(templates, self.read(CHART / "values.schema.json"), self.document(CHART / "values.yaml").data)

    def chart_name(self) -> str:
        """The chart's own name."""
        return str(self.document(CHART / "Chart.yaml").data.get("name"))

    def chart_version(self) -> str:
        """The chart's own version."""
        return str(self.document(CHART / "Chart.yaml").data.get("version"))

    def read(self, path: Path) -> bytes:
        """The bytes of a file of the checkout. Raises FileUnreadable."""
        try:
            return read_file(self.root / path, LARGEST)
        except OSError as error:
            hint = "install helmtool again" if self.copy else f"git status {self.shown(path)}"
            raise FileUnreadable(f"{self.shown(path)}: {error.strerror}", hint=hint) from None

    def require_checkout(self, why: str) -> None:
        """Raises NoCheckout in the packaged copy; `why` is a sentence."""
        if self.copy:
            raise NoCheckout(f"{why}, and this is the copy in {self.copy}", hint=GO_THERE)

    def require_chosen(self, why: str) -> None:
        """Raises NoCheckout in the packaged copy, unless the person named its folder."""
        if self.copy and not self.named:
            raise NoCheckout(
                f"{why}, and no checkout is here: it would be the copy in {self.copy}",
                hint=f"{GO_THERE}; if that copy is meant: --config-dir {self.root}",
            )

    def shown(self, path: Path) -> str:
        """The file's name as a person in the working directory would type it."""
        file = self.root / path
        try:
            return str(file.relative_to(Path.cwd()))
        except (ValueError, OSError):
            return str(file)

    def git_state(self, *folders: str) -> GitState:
        """The commit of the checkout and whether the folders are as committed, charts/ and values/ where none is named.

        Of the packaged copy it is what it was built from: a repository that happens to be around the installation is another one.
        """
        if self.copy:
            return GitState(self.copy.commit, self.copy.clean)
        head = Git(self.root).head(folders or ("charts", "values"))
        return GitState(head.commit, head.clean) if head else GitState()

    def git_origin(self) -> str:
        """The address that the checkout was cloned from, as git has it: it may hold credentials. Empty where there is none."""
        return "" if self.copy else Git(self.root).origin()


@functools.lru_cache(maxsize=4)
def _environments(file: str, content: bytes) -> dict[str, Environment]:
    """Parsed once, for all environments of a row have their entries in one file; known by its content, so a pin that is written is seen."""
    return parse_environments(parse_document(file, content))


def find_project(config_dir: Path | None) -> Project:
    """The project in `config_dir`, else in the nearest folder upward from the working directory, else the copy that helmtool carries.

    Raises ProjectNotFound; also where a folder upward holds one half of a project, for the copy is not what is wanted there. Raises
    UnsafeProject for one that nobody named and that git would not look at either.
    """
    try:
        start = (config_dir or Path.cwd()).resolve()
    except OSError as error:
        raise ProjectNotFound(f"the working directory is not there: {error.strerror}", hint=GO_THERE) from None
    folders = [start] if config_dir else [start, *start.parents]
    missing: dict[Path, list[Path]] = {}
    for folder in folders:
        try:
            missing[folder] = [file for file in MARKS if not (folder / file).is_file()]
        except PermissionError as error:
            raise ProjectNotFound(f"{error.filename}: {error.strerror}", hint=f"ls -ld {error.filename}, or --config-dir DIR") from None
        if not missing[folder]:
            copy = packaged.copy_of(folder)
            if not (config_dir or copy or is_safe(folder, *((folder / file).parent for file in MARKS))):
                raise UnsafeProject(
                    f"the project {folder} belongs to another user, who decides what its chart and values do; expected one of yours",
                    hint=f"if you trust it: --config-dir {folder}, or: git config --global --add safe.directory {folder}",
                )
            return Project(folder, copy, named=bool(copy and config_dir))
    half = next((folder for folder, files in missing.items() if len(files) < len(MARKS)), None)
    if half is None and config_dir is None and (packaged.FOLDER / MARKS[0]).is_file():
        project = Project(packaged.FOLDER, packaged.copy_of(packaged.FOLDER))
        packaged.log.info("no checkout here: using the copy in %s", project.copy)
        return project
    where = f"in {start}" if config_dir else f"in {start} or above it"
    raise ProjectNotFound(f"no {ENVIRONMENTS} and {CHART} {where}{_half(half, missing)}", hint=GO_THERE)


def _half(folder: Path | None, missing: dict[Path, list[Path]]) -> str:
    """What is missing where one half of a project is there."""
    if folder is None:
        return ""
    file = missing[folder][0]
    kind = "is a folder, not a file" if (folder / file).is_dir() else "is missing"
    return f": {file} {kind}" + ("" if folder == next(iter(missing)) else f" in {folder}")
