"""A chart as a package: its version, its place in a registry, and what is in it (Helm's OCI form of charts)."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Collection, Iterator, Mapping

from helmtool.errors import InvalidInput, OperationFailed, Refused
from helmtool.model.registry import InvalidRepository, Repository, parse_repository

CONTENT_TYPE = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
PROVENANCE_TYPE = "application/vnd.cncf.helm.chart.provenance.v1.prov"
LARGEST = 32 << 20
"""Bytes of a chart's files, unpacked: what a registry gives may be anything."""
SCHEME = "oci://"
# https://semver.org/spec/v2.0.0.html, with the length of a registry's tag.
_SEMVER = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(-(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?"
    r"(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?",
    re.ASCII,
)


class InvalidChartVersion(InvalidInput):
    """A version that is not one of Semantic Versioning."""

    code = "chart-version"

    def __init__(self, text: str) -> None:
        super().__init__(
            f"`{text[:80]}` is no version of Semantic Versioning 2.0.0",
            hint="MAJOR.MINOR.PATCH without a `v` or zeros before a number, as in 0.2.0 or 1.0.0-rc.1",
        )


class InvalidChartRepository(InvalidInput):
    """No place that charts can be published to."""

    code = "chart-repository"

    def __init__(self, found: str) -> None:
        super().__init__(
            f"no place to publish the chart: expected oci://HOST/PATH, found {found}",
            hint="--to oci://HOST/PATH, or chartRepository in values/environments.yaml",
        )


class ChartPlaceTaken(Refused):
    """The chart would go among the tags of an image."""

    code = "chart-place-taken"

    def __init__(self, repository: Repository) -> None:
        super().__init__(
            f"{repository} holds images (image.repository): the chart's versions would be tags of the image",
            hint=f"a folder of its own: --to {SCHEME}{str(repository).rpartition('/')[0]}/charts",
        )


class VersionTaken(Refused):
    """The registry has the version, and it is something else: what is published is never overwritten."""

    code = "chart-version-taken"

    def __init__(self, name: str, reason: str, free: str) -> None:
        super().__init__(
            f"{name} is published already, and {reason}: a version is never overwritten", hint=f"helmtool chart publish {free}"
        )


class VersionLost(OperationFailed):
    """Two people published one version at once, and the other one's is there now."""

    code = "chart-version-lost"

    def __init__(self, name: str, pushed: str, found: str | None, free: str) -> None:
        super().__init__(
            f"{name} was pushed as {pushed} and is now {found or 'gone'}: somebody else published it at the same time",
            hint=f"helmtool chart publish {free}",
        )


class SigningFailed(InvalidInput):
    """The package cannot be signed with the key that was named."""

    code = "chart-signing"


class PassphraseNeeded(SigningFailed):
    """The signing key is locked, and no passphrase was given."""

    code = "chart-passphrase"


def check_version(text: str) -> str:
    """The version. Raises InvalidChartVersion; Helm alone would take `1.0` and `v1.0.0` too."""
    if len(text) > 128 or not _SEMVER.fullmatch(text):
        raise InvalidChartVersion(text)
    return text


def tag_of(version: str) -> str:
    """The registry's tag of a version: a tag has no `+`, so Helm writes `_`."""
    return version.replace("+", "_")


def free_version(version: str, tags: Collection[str]) -> str:
    """The next patch after a version whose tag is free."""
    major, minor, patch = (int(number) for number in re.split(r"[-+]", version)[0].split("."))
    return next(free for step in range(1, len(tags) + 2) if (free := f"{major}.{minor}.{patch + step}") not in tags)


def chart_place(text: str, name: str) -> Repository:
    """The repository that Helm makes of `oci://HOST/PATH` for a chart of that name. Raises InvalidChartRepository."""
    if not text.startswith(SCHEME):
        raise InvalidChartRepository(f"`{text[:200]}`" if text else "none")
    try:
        return parse_repository(f"{text.removeprefix(SCHEME).rstrip('/')}/{name}")
    except InvalidRepository:
        raise InvalidChartRepository(f"`{text[:200]}`" if "@" not in text else "an address with a user name") from None


def unpack(package: bytes) -> dict[str, bytes]:
    """The files of a package by their path. Raises ValueError for what is no package of a chart, or too large to be one."""
    try:
        with tarfile.open(fileobj=io.BytesIO(package), mode="r:gz") as archive:
            return dict(_files(archive))
    except (tarfile.TarError, OSError, EOFError) as error:
        raise ValueError(str(error)) from None


def _files(archive: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    left = LARGEST
    for member in archive:
        left -= member.size
        if left < 0:
            raise ValueError("larger than a chart")
        stream = archive.extractfile(member)
        if stream:
            yield member.name, stream.read()


def differing(one: Mapping[str, bytes], other: Mapping[str, bytes]) -> list[str]:
    """The paths of the files in which two packages differ; the times that a tar has do not count."""
    return [path for path in sorted({*one, *other}) if one.get(path) != other.get(path)]
