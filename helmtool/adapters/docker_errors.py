"""What can go wrong with docker, told apart by its own words."""

from __future__ import annotations

import re

from helmtool.adapters.registry.errors import RegistryFailed, RegistryUnreachable
from helmtool.errors import HelmtoolError, InvalidInput, OperationFailed, Problem, Refused, Unreachable


class DockerMissing(InvalidInput):
    """There is no program docker."""

    code = "docker-missing"

    def __init__(self) -> None:
        super().__init__("docker is needed, and there is no docker on PATH", hint="install it (Debian: docker.io), or build where it is")


class DockerUnreachable(Unreachable):
    """The docker daemon does not answer, or not to this account."""

    code = "docker-unreachable"

    def __init__(self, reason: str) -> None:
        denied = "permission denied" in reason
        start = "systemctl start docker; DOCKER_HOST names another daemon; then: docker version"
        super().__init__(
            f"the docker daemon does not answer: {reason or 'it says nothing'}",
            hint="usermod -aG docker $USER, then log in anew" if denied else start,
        )


class DockerFailed(OperationFailed):
    """Docker ended with an error."""

    code = "docker-failed"


class ImageMissing(InvalidInput):
    """The docker daemon does not have the image."""

    code = "image-missing"

    def __init__(self, name: str, hint: str) -> None:
        super().__init__(f"docker has no image {name}", hint=hint)


class BuildFailed(DockerFailed):
    """The image could not be built."""

    code = "build-failed"

    def __init__(self, code: int, problems: tuple[Problem, ...], *, killed: bool) -> None:
        cause = "a step was killed, most likely for want of memory" if killed else "its last lines say why"
        super().__init__(
            f"docker build ended with {code}: {cause}",
            problems=problems,
            hint="free -h; build on a larger machine" if killed else "mend what they say; docker/newdqmgui/README.md has every argument",
        )


class DiskFull(DockerFailed):
    """The disk of docker is full."""

    code = "disk-full"

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(
            "no space was left on docker's disk while the image was built", problems=problems, hint="docker system df; docker builder prune"
        )


class PushDenied(Unreachable):
    """The registry wants credentials, and docker has none, or others."""

    code = "registry-login"

    def __init__(self, host: str, problems: tuple[Problem, ...]) -> None:
        super().__init__(
            f"{host} does not let docker push: it wants credentials, or the account may not write there",
            problems=problems,
            hint=f"docker login {host} with your user name and the CLI secret (https://{host}, your name at the top right, User Profile)",
        )


class PushImmutable(Refused):
    """The registry's own rule says that a pushed tag stays as it is."""

    code = "tag-taken"


def push_error(host: str, name: str, code: int, text: str, problems: tuple[Problem, ...]) -> HelmtoolError:
    """The error of a push that failed, from docker's own words."""
    low = text.lower()
    if "immutable" in low:
        return PushImmutable(f"{name} exists already, and the registry keeps tags as they are", problems=problems, hint="helmtool tag next")
    if re.search(r"unauthorized|denied|authentication required|no basic auth credentials|insufficient_scope|http 40[13] response", low):
        return PushDenied(host, problems)
    status = re.search(r"unexpected http status: (5\d\d)|(5\d\d) internal server error|(50[0234]) (?:bad gateway|service unavailable)", low)
    if status:
        return RegistryFailed(host, int(next(filter(None, status.groups()))), f"docker's push of {name}")
    if re.search(r"dial tcp|no such host|connection refused|timeout|tls:|x509:", low):
        return RegistryUnreachable(host, "docker's push did not get through")
    return DockerFailed(f"docker push of {name} ended with {code}", problems=problems, hint=f"docker push {name}")
