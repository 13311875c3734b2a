"""Rollouts: the same verdict as `kubectl rollout status`, from one Deployment; except that nothing serves at 0 replicas."""

from __future__ import annotations

import math
from typing import Any

import pytest

from helmtool.model.rollout import judge

DONE = {"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1}
DEADLINE = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
OLD_DEADLINE = DEADLINE | {"message": 'Deployment "newdqmgui" exceeded its progress deadline.'}
"""As the controller says it before there is a new ReplicaSet."""


def deployment(status: dict[str, Any], replicas: int | None = 1) -> dict[str, Any]:
    return {"metadata": {"generation": 2}, "spec": {} if replicas is None else {"replicas": replicas}, "status": status}


@pytest.mark.parametrize(
    ("status", "replicas", "complete", "failed", "text"),
    [
        (DONE, 1, True, False, "1 of 1 pods ready"),
        (DONE, None, True, False, "1 of 1 pods ready"),
        ({"observedGeneration": 2}, 0, False, False, "scaled to 0 replicas: no pod runs"),
        (DONE | {"observedGeneration": 1}, 1, False, False, "waiting for the controller"),
        ({}, 1, False, False, "waiting for the controller"),
        (DONE | {"observedGeneration": 1, "conditions": [DEADLINE]}, 1, False, False, "waiting for the controller"),
        (DONE | {"updatedReplicas": 0}, 1, False, False, "0 of 1 new pods started"),
        ({"observedGeneration": 2}, 1, False, False, "0 of 1 new pods started"),
        (DONE | {"replicas": 2}, 1, False, False, "1 old pods left"),
        (DONE | {"availableReplicas": 0, "readyReplicas": 0}, 1, False, False, "0 of 1 pods available"),
        (DONE | {"readyReplicas": 0, "conditions": [DEADLINE]}, 1, False, True, "0 of 1 pods ready"),
        (DONE | {"updatedReplicas": 0, "conditions": [OLD_DEADLINE]}, 1, False, False, "0 of 1 new pods started"),
        (DONE | {"conditions": [{"type": "Progressing", "reason": "NewReplicaSetAvailable"}]}, 1, True, False, "1 of 1 pods ready"),
        (DONE | {"conditions": [{"type": "Available", "reason": "ProgressDeadlineExceeded"}]}, 1, True, False, "1 of 1 pods ready"),
        (DONE | {"conditions": None}, 1, True, False, "1 of 1 pods ready"),
    ],
)
def test_verdict(status: dict[str, Any], replicas: int | None, complete: bool, failed: bool, text: str) -> None:
    rollout = judge(deployment(status, replicas))
    assert (rollout.complete, rollout.failed, rollout.text) == (complete, failed, text)


def test_what_is_not_there_is_neither_complete_nor_failed() -> None:
    rollout = judge(None)
    assert (rollout.complete, rollout.failed, rollout.text) == (False, False, "not there")


def test_numbers_for_the_status_table() -> None:
    rollout = judge(deployment({**DONE, "readyReplicas": 2, "updatedReplicas": 3, "replicas": 3, "availableReplicas": 3}, 3))
    assert (rollout.ready, rollout.desired) == (2, 3)


def test_how_long_a_rollout_may_stand_still() -> None:
    assert judge(deployment(DONE)).progress_deadline == 600
    own = deployment(DONE)
    own["spec"]["progressDeadlineSeconds"] = 10
    assert judge(own).progress_deadline == 10
    assert judge(None).progress_deadline == math.inf


@pytest.mark.parametrize("status", [{"conditions": [5, None]}, {"conditions": 5}, {"replicas": "x", "readyReplicas": [1]}])
def test_a_status_of_other_kinds_than_it_has_says_nothing(status: dict[str, Any]) -> None:
    assert not judge({"metadata": {"generation": "x"}, "spec": {"replicas": 1}, "status": status}).complete
