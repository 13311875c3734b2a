"""Records by what a cluster is known: its API server, its authority, and the UID that it keeps for its whole life."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from helmtool.adapters.answer import ClusterForbidden
from helmtool.adapters.cluster import Cluster
from helmtool.adapters.files import replace_file
from helmtool.adapters.kubeconfig import Access
from helmtool.adapters.project import ENVIRONMENTS, Project, find_project
from helmtool.errors import InvalidInput
from helmtool.model.environment import ClusterIdentity, Environment, find_environment
from helmtool.model.pinning import CannotPin, require_same, with_pins
from helmtool.operations.guard import choose_access
from helmtool.operations.progress import Progress
from helmtool.operations.settings import Settings


class NothingToPin(InvalidInput):
    """The embedded cluster is known by its own files."""

    code = "nothing-to-pin"


class Pinning(NamedTuple):
    """What identifies the cluster now, by the keys of environments.yaml, and what the file said before (empty for none)."""

    environment: Environment
    access: Access
    before: Mapping[str, str]
    pins: Mapping[str, str]

    @property
    def changed(self) -> bool:
        """Whether the file would say something else."""
        return any(self.before.get(key) != pin for key, pin in self.pins.items())


def pin(name: str, settings: Settings, progress: Progress, confirm: Callable[[Pinning], object]) -> Pinning:
    """Writes the identity into values/environments.yaml, once `confirm` has been shown it (it raises where the answer is no).

    The cluster's name must fit the environment; pins that are there do not count, for a new cluster may have taken the old one's
    place. Raises what the guard raises, NoCheckout, NothingToPin, CannotPin and FileRefused.
    """
    project = find_project(settings.config_dir)
    project.require_checkout(f"a pin is written into {ENVIRONMENTS} of a checkout")
    found = _identify(project, name, settings, progress)
    if not found.changed:
        progress.skip("pin", f"{ENVIRONMENTS} says exactly this already")
        return found
    confirm(found)
    text = project.read(ENVIRONMENTS).decode()
    new = with_pins(text, name, found.pins)
    require_same(text, new, name, found.pins)
    replace_file(project.root / ENVIRONMENTS, new.encode())
    progress.done("pin", f"written to {project.shown(ENVIRONMENTS)}; commit it, so that it holds for everybody")
    return found


def _identify(project: Project, name: str, settings: Settings, progress: Progress) -> Pinning:
    environments = project.environments()
    environment = find_environment(name, environments)
    if environment.embedded:
        raise NothingToPin(f"{name} is the embedded cluster of this machine: no other can be taken for it", hint="helmtool local status")
    if environment.row:
        raise CannotPin(
            f"{name} is one of {environment.row}, and a pin is one cluster's",
            hint=f"give {name} an entry of its own in {ENVIRONMENTS} (helmtool env show {name}), then: helmtool env pin {name}",
        )
    identity = environment.cluster
    unpinned = environment._replace(cluster=ClusterIdentity(identity.name_ends_with))
    access = choose_access(unpinned, environments | {name: unpinned}, settings)
    progress.done("guard", f"{name} is {access.cluster} at {access.server}, by its name")
    pins = {
        "server": access.server.rstrip("/"),
        "caFingerprint": access.ca_fingerprint,
        "kubeSystemUid": _uid(access, environment, progress),
    }
    before = {"server": identity.server, "caFingerprint": identity.ca_fingerprint, "kubeSystemUid": identity.kube_system_uid}
    return Pinning(environment, access, before, {key: pin for key, pin in pins.items() if pin})


def _uid(access: Access, environment: Environment, progress: Progress) -> str:
    """The UID of `kube-system`; nothing where the person may not read that namespace."""
    try:
        return Cluster(access, environment.namespace).system_uid()
    except ClusterForbidden as error:
        progress.warn(f"the UID of kube-system is not pinned: {error.message}")
        return ""
