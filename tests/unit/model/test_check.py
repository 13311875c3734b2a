"""What is seen of a running service, and when it is not what was released."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from helmtool.model.check import Check, Verdict, check_answer, check_endpoint, check_pods, check_restarts, restarts

DIGEST, OTHER = f"sha256:{1:064x}", f"sha256:{2:064x}"
IMAGE = f"registry.cern.ch/cmsweb/newdqmgui:HG0105a@{DIGEST}"


def spec(image: str = IMAGE, secret: str = "newdqmgui-secrets") -> dict[str, Any]:
    volumes = [{"name": "secrets", "secret": {"secretName": secret}}, {"name": "fuse", "hostPath": {"path": "/dev/fuse"}}]
    return {"containers": [{"image": image}], "volumes": volumes}


def pod(name: str = "p1", checksum: str = "c1", count: int = 0, image_id: str = "", **of_spec: str) -> dict[str, Any]:
    metadata = {"name": name, "annotations": {"checksum/config": checksum, "other": name}}
    return {
        "metadata": metadata,
        "spec": spec(**of_spec),
        "status": {"containerStatuses": [{"restartCount": count, "imageID": image_id}]},
    }


def deployment(image: str = IMAGE) -> dict[str, Any]:
    return {"spec": {"template": {"metadata": {"annotations": {"checksum/config": "c1", "prometheus.io/port": "1"}}, "spec": spec(image)}}}


def leaving(one: dict[str, Any]) -> dict[str, Any]:
    gone = copy.deepcopy(one)
    gone["metadata"]["deletionTimestamp"] = "2026-05-01T00:00:00Z"
    return gone


@pytest.mark.parametrize(
    ("status", "verdict"), [(200, "ok"), (204, "failed"), (302, "failed"), (404, "failed"), (500, "failed"), (0, "failed")]
)
def test_the_service_answers_with_200(status: int, verdict: str) -> None:
    assert check_answer("/", status, "no route", "service proxy").verdict.value == verdict


def test_no_answer_says_why() -> None:
    assert str(check_answer("/", 0, "no route", "port-forward")) == "failed: / does not answer: no route (port-forward)"


def test_a_record_keeps_no_text_of_what_did_not_answer() -> None:
    assert check_answer("/", 0, "s3cret", "port-forward").line == "failed: / does not answer (port-forward)"
    assert check_endpoint("https://cmsweb.cern.ch/", 0, "s3cret").line == "doubt: https://cmsweb.cern.ch/ is not reached from here"
    assert check_answer("/", 500, "", "service proxy").line == "failed: / answers 500 (service proxy)"


@pytest.mark.parametrize(
    ("status", "verdict"), [(200, "ok"), (302, "ok"), (401, "ok"), (403, "ok"), (404, "doubt"), (503, "doubt"), (0, "doubt")]
)
def test_the_front_end_never_fails_a_release(status: int, verdict: str) -> None:
    assert check_endpoint("https://cmsweb.cern.ch/", status, "its name is not known").verdict.value == verdict


def test_a_pod_as_released() -> None:
    found = check_pods(deployment(), [pod(image_id=f"elsewhere.example/x@{OTHER}")])
    assert [check.verdict for check in found] == [Verdict.HOLDS] * 3
    assert found[0].text == f"p1 runs {DIGEST}"


def test_by_its_tag_alone_the_node_tells_the_digest() -> None:
    image = IMAGE.partition("@")[0]
    assert check_pods(deployment(image), [pod(image=image, image_id=f"x@{OTHER}")])[0].text == f"p1 runs {OTHER}"
    assert check_pods(deployment(image), [pod(image=image)])[0].text == f"p1 runs {image}"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (pod(image=IMAGE.replace(DIGEST, OTHER)), f"p1 runs {IMAGE.replace(DIGEST, OTHER)}, released is {IMAGE}"),
        (pod(checksum="c2"), "p1 has another checksum/config than the release"),
        (pod(secret="newdqmgui-secrets-old"), "p1 does not mount the Secret newdqmgui-secrets"),
    ],
)
def test_another_pod_than_released(wrong: dict[str, Any], words: str) -> None:
    for pods in ([wrong], [pod("p2"), wrong]):
        assert [c.text for c in check_pods(deployment(), pods) if c.verdict is Verdict.FAILS] == [words]


@pytest.mark.parametrize("pods", [[], [leaving(pod())]])
def test_no_pod(pods: list[dict[str, Any]]) -> None:
    assert check_pods(deployment(), pods) == [Check(Verdict.FAILS, "there is no pod of the service")]


def test_restarts_must_not_grow() -> None:
    assert check_restarts([pod()], [pod()], 5.2).text == "no restart within 5 s"
    assert check_restarts([pod(count=3)], [pod(count=3), leaving(pod("p0"))], 5.2) == Check(
        Verdict.HOLDS, "no restart within 5 s (3 before)"
    )
    assert check_restarts([pod(count=3)], [pod(count=4)], 5.2) == Check(Verdict.FAILS, "p1 restarted 1 times within 5 s")
    assert check_restarts([pod()], [pod("p2")], 5.2) == Check(Verdict.FAILS, "another pod took over within 5 s: p2")
    assert check_restarts([pod()], [], 5.2).verdict is Verdict.FAILS
    assert restarts([{"metadata": {"name": "p"}}]) == {"p": 0}
