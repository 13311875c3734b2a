"""The right cluster, or none: only the context in use is judged, and exactly one environment may fit it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from helmtool.adapters.kubeconfig import Access, read_access
from helmtool.errors import Refused, Unreachable
from helmtool.model.environment import Environment, matching
from helmtool.operations.settings import Settings


class WrongCluster(Refused):
    """The kubeconfig's context reaches a cluster that is not the environment's."""

    code = "wrong-cluster"


class LocalNotUp(Unreachable):
    """The embedded cluster has not been started."""

    code = "local-not-up"


def choose_access(environment: Environment, environments: Mapping[str, Environment], settings: Settings) -> Access:
    """The context to use for an environment: `--kubeconfig`, then KUBECONFIG, then environments.yaml.

    The embedded environment is the exception: no variable can make another cluster `local`.
    Raises WrongCluster, KubeconfigInvalid and LocalNotUp.
    """
    if environment.embedded:
        return _embedded_access(environment, settings)
    path, source = _kubeconfig(environment, settings)
    access = read_access(path, settings.kube_context)
    _check_name_and_pins(environment, environments, access, source)
    return access


def check_system_uid(environment: Environment, uid: str) -> None:
    """Compares the UID of `kube-system` with the pinned one; no pin, no check. Raises WrongCluster."""
    pinned = environment.cluster.kube_system_uid
    if pinned and pinned != uid:
        raise WrongCluster(
            f"the namespace kube-system has UID {uid}, but {environment.name} is pinned to {pinned}",
            hint=f"helmtool env show {environment.name}",
        )


def is_pinned(environment: Environment) -> bool:
    """Whether anything but its name identifies the environment's cluster."""
    return environment.embedded or environment.cluster.pinned


def _embedded_access(environment: Environment, settings: Settings) -> Access:
    from helmtool.adapters import local

    path = local.kubeconfig_path()
    if not path.is_file():
        raise LocalNotUp("the embedded cluster is not up", hint="helmtool local up")
    own = read_access(str(path))
    given = read_access(settings.kubeconfig or str(path), settings.kube_context)
    if given.server != own.server:
        raise WrongCluster(
            f"context {given.context} ({given.kubeconfig}) reaches {given.cluster} ({given.server}), "
            f"but {environment.name} is the embedded cluster at {own.server}",
            hint="leave --kubeconfig and --kube-context away",
        )
    return given


def _kubeconfig(environment: Environment, settings: Settings) -> tuple[str, str]:
    if settings.kubeconfig:
        return settings.kubeconfig, "--kubeconfig"
    if os.environ.get("KUBECONFIG", "").strip(os.pathsep):
        return os.environ["KUBECONFIG"], "KUBECONFIG"
    return environment.kubeconfig, "values/environments.yaml"


def _check_name_and_pins(environment: Environment, environments: Mapping[str, Environment], access: Access, source: str) -> None:
    found = f"context {access.context} ({source}: {access.kubeconfig}) reaches cluster {access.cluster} at {access.server}"
    hint = f'eval "$(helmtool env use {environment.name})", or --kubeconfig FILE'
    pins = environment.cluster
    if access.insecure and pins.pinned:
        raise WrongCluster(
            f"{found} without verifying its certificate (insecure-skip-tls-verify), so that the pin of {environment.name} proves nothing",
            hint=f"remove insecure-skip-tls-verify from {access.kubeconfig}; helmtool env show {environment.name}",
        )
    if pins.server and _host(pins.server) != _host(access.server):
        raise WrongCluster(f"{found}, but {environment.name} is pinned to {pins.server}", hint=hint)
    if pins.ca_fingerprint and pins.ca_fingerprint != access.ca_fingerprint:
        raise WrongCluster(
            f"{found}, whose CA is {access.ca_fingerprint or 'unknown'}, but {environment.name} is pinned to {pins.ca_fingerprint}",
            hint=hint,
        )
    fitting = [e.name for e in matching(environments, access.cluster)]
    if fitting == [environment.name]:
        return
    if environment.name in fitting:
        raise WrongCluster(
            f"{found}, which fits several environments: {', '.join(fitting)}", hint="make nameEndsWith exact in values/environments.yaml"
        )
    said = f"that is {fitting[0]}" if fitting else "no environment has a cluster of that name"
    endings = ", ".join(pins.name_ends_with)
    raise WrongCluster(f"{found}; {said}, not {environment.name} (expected a name that ends in {endings})", hint=hint)


def _host(server: str) -> str:
    """Host and port of an address, with or without a scheme; never empty, so that two nothings are not equal."""
    return (urlsplit(server).netloc or server).lower()
