"""diff, release and status over several environments of one embedded cluster."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterator

import pytest
from cli import Helmtool, Running
from fleets import NOWHERE, Fleet

MakeFleet = Callable[[int], Fleet]


@pytest.fixture
def hanging() -> Iterator[str]:
    """The address of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield f"https://127.0.0.1:{server.getsockname()[1]}"


def outcomes(table: str) -> dict[str, list[str]]:
    """The rows of a table by environment, from the last header on."""
    lines = table[table.rindex("ENV ") :].splitlines()[1:]
    return {line.split()[0]: line.split()[1:] for line in lines if line.strip()}


def test_from_nothing_to_a_release_everywhere(make_fleet: MakeFleet) -> None:
    fleet = make_fleet(3)
    fleet.values("dev2", {"podAnnotations": {"own.example/file": "yes"}})
    helmtool = fleet.helmtool
    shown = helmtool("env", "show", "dev3", "-o", "json").json
    assert (shown["row"], shown["values"], shown["namespace"]) == ("dev{1..3}", "dev", fleet.namespace("dev3"))
    assert "dev{1..3}" in helmtool("env", "pin", "dev3", "-o", "json", code=3).error["message"]
    entries = helmtool("validate", "dev*", "-o", "json").json
    assert [entry["environment"] for entry in entries] == ["dev1", "dev2", "dev3"]

    diff = helmtool("diff", "dev*", "HG0105a", "--detailed-exitcode", code=2)
    heads = [line for line in diff.out.splitlines() if line.startswith("== ")]
    assert [head.split()[1] for head in heads] == ["dev1:", "dev2:", "dev3:"]
    assert "k8s-dev3" in diff.out
    assert outcomes(diff.out)["dev3"] == ["4", "in", "place"]
    assert diff.err.count("known by its cluster's name alone") == 1
    documents = helmtool("diff", "dev1", "dev2", "HG0105a", "-o", "json").json
    assert [(one["environment"], len(one["changes"])) for one in documents] == [("dev1", 4), ("dev2", 4)]
    assert [fleet.versions(name).keys() & {"Lease/newdqmgui-lock"} for name in ("dev1", "dev2")] == [set(), set()]

    done = helmtool("release", "dev*", "HG0105a", "--yes", "--note", "for all", "-o", "json").json
    assert [(e["environment"], e["outcome"], e["revision"]) for e in done["environments"]] == [
        (name, "released", 1) for name in ("dev1", "dev2", "dev3")
    ]
    assert [fleet.image(name) for name in ("dev1", "dev2", "dev3")] == ["HG0105a"] * 3
    assert helmtool("history", "dev3", "-o", "json").json[0]["record"]["note"] == "for all"
    again = helmtool("release", "dev*", "HG0105a")  # nothing is written, so nobody is asked
    assert {name: row[0] for name, row in outcomes(again.out).items()} == dict.fromkeys(("dev1", "dev2", "dev3"), "unchanged")
    assert helmtool("diff", "dev*", "HG0105a", "--detailed-exitcode").out.count("no changes") == 3
    assert all(len(line) <= 80 for line in again.out.splitlines())


def test_one_that_is_refused_keeps_all_from_being_written(make_fleet: MakeFleet) -> None:
    fleet = make_fleet(3)
    before = [fleet.versions(name) for name in ("dev1", "dev2", "dev3")]
    fleet.values("dev3", {"networkPolicy": {"from": [{"namespace": "auth", "podLabels": {"app": "-not-a-label-"}}]}})
    refused = fleet.helmtool("release", "dev*", "HG0105a", "--yes", "-o", "json", code=3)
    assert refused.error["message"].startswith("dev3: ")
    assert refused.error["message"].endswith("; nothing was written in any of the 3 environments")
    fleet.point_at("dev2", "https://127.0.0.1:1")
    both = fleet.helmtool("release", "dev*", "HG0105a", "--yes", "-o", "json", code=5)
    assert both.error["code"] == "cluster-unreachable"
    assert {problem["path"] for problem in both.error["problems"]} >= {"dev2", "dev3"}
    assert [fleet.versions(name) for name in ("dev1", "dev2", "dev3")] == before

    diff = fleet.helmtool("diff", "dev*", "HG0105a", "--detailed-exitcode", code=5)
    assert outcomes(diff.out)["dev2"] == ["-", "not", "known:", "cluster-unreachable"]
    assert outcomes(diff.out)["dev1"] == ["4", "in", "place"]
    page = fleet.helmtool("diff", "dev*", "HG0105a", "--format", "markdown", code=5).out
    assert "## `dev1: live → new`" in page
    assert "## `dev2`\n\nNot known: " in page
    assert len(page) <= 65_536


