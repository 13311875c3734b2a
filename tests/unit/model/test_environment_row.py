"""A row of environments: one entry for each number, problems once and at the row's own place."""

from __future__ import annotations

import json

import pytest

from helmtool.errors import Problem
from helmtool.model.document import parse_document
from helmtool.model.environment import Environment, InvalidEnvironments, parse_environments

ROW = """\
environments:
  test{1..16}:
    description: Cluster {n}
    cluster: {nameEndsWith: ["cmsweb-test{n}"]}
    kubeconfig: ~/config.cmsweb-test{n}
    namespace: dqm
    release: newdqmgui
    endpoint: https://cmsweb-test{n}.cern.ch/dqm/
    values: test
"""
OWN = """\
  test4:
    description: One of its own
    cluster: {nameEndsWith: [cmsweb-test4]}
    kubeconfig: ~/k
    namespace: dqm
    release: newdqmgui
"""
FULL = ROW + OWN


def parsed(text: str) -> dict[str, Environment]:
    return parse_environments(parse_document("values/environments.yaml", text.encode()))


def problems(text: str) -> tuple[Problem, ...]:
    with pytest.raises(InvalidEnvironments) as caught:
        parsed(text)
    return caught.value.problems


def test_one_environment_for_each_number() -> None:
    found = parsed(ROW)
    assert list(found) == [f"test{n}" for n in range(1, 17)]
    seven = found["test7"]
    assert (seven.name, seven.description, seven.row) == ("test7", "Cluster 7", "test{1..16}")
    assert (seven.cluster.name_ends_with, seven.kubeconfig) == (("cmsweb-test7",), "~/config.cmsweb-test7")
    assert (seven.endpoint, seven.values) == ("https://cmsweb-test7.cern.ch/dqm/", "test")


def test_an_entry_of_its_own_goes_before_the_rows_as_a_whole() -> None:
    found = parsed(FULL)
    assert len(found) == 16
    assert list(found)[-1] == "test4"
    assert (found["test4"].description, found["test4"].row, found["test4"].values) == ("One of its own", "", "")


@pytest.mark.parametrize(("key", "names"), [("{0..2}", ["0", "1", "2"]), ("a{9..10}-b", ["a9-b", "a10-b"]), ("x{3..3}", ["x3"])])
def test_forms_of_a_key(key: str, names: list[str]) -> None:
    assert list(parsed(ROW.replace("test{1..16}", json.dumps(key)))) == names


@pytest.mark.parametrize(
    ("old", "new", "line", "column", "path", "message"),
    [
        ("test{1..16}", "test{1-16}", 2, 3, "environments.test{1-16}", "written like test{1..16}"),
        ("test{1..16}", "test{01..16}", 2, 3, "environments.test{01..16}", "written like test{1..16}"),
        ("test{1..16}", "test{5..4}", 2, 3, "environments.test{5..4}", "written like test{1..16}"),
        ("test{1..16}", "t{1..2}{1..2}", 2, 3, "environments.t{1..2}{1..2}", "written like test{1..16}"),
        ("test{1..16}", "Test{1..16}", 2, 3, "environments.Test{1..16}", "written like test{1..16}"),
        ("test{1..16}", "test{1..65}", 2, 3, "environments.test{1..65}", "at most 64"),
        ("test{1..16}", "-t{1..2}", 2, 3, "environments.-t{1..2}", "the name must be"),
        ("namespace: dqm", "namespace: 5", 6, 5, "environments.test{1..16}.namespace", "expected text"),
        ("namespace: dqm", "namspace: dqm", 2, 3, "environments.test{1..16}.namespace", "is missing"),
        ("namespace: dqm", "namespace: dqm.{n}", 6, 5, "environments.test{1..16}.namespace", "expected small letters"),
        ("~/config.cmsweb-test{n}", "~/config.{m}", 5, 5, "environments.test{1..16}.kubeconfig", "the number is written {n}"),
        ('["cmsweb-test{n}"]', "[cmsweb-test1]", 4, 15, "environments.test{1..16}.cluster.nameEndsWith", "write {n} into each ending"),
        ("{nameEndsWith", '{server: "https://a", nameEndsWith', 4, 15, "environments.test{1..16}.cluster.server", "one cluster's"),
        ("values: test", "values: ../prod", 9, 5, "environments.test{1..16}.values", "expected small letters"),
        ("kubeconfig: ~/k\n", "kubeconfig: ~/{n}\n", 13, 5, "environments.test4.kubeconfig", "only in a row"),
    ],
)
def test_refuses_at_its_place_and_once(old: str, new: str, line: int, column: int, path: str, message: str) -> None:
    found = [p for p in problems(FULL.replace(old, new, 1)) if p.path == path]
    assert len(found) == 1, found
    assert (found[0].line, found[0].column) == (line, column)
    assert message in found[0].message


def test_two_rows_with_a_name_in_both() -> None:
    other = ROW.removeprefix("environments:\n").replace("test{1..16}:", "test{16..17}:")
    [problem] = problems(ROW + other)
    assert (problem.line, problem.message) == (10, "`test16` is also one of test{1..16}: two rows must not share a name")


def test_an_entry_that_is_none() -> None:
    assert len(problems("environments: {'a{1..9}': 3}")) < 9
