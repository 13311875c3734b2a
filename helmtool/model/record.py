"""What is remembered of each release beside Helm's own revision: who, from which commit, why, and how it ended."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

MAX_RECORDS = 100
MAX_BYTES = 256 * 1024
MAX_LINES = 20
MAX_TEXT = 500
LISTS = ("evidence", "checks")
TYPES: dict[str, type | tuple[type, ...]] = {
    "revision": int,
    "clean": bool,
    "evidence": (list, type(None)),
    "checks": (list, type(None)),
}
"""Of the fields that are no texts; people can edit what is stored."""


class Record(NamedTuple):
    """One release or rollback. `when` is RFC 3339 in UTC; `evidence` says why it failed, `checks` what was seen on the way.

    `outcome` is started, deployed, failed or interrupted; one that stays at started belongs to a client that was killed.
    `cause` is the code of the best cause in the catalogue, empty where nothing failed or none is known.
    """

    revision: int
    action: str
    outcome: str
    when: str
    who: str
    tag: str = ""
    commit: str = ""
    clean: bool = False
    chart: str = ""
    note: str = ""
    evidence: tuple[str, ...] = ()
    digest: str = ""
    checks: tuple[str, ...] = ()
    cause: str = ""


def append(records: Sequence[Record], new: Record) -> list[Record]:
    """The records with a new one, which replaces an earlier one of its revision; the oldest go, to stay within one ConfigMap."""
    kept = [*(r for r in records if r.revision != new.revision), _bounded(new)][-MAX_RECORDS:]
    while len(dump(kept)) > MAX_BYTES and len(kept) > 1:
        kept = kept[1:]
    return kept


def dump(records: Iterable[Record]) -> str:
    """The records as JSON text, one entry a line."""
    return "[\n" + ",\n".join(json.dumps(record._asdict()) for record in records) + "\n]\n"


def load(text: str) -> list[Record]:
    """The records of a stored text; what cannot be read, or is of a later version, is left out rather than an error."""
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError):
        return []
    return [record for entry in entries if (record := _entry(entry))] if isinstance(entries, list) else []


def _entry(entry: Any) -> Record | None:
    if not isinstance(entry, dict):
        return None
    known = {name: entry[name] for name in Record._fields if name in entry}
    if not all(isinstance(value, TYPES.get(name, str)) for name, value in known.items()):
        return None
    try:
        return Record(**known | {name: tuple(map(str, known.get(name) or ())) for name in LISTS})
    except TypeError:
        return None


def _bounded(record: Record) -> Record:
    values = record._asdict()
    texts = {k: v[:MAX_TEXT] for k, v in values.items() if isinstance(v, str)}
    return Record(**values | texts | {name: tuple(line[:MAX_TEXT] for line in values[name][:MAX_LINES]) for name in LISTS})
