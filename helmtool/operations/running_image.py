"""The chart rendered with the image that runs, whoever deployed it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

from helmtool.errors import HelmtoolError
from helmtool.model.environment import Policy
from helmtool.model.manifest import Manifest, is_hook, key_of
from helmtool.model.tag import InvalidTag, parse_tag
from helmtool.operations.compose import STAND_IN, VERSIONED, compose
from helmtool.operations.progress import Progress
from helmtool.operations.registries import registry_named
from helmtool.operations.session import Session

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
SAME_SECRET = "secrets.mode=existing"  # noqa: S105 - a setting
"""Renders the Secret that today's pod mounts, where a release would make a version of it from files that are not read here."""


async def render_running(session: Session, progress: Progress) -> tuple[str, list[Manifest]]:
    """The image of the live Deployment (empty where there is none), and the chart's objects with its tag and digest.

    The environment's rule on tags is not asked: this is what runs, not what is to be released. But a release deploys by digest, so the
    registry is asked for it where the Deployment names none. Where the image has no tag of the grammar, a stand-in renders.
    Raises ValuesInvalid, ChartInvalid, ClusterUnreachable and ClusterForbidden.
    """
    manifests = await _rendered(session, ())
    image = await asyncio.to_thread(_live_image, session, manifests)
    sets = image_values(image)
    if sets:
        return image, await _rendered(session, [*sets, *await asyncio.to_thread(_digest, session, image, progress)])
    if image:
        progress.warn(f"the image that runs, {image}, has no tag of the form HG0105a; {STAND_IN} stands in for it in what is shown")
    return image, manifests


def image_values(image: str) -> list[str]:
    """The `--set` texts that name the same tag and digest; none where the tag breaks the grammar."""
    name, _, digest = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    try:
        parse_tag(tag)
    except InvalidTag:
        return []
    return [f"image.tag={tag}", *([f"image.digest={digest}"] if DIGEST.fullmatch(digest) else [])]


def _digest(session: Session, image: str, progress: Progress) -> list[str]:
    """The `--set` text of the digest that a release would add; none where the image has one, or the registry is not asked."""
    if "@" in image or session.environment.resolve is Policy.OFF:
        return []
    tag = image.rpartition(":")[2]
    try:
        digest = registry_named(session.project, session.environment).digest(tag)
    except HelmtoolError as error:
        progress.warn(f"{error.message}; the next release also adds the digest, which restarts the pod")
        return []
    if digest is None:
        progress.warn(f"{tag} is not in the registry any more; the next release needs another tag")
    return [f"image.digest={digest}"] if digest else []


async def _rendered(session: Session, sets: Sequence[str]) -> list[Manifest]:
    composed = compose(session.project, session.environment, None, sets, stand_in=True)
    if composed.secret_mode == VERSIONED:
        composed = compose(session.project, session.environment, None, [*sets, SAME_SECRET], stand_in=True)
    return [m for m in await session.helm.template(session.project.chart, composed.for_helm) if not is_hook(m)]


def _live_image(session: Session, manifests: Sequence[Manifest]) -> str:
    """The image of the container that the chart names, else of the first."""
    wanted = next((m for m in manifests if m.get("kind") == "Deployment"), None)
    live = session.cluster.get(key_of(wanted)) if wanted else None
    if wanted is None or live is None:
        return ""
    name = wanted["spec"]["template"]["spec"]["containers"][0]["name"]
    containers = live["spec"]["template"]["spec"]["containers"]
    return str(next((c for c in containers if c["name"] == name), containers[0])["image"])
