"""What the chart renders is what runs today, field by field, except for the rows of docs/explanation/differences.md."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest
from differences import ABSENT, THERE, Difference, Row, compare, read_rows, unused, without_reason
from rendering import DIGEST, Helm, Object, by_name, documents, merge

PARITY = Path(__file__).parent / "parity"

RELEASED = {"image": {"digest": DIGEST}}
"""How a release renders: tag and digest."""

EVERYTHING = merge(
    RELEASED,
    {
        "ingress": {"enabled": True, "allowedSources": ["192.0.2.10/32", "192.0.2.11/32"]},
        "cvmfs": {"createClaim": True, "createStorageClass": True},
        "logs": {"createClaim": True},
    },
)
"""With the objects that other people own on CMSWEB, so that those are compared too."""

VAULT = merge(
    RELEASED,
    {
        "secrets": {"mode": "vault", "vault": {"files": ["dqm.keytab", "Robot.pem"]}},
        "serviceAccount": {"name": "newdqmgui-sa", "create": True},
        "networkPolicy": {"enabled": False},
    },
)

RUNS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "test4": ("test4", "test4", RELEASED),
    "preprod": ("preprod", "preprod", RELEASED),
    "prod": ("prod", "prod", RELEASED),
    "preprod with everything": ("preprod", "preprod", EVERYTHING),
    "prod with everything": ("prod", "prod", EVERYTHING),
    "prod with vault": ("vault", "prod", VAULT),
}
"""What is compared: the file of today's objects, the environment, the values."""


@functools.cache
def today(name: str) -> dict[str, Object]:
    return by_name(documents((PARITY / f"{name}.yaml").read_text(encoding="utf-8")))


def run(helm: Helm, name: str) -> tuple[int, list[Difference]]:
    file, environment, values = RUNS[name]
    return compare(today(file), helm.objects(environment, values))


@pytest.mark.parametrize("name", RUNS)
def test_every_difference_has_a_reason(helm: Helm, name: str) -> None:
    _, found = run(helm, name)
    assert [str(difference) for difference in without_reason(found, read_rows())] == []


def test_every_row_is_needed(helm: Helm) -> None:
    found = [difference for name in RUNS for difference in run(helm, name)[1]]
    assert unused(read_rows(), found) == []


def test_every_row_gives_a_reason() -> None:
    assert [row for row in read_rows() if len(row.reason) < 10] == []


def test_figures(helm: Helm, capsys: pytest.CaptureFixture[str]) -> None:
    rows = read_rows()
    with capsys.disabled():
        for name in RUNS:
            count, found = run(helm, name)
            left = len(without_reason(found, rows))
            print(f"\nparity, {name}: {count} fields compared, {len(found)} differ, {left} without a reason", end="")
            assert count > 100


@pytest.mark.parametrize("name", ["preprod with everything", "prod with everything"])
def test_every_object_of_today_is_in_the_chart(helm: Helm, name: str) -> None:
    file, environment, values = RUNS[name]
    assert helm.objects(environment, values).keys() == today(file).keys()


LABELS = {"kind": "Service", "metadata": {"labels": {"app": "x"}}, "spec": {"ports": [{"name": "a", "port": 1}]}}


def test_a_changed_a_new_and_a_lost_field_are_found() -> None:
    other = {"kind": "Service", "metadata": {"labels": {"app": "y"}}, "spec": {"ports": [{"name": "b", "port": 1}]}}
    count, found = compare({"Service/x": LABELS}, {"Service/x": other})
    assert count == 6
    assert [difference.field for difference in found] == [
        "Service/x:metadata.labels.app",
        "Service/x:spec.ports[a].name",
        "Service/x:spec.ports[a].port",
        "Service/x:spec.ports[b].name",
        "Service/x:spec.ports[b].port",
    ]


def test_an_object_on_one_side_is_found() -> None:
    assert compare({"Service/x": LABELS}, {}) == (1, [Difference("Service/x", THERE, ABSENT)])
    assert compare({}, {"Service/x": LABELS}) == (1, [Difference("Service/x", ABSENT, THERE)])


@pytest.mark.parametrize(("old", "new"), [(1, "1"), (True, "true"), (True, 1), (0, ABSENT), ({}, []), ("", {})])
def test_a_value_of_another_type_is_a_difference(old: Any, new: Any) -> None:
    now = {} if new is ABSENT else {"v": new}
    assert Difference("a:v", old, new) in compare({"a": {"v": old}}, {"a": now})[1]


@pytest.mark.parametrize(
    ("row", "allowed"),
    [
        (Row("A/x:b.c", "absent", "`1`", ""), True),
        (Row("A/x:b.*", "absent", "one", ""), True),
        (Row("*:b.c", "absent", "`1`", ""), True),
        (Row("A/x:b", "absent", "`1`", ""), False),
        (Row("A/x:bxc", "absent", "`1`", ""), False),
        (Row("A/x:b.c", "`0`", "`1`", ""), False),
        (Row("A/x:b.c", "absent", "`2`", ""), False),
        (Row("A/x:b.c", "absent", "absent", ""), False),
    ],
)
def test_a_row_allows_only_what_it_says(row: Row, allowed: bool) -> None:
    assert row.allows(Difference("A/x:b.c", ABSENT, 1)) is allowed
