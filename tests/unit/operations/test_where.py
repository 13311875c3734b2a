"""Which environments run an image: compared by digest where one is known, and nobody is waited for."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from helmtool.operations import status, where
from helmtool.operations.guard import WrongCluster
from helmtool.operations.settings import Settings
from helmtool.operations.status import Status

REPOSITORY = "registry.cern.ch/cmsweb/newdqmgui"
ONE, OTHER = f"sha256:{1:064x}", f"sha256:{2:064x}"
SETTINGS = Settings(Path(__file__).parents[3])


def judged(found: Status, monkeypatch: pytest.MonkeyPatch, tags: tuple[str, ...] = ("HG0105a",)) -> where.Place:
    monkeypatch.setattr(where, "state_among", lambda name, settings: found._replace(environment=name))
    places = where.where_it_runs(REPOSITORY, tags, ONE, SETTINGS)
    assert [place.environment for place in places] == ["test4", "preprod", "prod", "local"]
    return places[2]


@pytest.mark.parametrize(
    ("image", "digest", "runs"),
    [
        (f"{REPOSITORY}:HG0105a@{ONE}", ONE, "yes"),
        (f"{REPOSITORY}:HG0105a", ONE, "yes"),
        (f"{REPOSITORY}:HG0105a", "", "yes"),
        (f"{REPOSITORY}:HG3001z", ONE, "yes"),  # under whichever tag: it is the image
        (f"{REPOSITORY}:HG0105a", OTHER, "other"),
        (f"{REPOSITORY}:HG3001z", OTHER, "no"),
        (f"{REPOSITORY}:HG0105a-stable", "", "no"),
        ("elsewhere.example/newdqmgui:HG0105a", ONE, "no"),
        ("elsewhere.example/newdqmgui:HG0105a", "", "no"),
        (f"{REPOSITORY}@{ONE}", ONE, "no"),
        ("", "", "no"),
    ],
)
def test_by_digest_and_else_by_name(image: str, digest: str, runs: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place = judged(Status("prod", "running", image=image, digest=digest, revision=7), monkeypatch)
    assert place == where.Place("prod", runs, image, digest, 7)


def test_the_twin_counts_where_it_is_the_same_image(monkeypatch: pytest.MonkeyPatch) -> None:
    status = Status("prod", "running", image=f"{REPOSITORY}:HG0105a-stable", revision=7)
    assert judged(status, monkeypatch, ("HG0105a", "HG0105a-stable")).runs == "yes"


def test_what_cannot_be_asked_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    place = judged(Status("prod", "unknown", problem="no kubeconfig at ~/x"), monkeypatch)
    assert (place.runs, place.reason) == ("unknown", "no kubeconfig at ~/x")
    assert place.as_dict() == {
        "environment": "prod",
        "runs": "unknown",
        "image": None,
        "digest": None,
        "revision": None,
        "reason": "no kubeconfig at ~/x",
    }


def test_one_that_hangs_and_one_that_breaks_hold_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def state(name: str, settings: Settings, *, rollback: bool) -> Status:
        if name == "test4":
            released.wait(10)
        if name == "preprod":
            raise KeyError("containers")
        return Status(name, "running", image=f"{REPOSITORY}:HG0105a")

    monkeypatch.setattr(where, "PATIENCE", 0.3)
    monkeypatch.setattr(status, "state_of", state)
    begun = time.monotonic()
    hangs, breaks, *others = where.where_it_runs(REPOSITORY, ["HG0105a"], ONE, SETTINGS)
    released.set()
    assert time.monotonic() - begun < 5
    assert (hangs.runs, breaks.runs, [place.runs for place in others]) == ("unknown", "unknown", ["yes", "yes"])
    assert hangs.reason.startswith("no answer within")
    assert breaks.reason == "its answer is not understood (KeyError)"


def test_a_kubeconfig_of_another_cluster_is_no_reason_not_to_use_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str | None]] = []

    def state(name: str, settings: Settings, *, rollback: bool) -> Status:
        asked.append((name, settings.kubeconfig))
        if settings.kubeconfig == "given" and name != "test4":
            return Status(name, "unknown", problem="another cluster", error=WrongCluster("another cluster"))
        return Status(name, "running", image=f"{REPOSITORY}:HG0105a")

    monkeypatch.setattr(status, "state_of", state)
    places = where.where_it_runs(REPOSITORY, ["HG0105a"], ONE, SETTINGS._replace(kubeconfig="given", kube_context="x"))
    assert [place.runs for place in places] == ["yes", "yes", "yes", "unknown"]  # nothing else can be `local`
    assert ("prod", "~/K8s_tokens/config.cmsweb-k8s-services-prod") in asked
    assert len([name for name, _ in asked if name == "test4"]) == 1


def test_no_kubeconfig_is_known_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    begun = time.monotonic()
    places = where.where_it_runs(REPOSITORY, ["HG0105a"], ONE, SETTINGS)
    assert time.monotonic() - begun < 3
    assert [place.runs for place in places] == ["unknown"] * 4
    assert places[0].reason == f"no kubeconfig at {tmp_path}/K8s_tokens/config.cmsweb-test4"
