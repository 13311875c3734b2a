"""What Harbor says of an artifact, as data."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from helmtool.model.harbor import Artifact, parse_artifact, parse_artifacts
from helmtool.model.registry import Facts, UnexpectedAnswer, Use

NEVER = "0001-01-01T00:00:00.000Z"


def named(number: int) -> str:
    return f"sha256:{number:064x}"


ONE: dict[str, Any] = {
    "digest": named(1),
    "size": 10,
    "push_time": "2026-05-01T10:00:00.123Z",
    "pull_time": NEVER,
    "extra_attrs": {"os": "linux", "architecture": "arm64", "variant": "v8", "created": "2026-04-30T10:00:00.123456789Z"},
    "references": None,
    "tags": [{"name": "HG0105a", "push_time": "2026-05-01T10:00:00.123Z", "pull_time": NEVER, "immutable": False}],
}
PUSHED = datetime(2026, 5, 1, 10, tzinfo=UTC)
FACTS = Facts(named(1), datetime(2026, 4, 30, 10, tzinfo=UTC), 10, ("linux/arm64/v8",))


def test_an_image() -> None:
    assert parse_artifacts([ONE], "x") == [Artifact(named(1), ("HG0105a",), Use(PUSHED), FACTS)]


@pytest.mark.parametrize(
    ("change", "use"),
    [
        ({"pull_time": "2026-05-02T10:00:00Z"}, Use(PUSHED, datetime(2026, 5, 2, 10, tzinfo=UTC))),
        ({"push_time": None, "tags": None}, Use()),
        ({"tags": [{"name": "a", "pull_time": "2026-05-03T10:00:00Z"}]}, Use(PUSHED, datetime(2026, 5, 3, 10, tzinfo=UTC))),
        ({"tags": [{"name": "a"}, {"name": "b", "immutable": True}]}, Use(PUSHED, None, immutable=True)),
        ({"push_time": "yesterday", "tags": []}, Use()),
    ],
)
def test_its_use_is_the_last_of_all_its_tags(change: dict[str, Any], use: Use) -> None:
    assert parse_artifact(ONE | change, "x").use == use


def test_an_index_is_known_by_its_image_of_linux_amd64() -> None:
    platforms = [("arm64", 2), ("amd64", 3), ("unknown", 4)]
    parts = [{"child_digest": named(n), "platform": {"os": "linux" if n < 4 else a, "architecture": a}} for a, n in platforms]
    artifact = parse_artifact(ONE | {"references": parts, "extra_attrs": None}, "x")
    assert (artifact.child, artifact.facts.platforms, artifact.facts.created) == (named(3), ("linux/arm64", "linux/amd64"), None)
    alone = parse_artifact(ONE | {"references": parts[:1]}, "x")
    assert alone.child == named(2)
    attested = [parts[1] | {"annotations": {"vnd.docker.reference.type": "attestation-manifest"}}, parts[0] | {"annotations": None}]
    assert parse_artifact(ONE | {"references": attested}, "x").child == named(2)


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"digest": "x", "size": 1},
        {"digest": named(1)},
        ONE | {"size": "x"},
        ONE | {"tags": [1]},
        ONE | {"tags": [{}]},
        ONE | {"references": [{}]},
        ONE | {"references": [{"child_digest": "sha256:1"}]},
        ONE | {"extra_attrs": [1]},
    ],
)
def test_what_is_no_artifact(data: Any) -> None:
    with pytest.raises(UnexpectedAnswer):
        parse_artifact(data, "x")
    with pytest.raises(UnexpectedAnswer):
        parse_artifacts(data if isinstance(data, dict) else [data], "x")
