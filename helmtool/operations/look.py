"""The first look at a cluster: whether it is the right one, and what Helm and helmtool have kept there."""

from __future__ import annotations

from helmtool.adapters.storage import read_history_and_records
from helmtool.model.record import Record
from helmtool.model.revision import Revision
from helmtool.operations.reach import Reached, check_cluster

CONNECTIONS = 3
"""How many it makes at the least: each of its requests has one of its own."""


def look(session: Reached) -> list[Revision]:
    """The kept revisions, oldest first, after a look at the cluster itself.

    Raises WrongCluster, NamespaceMissing, ClusterUnreachable and ClusterForbidden.
    """
    return look_with_records(session)[0]


def look_with_records(session: Reached) -> tuple[list[Revision], list[Record]]:
    """The same, with the records that outlive revisions. All is asked for at the same time, and nothing of a wrong cluster is given."""
    cluster = session.cluster
    [reading] = cluster.begin([lambda: read_history_and_records(cluster, session.environment.release)])
    check_cluster(session)
    found: tuple[list[Revision], list[Record]] = reading.result()
    return found