def test_who_asks_for_too_much(make_fleet: MakeFleet) -> None:
    helmtool = make_fleet(2).helmtool
    assert helmtool("release", "dev*", "HG0105a", "-o", "json", code=4).error["code"] == "not-confirmed"
    assert helmtool("release", "dev1", "dev2", "-o", "json", code=2).error["code"] == "usage"
    assert helmtool("release", "dev*", "HG3205a", "-o", "json", code=3).error["code"] == "invalid-tag"
    assert helmtool("diff", "dve*", "HG0105a", "-o", "json", code=3).error["code"] == "nothing-fits"
    assert "did you mean dev1?" in helmtool("diff", "dev2", "dev1x", "-o", "json", code=3).error["hint"]
    assert "html" in helmtool("diff", "dev*", "--format", "html", code=2).err
    assert "one environment" in helmtool("diff", "dev*", "--engine", "helm-diff", code=2).err
    assert "--kubeconfig is of one cluster" in helmtool("diff", "dev*", "--kubeconfig", "/x", code=2).err


def test_it_asks_once_and_for_what_is_protected_again(make_fleet: MakeFleet) -> None:
    fleet = make_fleet(2)
    before = fleet.versions("dev1")
    running = fleet.helmtool.start("release", "dev*", "prod", "HG0105a-stable", terminal=True)
    running.saw("Release HG0105a-stable to dev1 first, then to dev2, prod?").type("y\n")
    result = running.saw("prod is protected. Release HG0105a-stable to it too?").type("n\n").wait()
    assert result.code == 4
    assert "not confirmed; nothing was written" in result.err
    assert "== dev2: 4 objects change: in place" in result.err
    assert fleet.versions("dev1") == before


@pytest.fixture
def served(make_fleet: MakeFleet) -> Fleet:
    """Four environments that serve HG0105a."""
    fleet = make_fleet(4)
    fleet.helmtool("release", "dev*", "HG0105a", "--yes")
    return fleet


def release(helmtool: Helmtool, *options: str) -> Running:
    return helmtool.start("release", "dev*", "HG0205a", "--yes", "--timeout", "20s", *options)


@pytest.mark.slow
def test_the_first_fails(served: Fleet) -> None:
    before = [served.versions(name) for name in ("dev2", "dev3", "dev4")]
    served.values("dev1", NOWHERE)
    result = served.helmtool("release", "dev*", "HG0205a", "--yes", "--timeout", "3s", "-o", "json", code=1)
    entries = result.json["environments"]
    assert [entry["outcome"] for entry in entries] == ["failed", "not begun", "not begun", "not begun"]
    assert "rolled back: revision 3 serves what revision 1 was" in entries[0]["error"]["message"]
    assert entries[3]["next"] == "helmtool release dev4 HG0205a"
    assert result.error["code"] == "fleet-failed"
    assert result.error["hint"] == "helmtool release dev1 dev2 dev3 dev4 HG0205a"
    assert served.image("dev1") == "HG0105a"
    assert [served.versions(name) for name in ("dev2", "dev3", "dev4")] == before


@pytest.mark.slow
def test_one_in_the_middle_fails(served: Fleet) -> None:
    served.values("dev3", NOWHERE)
    before = served.versions("dev4")
    result = served.helmtool("release", "dev*", "HG0205a", "--yes", "--timeout", "3s", "--at-once", "1", code=1)
    rows = outcomes(result.out)
    assert rows["dev1"][:2] == ["released", "2"]
    assert rows["dev2"][:2] == ["released", "2"]
    assert rows["dev3"] == ["failed", "-", rows["dev3"][2], "helmtool", "history", "dev3"]
    assert rows["dev4"] == ["not", "begun", "-", "-", "helmtool", "release", "dev4", "HG0205a"]
    assert all(len(line) <= 80 for line in result.out.splitlines())
    assert "2 released, 1 failed, 1 not begun" in result.err
    assert "next: helmtool release dev3 dev4 HG0205a" in result.err
    assert [served.image(name) for name in ("dev1", "dev2", "dev3", "dev4")] == ["HG0205a", "HG0205a", "HG0105a", "HG0105a"]
    assert served.versions("dev4") == before
    (served.helmtool.project / "values/dev3.yaml").unlink()
    on = served.helmtool("release", "dev3", "dev4", "HG0205a", "--yes")
    assert {name: row[0] for name, row in outcomes(on.out).items()} == {"dev3": "released", "dev4": "released"}


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_interrupted_while_two_are_under_way(served: Fleet, number: signal.Signals) -> None:
    served.values("dev2", NOWHERE)
    served.values("dev3", NOWHERE)
    before = served.versions("dev4")
    running = release(served.helmtool, "--at-once", "2").saw("watch     dev2: 0 of 1").saw("watch     dev3: 0 of 1")
    result = running.send(number).wait()
    assert result.code == 130
    rows = outcomes(result.out)
    assert [rows[name][0] for name in ("dev1", "dev2", "dev3", "dev4")] == ["released", "interrupted", "interrupted", "not"]
    assert result.err.count("rolled back: revision 3 serves what revision 1 was") == 2
    assert "next: helmtool release dev2 dev3 dev4 HG0205a" in result.err
    assert [served.image(name) for name in ("dev1", "dev2", "dev3", "dev4")] == ["HG0205a", "HG0105a", "HG0105a", "HG0105a"]
    assert served.versions("dev4") == before
    for name in ("dev2", "dev3"):
        assert not [status for status in served.revisions(name) if status.startswith("pending")]
        (served.helmtool.project / f"values/{name}.yaml").unlink()
    served.helmtool("release", "dev*", "HG0205a", "--yes")


