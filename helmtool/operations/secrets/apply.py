"""Applies a version of the secret without a release: in advance, or to see that it can be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from helmtool.adapters.files import find_checkout
from helmtool.operations.compose import compose
from helmtool.operations.lock import locked
from helmtool.operations.look import look
from helmtool.operations.progress import Progress
from helmtool.operations.reach import check_cluster
from helmtool.operations.secrets.bundle import read_bundle
from helmtool.operations.secrets.identity import find_identity
from helmtool.operations.secrets.step import LOCK_NAME, base_of, tell, tell_of_bundle
from helmtool.operations.secrets.versions import ListedVersion, VersionPlan, apply_with_any_key, in_use, listed, plan
from helmtool.operations.session import Session, open_session
from helmtool.operations.settings import Settings


class AppliedVersion(NamedTuple):
    """The version, and whether it was made now; with `dry_run` nothing was written."""

    plan: VersionPlan
    made: bool
    in_use: bool


class ApplyOptions(NamedTuple):
    """Where the files are, and how to go about it."""

    services_config: Path | None = None
    identity: Path | None = None
    dry_run: bool = False
    wait_lock: str = "0s"


async def apply(
    name: str, options: ApplyOptions, settings: Settings, progress: Progress, confirm: Callable[[Session, VersionPlan], bool]
) -> AppliedVersion:
    """Decrypts, names, compares, asks, and makes the version; a release that decrypts the same uses it.

    Raises what reading the files, the identity and the cluster raises, Locked, and VersionDiffers.
    """
    session = open_session(name, settings, progress)
    planned, serving = await asyncio.to_thread(_plan, session, options, progress)
    if planned.exists or options.dry_run:
        return AppliedVersion(planned, False, planned.name == serving)
    confirm(session, planned)
    command = f"secrets apply {name}"
    async with locked(session, command, progress, wait=options.wait_lock, names={LOCK_NAME: planned.name}) as lock:
        lock.require()
        planned, made = await asyncio.to_thread(apply_with_any_key, session, planned)
    return AppliedVersion(planned, made, planned.name == serving)


def list_versions(name: str, settings: Settings, progress: Progress) -> list[ListedVersion]:
    """Every version of an environment with what names it, oldest first."""
    session = open_session(name, settings, progress)
    check_cluster(session)
    return listed(session)


def _plan(session: Session, options: ApplyOptions, progress: Progress) -> tuple[VersionPlan, str]:
    environment = session.environment
    composed = compose(session.project, environment, None, stand_in=True, versioned=True)
    serving = in_use(session, look(session))
    bundle = read_bundle(environment.release, find_checkout(options.services_config), find_identity(session, options.identity))
    tell_of_bundle(bundle, progress)
    planned = plan(session, base_of(composed), bundle.files, serving)
    tell(planned, serving, progress)
    return planned, serving
