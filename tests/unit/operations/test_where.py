"""Which environments run an image: compared by digest where one is known, and nobody is waited for."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from helmtool.errors import OperationFailed
from helmtool.operations import where
from helmtool.operations.guard import Settings
from helmtool.operations.status import Status

REPOSITORY = "registry.cern.ch/cmsweb/newdqmgui"
ONE, OTHER = f"sha256:{1:064x}", f"sha256:{2:064x}"
SETTINGS = Settings(Path(__file__).parents[3])


def judged(status: Status, monkeypatch: pytest.MonkeyPatch, tags: tuple[str, ...] = ("HG0105a",)) -> where.Place:
    monkeypatch.setattr(where, "all_environments", lambda settings: ["prod"])
    monkeypatch.setattr(where, "state_of", lambda name, settings: status)
    (place,) = where.where_it_runs(REPOSITORY, tags, ONE, SETTINGS)
    return place


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

    def state(name: str, settings: Settings) -> Status:
        if name == "hangs":
            released.wait(10)
        if name == "breaks":
            raise KeyError("containers")
        if name == "fails":
            raise OperationFailed("said no")
        return Status(name, "running", image=f"{REPOSITORY}:HG0105a")

    monkeypatch.setattr(where, "PATIENCE", 0.3)
    monkeypatch.setattr(where, "all_environments", lambda settings: ["hangs", "breaks", "fails", "runs"])
    monkeypatch.setattr(where, "state_of", state)
    begun = time.monotonic()
    found = {place.environment: place for place in where.where_it_runs(REPOSITORY, ["HG0105a"], ONE, SETTINGS)}
    released.set()
    assert time.monotonic() - begun < 5
    assert {name: place.runs for name, place in found.items()} == {
        "hangs": "unknown",
        "breaks": "unknown",
        "fails": "unknown",
        "runs": "yes",
    }
    assert found["hangs"].reason.startswith("no answer within")
    assert found["breaks"].reason == "its answer is not understood (KeyError)"
    assert found["fails"].reason == "said no"


def test_no_kubeconfig_is_known_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    begun = time.monotonic()
    places = where.where_it_runs(REPOSITORY, ["HG0105a"], ONE, SETTINGS)
    assert time.monotonic() - begun < 3
    assert [place.runs for place in places] == ["unknown"] * 4
    assert places[0].reason == f"no kubeconfig at {tmp_path}/K8s_tokens/config.cmsweb-test4"
