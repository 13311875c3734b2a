"""The ConfigMap of records: made, replaced, and no record lost to a writer that was faster."""

from __future__ import annotations

import copy

import pytest

from helmtool.adapters.answer import Answer
from helmtool.adapters.records import ATTEMPTS, add_record, read_records
from helmtool.errors import OperationFailed
from helmtool.model.manifest import Manifest, ObjectKey
from helmtool.model.record import Record, dump, load

ONE, TWO, THREE = (Record(number, "release", "deployed", "t", "ann@host") for number in (1, 2, 3))


class FakeCluster:
    """One ConfigMap with a resourceVersion; `rivals` are written by somebody else just before the next write."""

    def __init__(self, live: Manifest | None = None, rivals: list[Record] | None = None, status: int = 0) -> None:
        self.namespace = "dqm"
        self.live = live
        self.rivals = rivals or []
        self.status = status
        self.reads = self.writes = 0

    def get(self, key: ObjectKey) -> Manifest | None:
        self.reads += 1
        assert key == ObjectKey("v1", "ConfigMap", "dqm", "newdqmgui-releases")
        return copy.deepcopy(self.live)

    def create(self, manifest: Manifest) -> Answer:
        return self._write(manifest, None)

    def replace(self, manifest: Manifest) -> Answer:
        return self._write(manifest, manifest["metadata"]["resourceVersion"])

    def _write(self, manifest: Manifest, version: str | None) -> Answer:
        self.writes += 1
        if self.rivals:
            self.live = config_map(*self.stored(), self.rivals.pop(), version=f"rival-{self.writes}")
        if self.status:
            return Answer(self.status, {"message": "said by the server"})
        if version and self.live is None:
            return Answer(404, {"message": "not found"})
        if version != (self.live["metadata"]["resourceVersion"] if self.live else None):
            return Answer(409, {"message": "the object has been modified"})
        self.live = copy.deepcopy(manifest)
        self.live["metadata"]["resourceVersion"] = f"after-{self.writes}"
        return Answer(201, self.live)

    def stored(self) -> list[Record]:
        return load(self.live["data"]["records.json"]) if self.live else []


def config_map(*records: Record, version: str = "1") -> Manifest:
    metadata = {"name": "newdqmgui-releases", "resourceVersion": version}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"records.json": dump(records)}}


def add(cluster: FakeCluster, record: Record) -> None:
    add_record(cluster, "newdqmgui", record)  # type: ignore[arg-type]


def test_the_first_record_makes_the_config_map() -> None:
    cluster = FakeCluster()
    add(cluster, ONE)
    assert cluster.stored() == [ONE]
    assert cluster.live is not None
    assert cluster.live["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "helmtool"}


def test_a_later_record_is_added() -> None:
    cluster = FakeCluster(config_map(ONE))
    add(cluster, TWO)
    assert cluster.stored() == [ONE, TWO]


@pytest.mark.parametrize("live", [None, config_map(ONE)])
def test_a_writer_that_was_faster_loses_nothing_and_nor_do_we(live: Manifest | None) -> None:
    cluster = FakeCluster(live, rivals=[TWO])
    add(cluster, THREE)
    assert cluster.stored() == [*([ONE] if live else []), TWO, THREE]
    assert cluster.writes == 2


def test_a_writer_that_is_always_faster_ends_in_an_error() -> None:
    cluster = FakeCluster(rivals=[Record(number, "release", "deployed", "t", "bob") for number in range(50)])
    with pytest.raises(OperationFailed, match="could not be written: the object has been modified"):
        add(cluster, THREE)
    assert cluster.writes == ATTEMPTS


def test_what_was_written_last_is_not_read_again() -> None:
    cluster = FakeCluster(config_map(ONE))
    stored = add_record(cluster, "newdqmgui", TWO)  # type: ignore[arg-type]
    add_record(cluster, "newdqmgui", TWO._replace(outcome="failed"), stored)  # type: ignore[arg-type]
    assert [record.outcome for record in cluster.stored()] == ["deployed", "failed"]
    assert (cluster.reads, cluster.writes) == (1, 2)


@pytest.mark.parametrize("since", [None, config_map(ONE, TWO, version="another"), config_map(version="another")])
def test_unless_it_has_changed_or_is_gone_since(since: Manifest | None) -> None:
    cluster = FakeCluster(config_map(ONE))
    stored = add_record(cluster, "newdqmgui", THREE)  # type: ignore[arg-type]
    cluster.live = since
    kept = cluster.stored()
    add_record(cluster, "newdqmgui", THREE, stored)  # type: ignore[arg-type]
    assert cluster.stored() == [*kept, THREE]


def test_a_refusal_is_not_tried_again() -> None:
    cluster = FakeCluster(status=422)
    with pytest.raises(OperationFailed, match="could not be written: said by the server"):
        add(cluster, ONE)
    assert cluster.writes == 1


@pytest.mark.parametrize("live", [None, {"data": None}, {}, {"data": {}}, {"data": {"records.json": "nonsense"}}, {"data": {"other": "x"}}])
def test_nothing_readable_is_no_records(live: Manifest | None) -> None:
    assert read_records(FakeCluster(live), "newdqmgui") == []  # type: ignore[arg-type]


def test_reads_what_is_there() -> None:
    assert read_records(FakeCluster(config_map(ONE, TWO)), "newdqmgui") == [ONE, TWO]  # type: ignore[arg-type]


def test_data_that_is_no_text_holds_no_record() -> None:
    for data in (None, [], {"records.json": ["x"]}, {"records.json": 5}):
        assert read_records(FakeCluster({"data": data, "metadata": {"resourceVersion": "1"}}), "newdqmgui") == []  # type: ignore[arg-type]
