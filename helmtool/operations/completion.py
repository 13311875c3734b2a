"""What the shell can offer on Tab: environments, tags and revisions. Bounded in time, never a question, never an error."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from helmtool.adapters.project import find_project
from helmtool.adapters.short_cache import Entry, ShortCache
from helmtool.operations.settings import Settings

if TYPE_CHECKING:
    from helmtool.adapters.cluster import Cluster

PATIENCE = 1.0
"""Seconds that a registry or a cluster is waited for."""
FRESH = 60.0
"""Seconds for which it is not asked again."""
AWAY = 10.0
"""Seconds for which who did not answer is not asked again: a shell may ask for each key that is pressed."""
OLD = 86_400.0
"""Seconds for which what is known is better than nothing."""


def environments(settings: Settings) -> list[Entry]:
    """The environments of the checkout. Raises what reading it raises."""
    return [(name, environment.description) for name, environment in find_project(settings.config_dir).environments().items()]


def tags(env: str, settings: Settings) -> list[Entry]:
    """The tags of the grammar that the registry of an environment's image has."""
    from helmtool.adapters.registry import Registry
    from helmtool.adapters.registry.credentials import stored_credential
    from helmtool.model.registry import valid_tags
    from helmtool.operations.registries import registry_of

    repository = registry_of(env, settings)[0].repository

    def ask() -> list[Entry]:
        found = valid_tags(Registry(repository, find=stored_credential).tags())  # a helper of credentials might open a window
        return [(str(tag), "") for tag in found]

    return _known(f"tags {repository}", ask)


def revisions(env: str, settings: Settings) -> list[Entry]:
    """The revisions that Helm keeps of an environment's release, newest first, with the tag and how it ended.

    Where a program hands out the credentials of the cluster, it is not asked: it might want a login. Then what `history` has
    seen last is offered.
    """
    from helmtool.operations.progress import Silent
    from helmtool.operations.reach import reach

    reached = reach(env, settings, Silent())
    key = _revisions_key(env, reached.access.server)
    if reached.cluster.connection.plugin:
        return ShortCache().get(key, OLD) or []
    return _known(key, partial(_ask_revisions, reached.cluster, reached.environment.release))


def remember_revisions(env: str, server: str, entries: Sequence[Entry]) -> None:
    """Keeps what a command has just read from that API server, for completion."""
    ShortCache().put(_revisions_key(env, server), entries)


def _revisions_key(env: str, server: str) -> str:
    return f"revisions {env} {server}"


def _ask_revisions(cluster: Cluster, release: str) -> list[Entry]:
    from helmtool.adapters.records import read_records
    from helmtool.adapters.storage import revision_labels

    words = {record.revision: record.tag for record in read_records(cluster, release)}
    found = sorted(revision_labels(cluster, release), reverse=True)
    return [(str(number), " ".join(filter(None, (words.get(number, ""), status)))) for number, status in found]


def _known(key: str, ask: Callable[[], list[Entry]]) -> list[Entry]:
    """What is kept and fresh, else what is answered in time, else what is kept and old."""
    cache = ShortCache()
    fresh = cache.get(key, FRESH)
    if fresh is not None:
        return fresh
    away = f"away {key}"
    found = None
    if cache.get(away, AWAY) is None:
        found = _in_time(ask)
        cache.put(away, []) if found is None else cache.put(key, found)
    return found if found is not None else cache.get(key, OLD) or []


def _in_time(ask: Callable[[], list[Entry]]) -> list[Entry] | None:
    """The answer, or nothing where there is none in time; the thread is a daemon, so nothing waits for it at the end."""
    answers: queue.SimpleQueue[list[Entry] | None] = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put(ask())
        except Exception:
            answers.put(None)

    threading.Thread(target=run, daemon=True, name="completion").start()
    try:
        return answers.get(timeout=PATIENCE)
    except queue.Empty:
        return None
