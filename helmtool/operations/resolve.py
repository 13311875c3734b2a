"""What a tag names at this moment: the registry is asked once, and everything after uses its digest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from helmtool.adapters.project import Project
from helmtool.errors import Refused, Unreachable
from helmtool.model.environment import Environment, Policy
from helmtool.model.tag import Tag, deployed_tag, parse_tag
from helmtool.operations.progress import Progress

if TYPE_CHECKING:
    from helmtool.adapters.registry import Registry
    from helmtool.model.registry import Manifest


class RegistryNeeded(Refused):
    """The stable twin is to be found or made, and the environment's policy keeps the registry out."""

    code = "registry-needed"


@dataclass(frozen=True, slots=True)
class Resolved:
    """The image of a release: what was asked for, the tag that is deployed, and its digest (empty where the registry was not asked).

    `to_make` is the manifest that has no stable tag yet; it is put there once the release is confirmed.
    """

    asked: Tag
    tag: Tag
    digest: str = ""
    registry: Registry | None = field(default=None, repr=False)
    to_make: Manifest | None = field(default=None, repr=False)

    def require_unmoved(self) -> None:
        """Asks again, right before the first write. Raises TagMoved."""
        if self.registry and self.digest:
            from helmtool.operations.twin import check_unmoved

            check_unmoved(self.registry, self.asked if self.to_make else self.tag, self.digest)

    def make_twin(self) -> bool:
        """Puts the stable tag where it is missing; gives whether it was written. Raises TwinDiffers, TagMoved and what a registry says."""
        from helmtool.operations.twin import put_twin

        return bool(self.registry and self.to_make and put_twin(self.registry, self.asked, self.to_make))


def resolve(project: Project, environment: Environment, text: str, sets: Sequence[str], progress: Progress) -> Resolved:
    """Resolves a tag as the environment's policies ask; writes nothing.

    Raises InvalidTag and NotFound (3), TagPolicyRefused, TwinDiffers and RegistryNeeded (4), and Unreachable (5) where
    the policy `resolve` is required, or where only the registry knows whether there is a stable tag.
    """
    asked = parse_tag(text)
    wanted = deployed_tag(asked, environment.stable_tag, environment.name)
    if environment.resolve is Policy.OFF:
        return _without_registry(environment, asked, wanted, progress)
    from helmtool.operations.registries import registry_named  # what follows is loaded only where a registry is asked

    registry = registry_named(project, environment, sets)
    progress.start("resolve", f"{asked} in {registry.repository}")
    try:
        resolved = _ask(registry, asked, wanted, progress)
    except Unreachable as error:
        if environment.resolve is Policy.REQUIRED or wanted != asked:
            raise
        progress.warn(f"{error.message}; deployed by its tag alone, which may name another image later")
        return Resolved(asked, wanted)
    made = f"; {wanted} will be made of it" if resolved.to_make else ""
    progress.done("resolve", f"{asked} is {short(resolved.digest)}{made}")
    return resolved


def short(digest: str) -> str:
    """A digest as people compare it: its first twelve digits."""
    return digest.removeprefix("sha256:")[:12]


def _without_registry(environment: Environment, asked: Tag, wanted: Tag, progress: Progress) -> Resolved:
    if wanted != asked:
        raise RegistryNeeded(
            f"{environment.name} deploys {wanted}, and whether it exists is not known: policies.resolve is off",
            hint=f"helmtool release {environment.name} {wanted}, if it exists",
        )
    progress.skip("resolve", f"policy is off for {environment.name}")
    return Resolved(asked, wanted)


def _ask(registry: Registry, asked: Tag, wanted: Tag, progress: Progress) -> Resolved:
    from helmtool.operations.twin import require_digest, twin_is_there

    digest = registry.digest(str(asked))
    if wanted == asked:
        return Resolved(asked, wanted, digest or require_digest(registry, asked), registry)
    if digest is None:
        kept = registry.digest(str(wanted))
        if kept is None:
            raise registry.missing(str(asked))
        progress.warn(f"{asked} is gone from the registry; {wanted} is still there")
        return Resolved(asked, wanted, kept, registry)
    if twin_is_there(registry, asked, digest):
        return Resolved(asked, wanted, digest, registry)
    manifest = registry.manifest(str(asked))
    return Resolved(asked, wanted, manifest.digest, registry, manifest)
