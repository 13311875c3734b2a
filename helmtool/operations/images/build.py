"""image build: the checkout's image under a tag of today, as far as that tag is free and this machine is large enough."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from helmtool.adapters import docker, machine
from helmtool.adapters.project import Project, find_project
from helmtool.model.image import DirtyTree, Room, check_base, check_buildable, check_room, check_source, public_url, revision_label
from helmtool.model.tag import Tag, parse_tag
from helmtool.operations.clock import now
from helmtool.operations.images.names import require_free
from helmtool.operations.progress import Progress
from helmtool.operations.registries import registry_of
from helmtool.operations.settings import Settings
from helmtool.operations.tag_state import zone

SOURCES = ("charts", "docker")
"""The folders whose files the image's revision stands for."""


class BuildOptions(NamedTuple):
    """What the command line says of a build: other build arguments, and which checks are left out."""

    base_image: str = ""
    source: str = ""
    any_day: bool = False
    allow_dirty: bool = False
    allow_small: bool = False
    offline: bool = False


class Built(NamedTuple):
    """An image that docker has now: its full name, docker's id, and what its labels say."""

    tag: Tag
    image: str
    id: str
    revision: str
    created: str


def build_image(text: str, env: str, settings: Settings, options: BuildOptions, progress: Progress) -> Built:
    """Builds docker/newdqmgui under the environment's repository and the tag; every check comes before the first step of docker.

    Raises InvalidTag, InvalidSource (3), StableNotBuilt, NotToday, DirtyTree, TagTaken, NotEnoughRoom (4), DockerMissing,
    DockerUnreachable, BuildFailed and DiskFull.
    """
    tag = parse_tag(text)
    check_buildable(tag, datetime.now(zone()).date(), any_day=options.any_day)
    arguments = _chosen(options)
    project = find_project(settings.config_dir)
    registry, _ = registry_of(env, settings)
    arguments |= _labels(project, allow_dirty=options.allow_dirty)
    context = project.image
    _check_machine(options, progress)
    if options.offline:
        progress.skip("registry", "--offline: whether the tag is free is asked by `image push`")
    else:
        require_free(registry, tag)
    name = f"{registry.repository}:{tag}"
    progress.start("build", name)
    image = docker.build(context, name, arguments, lambda line: progress.start("docker", line))
    progress.done("build", f"{name}, {image.id.removeprefix('sha256:')[:12]}")
    return Built(tag, name, image.id, arguments["IMAGE_REVISION"], arguments["IMAGE_CREATED"])


def _chosen(options: BuildOptions) -> dict[str, str]:
    """The build arguments that were given; the Dockerfile has the defaults. Raises InvalidSource."""
    if options.source:
        check_source(options.source)
    if options.base_image:
        check_base(options.base_image)
    return {name: value for name, value in (("BASE_IMAGE", options.base_image), ("DQMGUI_SOURCE", options.source)) if value}


def _labels(project: Project, *, allow_dirty: bool) -> dict[str, str]:
    """Which commit the image is of, when it was made, and where the commit is from. Raises DirtyTree."""
    state = project.git_state(*SOURCES)
    if not state.clean and not allow_dirty:
        raise DirtyTree(str(project.root), state.commit, SOURCES, "builds it")
    revision = revision_label(state.commit, clean=state.clean)
    return {"IMAGE_REVISION": revision, "IMAGE_CREATED": now(), "IMAGE_SOURCE": public_url(project.git_origin())}


def _check_machine(options: BuildOptions, progress: Progress) -> None:
    """Raises DockerMissing, DockerUnreachable, and NotEnoughRoom unless a small machine will do."""
    daemon = docker.daemon()
    if options.allow_small:
        progress.skip("machine", "--allow-small")
        return
    here = machine.is_here(daemon.host)
    memory = [size for size in (daemon.memory, machine.memory_free() if here else None) if size]
    room = Room(min(memory, default=None), machine.disk_free(daemon.folder) if here else None)
    check_room(room)
    if room.disk is None:
        progress.warn(f"docker keeps images in {daemon.folder} of {daemon.host}, whose free space is not known here")
