"""Which image may be built and pushed under which tag, and what a build needs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple
from urllib.parse import urlsplit

from helmtool.errors import InvalidInput, OperationFailed, Problem, Refused
from helmtool.model.registry import NoFreeTag, Repository, next_tag
from helmtool.model.size import in_words
from helmtool.model.tag import Tag

MEMORY_NEEDED = 2_000_000_000
"""Bytes: the compiler of the service's extensions, and the package manager of the base."""
DISK_NEEDED = 10_000_000_000
"""Bytes: base, packages and the service, each once in a layer and once while it is unpacked."""


class StableNotBuilt(Refused):
    """A stable tag is given to an accepted image, never built or pushed."""

    code = "stable-not-built"

    def __init__(self, tag: Tag) -> None:
        super().__init__(
            f"{tag} is a stable tag: it is added to an image that was accepted, and is not built or pushed itself",
            hint=f"helmtool image build {tag.base}; once accepted: helmtool tag stable {tag.base}",
        )


class NotToday(Refused):
    """The tag names another day than today."""

    code = "tag-not-today"

    def __init__(self, tag: Tag, today: date) -> None:
        super().__init__(
            f"{tag} names day {tag.day:02d}, month {tag.month:02d}, but today is {today:%Y-%m-%d} at CERN",
            hint="helmtool tag next prints today's next free tag; --any-day builds it all the same",
        )


class DirtyTree(Refused):
    """The checkout is not what its commit says, so no commit would tell what was made of it."""

    code = "dirty-tree"

    def __init__(self, root: str, commit: str, folders: Sequence[str], does: str) -> None:
        """`folders` are those that are looked at; `does` is what --allow-dirty does all the same."""
        below = " or ".join(f"{folder}/" for folder in folders)
        found = f"files below {below} differ from commit {commit[:12]}" if commit else "it is not a git checkout with a commit"
        super().__init__(f"{root}: {found}", hint=f"git -C {root} status -- {' '.join(folders)}; --allow-dirty {does} all the same")


class TagTaken(Refused):
    """The registry has the tag already, and a pushed tag is never overwritten."""

    code = "tag-taken"

    def __init__(self, name: str, digest: str, hint: str) -> None:
        super().__init__(f"{name} exists already, as {digest}: a pushed tag is never overwritten", hint=hint)


class TagLost(OperationFailed):
    """Two people pushed one tag at once, and the other one's image is under it now."""

    code = "tag-lost"

    def __init__(self, name: str, pushed: str, found: str | None, hint: str) -> None:
        super().__init__(f"{name} was pushed as {pushed} and is now {found or 'gone'}: somebody else pushed it at the same time", hint=hint)


class NotEnoughRoom(Refused):
    """This machine has less memory or disk than a build needs."""

    code = "not-enough-room"

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(
            f"a build needs {in_words(MEMORY_NEEDED)} of memory and {in_words(DISK_NEEDED)} of disk, and fails late without them",
            problems=problems,
            hint="docker system df; docker builder prune; build on a larger machine, or --allow-small",
        )


class InvalidSource(InvalidInput):
    """DQMGUI_SOURCE or BASE_IMAGE is no value that the build can use."""

    code = "invalid-source"


class Room(NamedTuple):
    """What the machine of the docker daemon has free, in bytes; none where that is not known."""

    memory: int | None
    disk: int | None


def check_buildable(tag: Tag, today: date, *, any_day: bool) -> None:
    """Raises StableNotBuilt, and NotToday unless any day will do."""
    check_pushable(tag)
    if (tag.day, tag.month) != (today.day, today.month) and not any_day:
        raise NotToday(tag, today)


def check_pushable(tag: Tag) -> None:
    """Raises StableNotBuilt."""
    if tag.stable:
        raise StableNotBuilt(tag)


def check_room(room: Room) -> None:
    """Raises NotEnoughRoom with all that is short; what is not known is not held against the machine."""
    found = (("memory", room.memory, MEMORY_NEEDED), ("disk", room.disk, DISK_NEEDED))
    problems = [
        Problem(f"{in_words(free)} of {what} is free, {in_words(need)} is needed")
        for what, free, need in found
        if free is not None and free < need
    ]
    if problems:
        raise NotEnoughRoom(tuple(problems))


def check_source(source: str) -> None:
    """A git URL without credentials, or the name of a folder beside the Dockerfile. Raises InvalidSource."""
    if re.search(r"://[^/]*@", source):
        raise InvalidSource(
            "--source holds a user name or a password, and build arguments stay readable in the image",
            hint="take a public URL, or copy the source into a folder beside the Dockerfile",
        )
    plain = source.isprintable() and not source.startswith("-")
    if not plain or ("://" not in source and (source.startswith("/") or ".." in source.split("/"))):
        raise InvalidSource(
            f"--source `{source[:80] if plain else 'with control characters'}` is neither a git URL nor a folder beside the Dockerfile",
            hint="as in --source https://github.com/cms-DQM/dqmgui.git#BRANCH, or --source my-dqmgui",
        )


def check_base(base: str) -> None:
    """The name of an image: no blank, no option. Raises InvalidSource."""
    if not re.fullmatch(r"[A-Za-z0-9][-A-Za-z0-9._/:@\[\]]{0,400}", base):
        raise InvalidSource("--base-image is not the name of an image", hint="as in --base-image docker.io/library/almalinux:8")


def public_url(url: str) -> str:
    """The address of a git remote without a user name, password or token; `git@host:path` is none of these and stays."""
    parts = urlsplit(url)
    if not parts.netloc or parts.scheme == "ssh":
        return url
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def revision_label(commit: str, *, clean: bool) -> str:
    """What the image says of the commit it was built from."""
    return f"{commit}{'' if clean else '-dirty'}" if commit else ""


def free_letter(tag: Tag, existing: set[str]) -> Tag | None:
    """The next free tag of the same day, or nothing after z."""
    try:
        return next_tag(date(2024, tag.month, tag.day), existing)  # a leap year: 29 February is a tag
    except NoFreeTag:
        return None


def push_hint(repository: Repository, tag: Tag, free: Tag | None) -> str:
    """How to push the same image under the next free tag, without building it again."""
    if free is None:
        return "helmtool tag next --date YYYY-MM-DD"
    return f"{free} is free: docker tag {repository}:{tag} {repository}:{free}, then: helmtool image push {free}"