@pytest.mark.slow
def test_interrupted_while_the_first_is_alone(served: Fleet) -> None:
    served.values("dev1", NOWHERE)
    before = [served.versions(name) for name in ("dev2", "dev3", "dev4")]
    running = release(served.helmtool, "-o", "json").saw("dev1: 0 of 1 pods available")
    result = running.send(signal.SIGINT).wait()
    assert result.code == 130
    assert [entry["outcome"] for entry in result.json["environments"]] == ["interrupted", "not begun", "not begun", "not begun"]
    assert result.error["code"] == "interrupted"
    assert [served.versions(name) for name in ("dev2", "dev3", "dev4")] == before


@pytest.mark.slow
def test_interrupted_twice(served: Fleet) -> None:
    """Nobody says how each ended then, but which command shows it."""
    served.values("dev1", NOWHERE)
    running = release(served.helmtool).saw("dev1: 0 of 1 pods available")
    running.send(signal.SIGINT)
    result = running.saw("dev1: the release interrupted").send(signal.SIGINT).wait()
    assert result.code == 130
    assert "interrupted twice: left as it is" in result.err
    assert "next: helmtool status dev1 dev2 dev3 dev4" in result.err
    assert "Traceback" not in result.err
    (served.helmtool.project / "values/dev1.yaml").unlink()
    served.helmtool("status", "dev1", "dev2", "dev3", "dev4")


@pytest.mark.slow
def test_a_lock_that_is_lost_ends_the_work_on_its_own_environment_alone(served: Fleet) -> None:
    """The helm of another environment that is under way is not killed with it."""
    served.values("dev2", NOWHERE)
    served.values("dev3", NOWHERE)
    running = release(served.helmtool, "--at-once", "2", "--timeout", "10s")
    running.saw("watch     dev2: 0 of 1").saw("watch     dev3: 0 of 1")
    served.delete("dev2", "lease", "newdqmgui-lock")
    result = running.wait()
    assert result.code == 1
    assert "dev2: the lock of the release was lost" in result.err
    assert "dev3: " in result.err
    assert served.image("dev3") == "HG0105a"


def test_one_that_hangs_holds_up_nobody(make_fleet: MakeFleet, hanging: str) -> None:
    fleet = make_fleet(3)
    fleet.point_at("dev2", hanging)
    result = fleet.helmtool("status", "dev*", code=5)
    rows = outcomes(result.out)
    assert {name: row[0] for name, row in rows.items()} == {"dev1": "not-released", "dev2": "unknown", "dev3": "not-released"}
    assert "waiting for dev2\n" in result.err
    assert "! dev2: the API server" in result.err
    (one, late, _) = fleet.helmtool("status", "dev*", "-o", "json", code=5).json
    assert (one["state"], late["error"]["code"]) == ("not-released", "cluster-unreachable")


def test_a_kubeconfig_of_one_of_them_hides_no_other(make_fleet: MakeFleet) -> None:
    fleet = make_fleet(2)
    variables = {"KUBECONFIG": str(fleet.folder / "config.1")}
    helmtool = Helmtool(fleet.helmtool.project, variables)
    assert [entry["state"] for entry in helmtool("status", "dev*", "-o", "json").json] == ["not-released"] * 2
    assert [one["environment"] for one in helmtool("diff", "dev*", "HG0105a", "-o", "json").json] == ["dev1", "dev2"]
    assert helmtool("status", "dev2", "-o", "json", code=4).error["code"] == "wrong-cluster"
