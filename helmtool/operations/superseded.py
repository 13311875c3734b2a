"""Revisions that Helm still calls deployed beside a newer one.

Helm marks the one before as superseded last of all, and ends well where it cannot (4.3.1, tried: a connection that is lost, a refused
write). `helm history` then shows two as deployed, until the older one is no longer kept.
"""

from __future__ import annotations

from collections.abc import Sequence

from helmtool.adapters.storage import mark
from helmtool.errors import HelmtoolError
from helmtool.model.revision import Revision, RevisionStatus
from helmtool.operations.progress import Progress
from helmtool.operations.reach import Reached


def supersede_older(session: Reached, revisions: Sequence[Revision], progress: Progress) -> None:
    """Marks all but the newest deployed one as superseded, and says so; what keeps it from that is a warning. The caller holds the lock."""
    deployed = sorted(r.number for r in revisions if r.status is RevisionStatus.DEPLOYED)
    for number in deployed[:-1]:
        try:
            if mark(session.cluster, session.environment.release, number, RevisionStatus.SUPERSEDED):
                progress.warn(f"Helm called revision {number} deployed, beside {deployed[-1]}: it is marked as superseded now")
        except HelmtoolError as error:
            progress.warn(f"Helm calls revision {number} deployed, beside {deployed[-1]}, and that stays so: {error.message}")
