"""Metrics of `status`: both parsers of Prometheus read them, and what is not known is left out."""

from __future__ import annotations

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from helmtool.cli.app import run
from helmtool.cli.metrics import STATES, openmetrics
from helmtool.errors import Unreachable
from helmtool.operations.status import Status

RUNNING = Status(
    "prod",
    "running",
    image="registry.cern.ch:5000/cmsweb/newdqmgui:HG0105a-stable@sha256:" + "a" * 64,
    digest="sha256:" + "a" * 64,
    revision=7,
    updated="2026-05-01T10:00:00.5Z",
    who="somebody@lxplus",
    ready=1,
    desired=1,
    drift=("Deployment newdqmgui: by hand",),
)
AWAY = Status("test4", "unknown", problem='said "no"\nand \\ more', error=Unreachable("no answer"))
NONE = Status('od"d\\', "not-released")


def samples(text: str) -> dict[tuple[str, str], float]:
    """The values by name and environment, of what has no further label."""
    found = [sample for family in read_openmetrics(text) for sample in family.samples]
    return {(s.name.removeprefix("helmtool_"), s.labels["environment"]): s.value for s in found if len(s.labels) == 1}


def test_both_parsers_read_the_same() -> None:
    text = openmetrics([RUNNING, AWAY, NONE])
    one = [(s.name, s.labels, s.value) for family in read_openmetrics(text) for s in family.samples]
    other = [(s.name, s.labels, s.value) for family in read_text(text) for s in family.samples]
    assert one == other
    assert {family.type for family in read_openmetrics(text)} == {"gauge"}
    assert {s[1]["environment"] for s in one} == {"prod", "test4", 'od"d\\'}


def test_the_values() -> None:
    assert samples(openmetrics([RUNNING])) == {
        ("environment_reachable", "prod"): 1,
        ("release_revision", "prod"): 7,
        ("release_updated_timestamp_seconds", "prod"): 1777629600,
        ("release_ready_replicas", "prod"): 1,
        ("release_desired_replicas", "prod"): 1,
        ("release_drift", "prod"): 1,
    }


def test_the_image_is_in_labels() -> None:
    (info,) = [s for f in read_openmetrics(openmetrics([RUNNING])) if f.name == "helmtool_release_info" for s in f.samples]
    assert (info.labels["repository"], info.labels["tag"]) == ("registry.cern.ch:5000/cmsweb/newdqmgui", "HG0105a-stable")
    assert info.labels["digest"] == RUNNING.digest


def test_what_is_not_known_has_no_sample() -> None:
    text = openmetrics([AWAY, NONE])
    assert samples(text) == {("environment_reachable", "test4"): 0, ("environment_reachable", 'od"d\\'): 1}
    assert ("release_drift", "prod") not in samples(openmetrics([Status("prod", "running", revision=1, drift=None)]))


@pytest.mark.parametrize("state", STATES)
def test_one_state_at_a_time(state: str) -> None:
    (family,) = [f for f in read_openmetrics(openmetrics([Status("prod", state)])) if f.name == "helmtool_release_state"]
    assert {s.labels["state"] for s in family.samples if s.value} == {state}


def test_no_person_and_no_text_of_the_cluster() -> None:
    text = openmetrics([RUNNING, AWAY])
    assert not [words for words in ("somebody", "by hand", "said", "no answer") if words in text]


@pytest.mark.parametrize(
    "line",
    [
        ["env", "list", "-o", "openmetrics"],
        ["-o", "openmetrics", "env", "list"],
        ["tag", "-o", "openmetrics", "list"],
        ["history", "local", "--output=openmetrics"],
    ],
)
def test_only_status_gives_them(line: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(line) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "-o openmetrics is for status alone" in err
    assert "next: -o json, or helmtool status -o openmetrics" in err
