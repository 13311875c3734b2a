"""Helm's own record of a release: decoded as Helm wrote it, and a clear error where it is damaged."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

from helmtool.adapters.storage import StorageUnreadable, read_history, read_revisions
from helmtool.model.manifest import Manifest, ObjectKey
from helmtool.model.record import Record, dump
from helmtool.model.revision import RevisionStatus

MARKER = "s3cret-marker"
STORED: dict[str, Any] = {
    "name": "newdqmgui",
    "version": 3,
    "info": {"status": "deployed", "last_deployed": "2026-01-05T10:00:00.123456789Z", "description": "Upgrade complete"},
    "chart": {"metadata": {"name": "newdqmgui", "version": "1.2.3"}},
    "manifest": "kind: A\n",
    "config": {"image": {"tag": "HG0105a"}},
}


def payload(stored: Any, *, compress: bool = True) -> str:
    """As Helm's driver does it: JSON, gzip, base64; then the base64 of every Secret."""
    data = json.dumps(stored).encode()
    return base64.b64encode(base64.b64encode(gzip.compress(data) if compress else data)).decode()


def secret(content: Any, kind: str = "helm.sh/release.v1", number: int = 3) -> Manifest:
    return {"metadata": {"name": f"sh.helm.release.v1.newdqmgui.v{number}"}, "type": kind, "data": content}


class FakeCluster:
    """What the API server would answer to the two requests."""

    def __init__(self, *secrets: Manifest, records: str | None = None) -> None:
        self.namespace = "dqm"
        self.secrets = list(secrets)
        self.records = records
        self.selectors: list[str] = []

    def list(self, api_version: str, kind: str, label_selector: str = "", field_selector: str = "") -> list[Manifest]:
        assert (api_version, kind) == ("v1", "Secret")
        self.selectors.append(label_selector)
        return self.secrets

    def get(self, key: ObjectKey) -> Manifest | None:
        return None if self.records is None else {"data": {"records.json": self.records}}

    def in_parallel(self, calls: Any) -> Any:
        return [call() for call in calls]


def read(*secrets: Manifest) -> Any:
    return read_revisions(FakeCluster(*secrets), "newdqmgui")  # type: ignore[arg-type]


@pytest.mark.parametrize("compress", [True, False])
def test_a_revision_as_helm_stores_it(compress: bool) -> None:
    (revision,) = read(secret({"release": payload(STORED, compress=compress)}))
    assert (revision.number, revision.status) == (3, RevisionStatus.DEPLOYED)
    assert (revision.chart, revision.chart_version, revision.description) == ("newdqmgui-1.2.3", "1.2.3", "Upgrade complete")
    assert (revision.updated, revision.manifest) == ("2026-01-05T10:00:00.123456789Z", "kind: A\n")
    assert revision.values == {"image": {"tag": "HG0105a"}}


def test_only_what_helm_labels_is_asked_for_and_the_oldest_comes_first() -> None:
    cluster = FakeCluster(*(secret({"release": payload(STORED | {"version": n})}) for n in (10, 2, 9)))
    assert [r.number for r in read_revisions(cluster, "newdqmgui")] == [2, 9, 10]  # type: ignore[arg-type]
    assert cluster.selectors == ["owner=helm,name=newdqmgui"]


def test_a_foreign_secret_under_the_same_labels_is_left_alone() -> None:
    assert read(secret({"password": "x"}, "Opaque"), secret({"release": payload(STORED)})) != []
    assert read(secret({"password": "x"}, "Opaque"), secret(None, "Opaque")) == []


@pytest.mark.parametrize(
    "content",
    [
        None,
        {},
        {"release": None},
        {"release": 3},
        {"release": ""},
        {"release": MARKER},
        {"release": base64.b64encode(MARKER.encode()).decode()},
        {"release": base64.b64encode(base64.b64encode(MARKER.encode())).decode()},
        {"release": base64.b64encode(base64.b64encode(b"\x1f\x8b\x08" + MARKER.encode())).decode()},
        {"release": base64.b64encode(base64.b64encode(gzip.compress(MARKER.encode())[:-9])).decode()},
        {"release": base64.b64encode(base64.b64encode(gzip.compress(MARKER.encode()))).decode()},
        {"release": payload([MARKER])},
        {"release": payload(MARKER)},
        {"release": payload({"config": MARKER})},
        {"release": payload(STORED | {"version": MARKER})},
        {"release": payload(STORED | {"info": MARKER})},
        {"release": payload(STORED | {"chart": [MARKER]})},
        {"release": payload(STORED | {"config": [MARKER]})},
        {"release": payload(STORED | {"version": float("inf")})},
        {"release": base64.b64encode(base64.b64encode(b"[" * 100_000)).decode()},
        {"release": base64.b64encode(base64.b64encode(gzip.compress(b" " * (65 << 20), 1))).decode()},
    ],
)
def test_a_broken_payload_is_one_sentence_that_names_the_secret_and_nothing_of_its_content(content: Any) -> None:
    with pytest.raises(StorageUnreadable, match=r"the Secret sh\.helm\.release\.v1\.newdqmgui\.v3 says") as caught:
        read(secret({"release": payload(STORED)}, number=1), secret(content))
    assert MARKER not in f"{caught.value.message} {caught.value.hint}"
    assert "kubectl delete secret" in caught.value.hint


def test_missing_parts_and_unknown_states_are_no_error() -> None:
    (revision,) = read(secret({"release": payload({"version": 1, "info": {"status": "invented"}, "config": None, "chart": None})}))
    assert (revision.status, revision.values, revision.manifest) == (RevisionStatus.UNKNOWN, {}, "")


def test_the_history_knows_the_outcome_that_the_record_tells() -> None:
    records = dump([Record(2, "release", "failed", "t", "ann"), Record(9, "release", "deployed", "t", "ann")])
    secrets = [secret({"release": payload(STORED | {"version": n})}) for n in (1, 2)]
    found = read_history(FakeCluster(*secrets, records=records), "newdqmgui")  # type: ignore[arg-type]
    assert [(r.number, r.outcome) for r in found] == [(1, ""), (2, "failed")]
    assert [r.outcome for r in read_history(FakeCluster(*secrets), "newdqmgui")] == ["", ""]  # type: ignore[arg-type]
