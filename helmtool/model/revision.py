"""A revision of a release, and which one a rollback goes to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from helmtool.model.document import Document
from helmtool.model.reading import moment
from helmtool.model.record import Record
from helmtool.model.values import Layer, Values, merge

DEPLOYED = "deployed"
"""The outcome of a release whose pods became available."""
NEVER_APPLIED = re.compile(r"(?:Upgrade|Release|Rollback) \".*\" failed: |Preparing upgrade|Initial install underway")
"""Helm's description of a revision that failed or was killed; it stays when a later rollback fails, the status does not."""


DESCRIPTION = "helmtool release "
"""How the description of each revision begins that helmtool's release has made."""


class RevisionStatus(StrEnum):
    """Helm's own words for the state of a revision."""

    UNKNOWN = "unknown"
    DEPLOYED = "deployed"
    SUPERSEDED = "superseded"
    FAILED = "failed"
    UNINSTALLED = "uninstalled"
    UNINSTALLING = "uninstalling"
    PENDING_INSTALL = "pending-install"
    PENDING_UPGRADE = "pending-upgrade"
    PENDING_ROLLBACK = "pending-rollback"

    @property
    def pending(self) -> bool:
        """Whether Helm takes an operation to be under way, and refuses another one."""
        return self.value.startswith("pending-")

    @property
    def was_deployed(self) -> bool:
        """Whether Helm applied the revision: it marks it superseded only after it was deployed."""
        return self in (RevisionStatus.DEPLOYED, RevisionStatus.SUPERSEDED)


class Revision(NamedTuple):
    """One stored revision. `updated` is RFC 3339 as Helm wrote it; `manifest` is the rendered text, `values` what the user gave.

    `defaults` are the values of its chart, which lie beneath.
    `outcome` is what the release's own record says became of it, empty where there is none (a plain `helm upgrade`).
    """

    number: int
    status: RevisionStatus
    updated: str
    chart: str
    chart_version: str
    description: str
    manifest: str = ""
    values: Mapping[str, Any] = MappingProxyType({})
    outcome: str = ""
    defaults: Mapping[str, Any] = MappingProxyType({})

    def __repr__(self) -> str:
        """Without what may hold a secret."""
        return f"Revision({self.number}, {self.status.value}, {self.chart})"

    @property
    def served(self) -> bool:
        """Whether its pods really became available.

        Helm calls an upgrade that did not wait `deployed`, and `superseded` later, even if no pod ever started: where
        there is a record, the record decides. A rollback that fails makes `superseded` even of the failed or killed
        revision before it (Helm 4.3.1); its description tells.
        """
        return self.status.was_deployed and self.outcome in ("", DEPLOYED) and not NEVER_APPLIED.match(self.description)


def is_of(record: Record, revision: Revision) -> bool:
    """Whether a record is of this revision, and not of an earlier release that made none, whose number a plain helm took afterwards.

    That release ended before Helm made the revision, or it was killed and the description of the revision is not helmtool's.
    """
    if record.outcome == "started":
        own = record.action != "release" or revision.description.startswith(DESCRIPTION) or NEVER_APPLIED.match(revision.description)
        return bool(own) or not revision.status.was_deployed
    ended, made = moment(record._asdict(), "when"), moment(revision._asdict(), "updated")
    return ended is None or made is None or ended >= made.replace(microsecond=0)


def last(revisions: Sequence[Revision]) -> Revision | None:
    """The newest revision, whatever became of it."""
    return max(revisions, key=lambda r: r.number, default=None)


def applied(revisions: Sequence[Revision]) -> Revision | None:
    """What an upgrade compares with: the newest that Helm calls deployed, else the last, as Helm chooses it."""
    return max((r for r in revisions if r.status is RevisionStatus.DEPLOYED), key=lambda r: r.number, default=last(revisions))


def next_number(revisions: Sequence[Revision]) -> int:
    """The number that Helm will give to the next revision."""
    newest = last(revisions)
    return newest.number + 1 if newest else 1


def running(revisions: Sequence[Revision]) -> Revision | None:
    """The revision that the cluster serves: the newest that really served."""
    return max((r for r in revisions if r.served), key=lambda r: r.number, default=None)


def rollback_target(revisions: Sequence[Revision]) -> Revision | None:
    """Where a rollback without a number goes.

    Helm's own default is the last number minus one, even if that one failed. Here it is the newest revision before the
    last that really served; where the last one serves, with other objects than it: going back to the same helps nobody.
    """
    newest = last(revisions)
    if newest is None:
        return None
    return running([r for r in revisions if r.number < newest.number and not (newest.served and _same_objects(r, newest))])


def _same_objects(one: Revision, other: Revision) -> bool:
    return bool(one.manifest) and one.manifest == other.manifest


def merged_values(revision: Revision) -> Values:
    """The revision's values as its chart saw them; no place of them is known."""
    return merge([Layer(name, Document("", {**data}, {})) for name, data in (("chart", revision.defaults), ("revision", revision.values))])


def tag_of(revision: Revision) -> str:
    """The image tag in the revision's own values; empty where they name none."""
    return _of_image(revision, "tag")


def digest_of(revision: Revision) -> str:
    """The image's digest in the revision's own values; empty where it was deployed by its tag alone."""
    return _of_image(revision, "digest")


def _of_image(revision: Revision, key: str) -> str:
    image = revision.values.get("image")
    return str(image.get(key) or "") if isinstance(image, dict) else ""
