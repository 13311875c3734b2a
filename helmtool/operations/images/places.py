"""Where a copy of an image is: a file, or another repository."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from helmtool.errors import InvalidInput
from helmtool.model.registry import InvalidRepository, Repository, parse_repository
from helmtool.model.tag import Tag, parse_tag

ENDING = ".tar"


class InvalidPlace(InvalidInput):
    """Neither an archive nor a repository is meant."""

    code = "invalid-place"


class Place(NamedTuple):
    """One of the two is there: a file, or a repository. The tag is none where it was not given."""

    file: Path | None
    repository: Repository | None
    tag: Tag | None

    def __str__(self) -> str:
        where = str(self.file or self.repository)
        return f"{where}:{self.tag}" if self.tag else where


def parse_place(text: str) -> Place:
    """What `FILE.tar`, `HOST/PATH`, and either with `:TAG` behind it, mean. Raises InvalidPlace and InvalidTag."""
    rest, colon, tag = text.rpartition(":")
    tagged = colon and "/" not in tag and (rest.endswith(ENDING) or "/" in rest)
    where = rest if tagged else text
    parsed = parse_tag(tag) if tagged else None
    if where.endswith(ENDING) and "\0" not in where:
        return Place(Path(where), None, parsed)
    try:
        return Place(None, parse_repository(where), parsed)
    except InvalidRepository:
        raise InvalidPlace(
            f"`{text[:200]}` is neither an archive nor a repository",
            hint="a file ends in .tar: ./HG0105a.tar; a repository is HOST/PATH: registry.cern.ch/cmsweb/newdqmgui-backup",
        ) from None
