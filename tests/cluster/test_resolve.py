"""Releases with a real registry: by digest, with the stable twin, and never with another image than the one that was tested."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cli import Helmtool, Kube
from registry.images import PATH, RealRegistry, digest

TAG, STABLE = "HG0105a", "HG0105a-stable"


@pytest.fixture
def helmtool(set_up: Callable[..., Helmtool]) -> Helmtool:
    return set_up()


def serving(registry: RealRegistry, image: str, tag: str = STABLE) -> list[str]:
    return [f"{registry.host}/{PATH}:{tag}@{image}"]


def test_a_release_finds_the_digest_and_makes_the_stable_twin(helmtool: Helmtool, registry: RealRegistry, kube: Kube) -> None:
    image = registry.push(TAG)
    shown = helmtool("release", "prod", TAG, "--dry-run")
    assert f"{TAG} is {image[7:19]}; {STABLE} will be made of it" in shown.err
    assert not registry.has(STABLE)
    result = helmtool("release", "prod", TAG, "--yes", "--note", "first")
    assert result.out == f"prod runs newdqmgui:{STABLE}@{image[7:19]} (revision 1)\n"
    assert f"{STABLE} is {image[7:19]}: the registry's clean-up spares it" in result.err
    assert digest(registry.read(STABLE)) == image
    assert kube.serving == serving(registry, image)
    record = helmtool("history", "prod", "-o", "json").json[0]["record"]
    assert (record["tag"], record["digest"]) == (STABLE, image)
    assert "nothing to do" in helmtool("release", "prod", TAG, "--yes").out
    assert "nothing to do" in helmtool("release", "prod", STABLE, "--yes").out
    assert kube.revisions == {1: "deployed"}


def test_a_twin_that_somebody_removed_is_made_again(helmtool: Helmtool, registry: RealRegistry, kube: Kube) -> None:
    registry.push(TAG)
    helmtool("release", "prod", TAG, "--yes")
    (registry.folder / f"data/docker/registry/v2/repositories/{PATH}/_manifests/tags/{STABLE}/current/link").unlink()
    assert not registry.has(STABLE)
    assert "nothing to do" in helmtool("release", "prod", TAG, "--yes").out
    assert registry.has(STABLE)
    assert kube.revisions == {1: "deployed"}


def test_a_multi_platform_image(helmtool: Helmtool, registry: RealRegistry, kube: Kube) -> None:
    image = registry.push_index(TAG)
    helmtool("release", "prod", TAG, "--yes")
    assert registry.read(STABLE) == registry.read(TAG)
    assert kube.serving == serving(registry, image)


def test_without_the_tag_nothing_happens(helmtool: Helmtool, registry: RealRegistry, kube: Kube) -> None:
    registry.push("HG0105b")
    before = kube.versions()
    for tag in (TAG, STABLE):
        assert helmtool("release", "prod", tag, "--yes", "-o", "json", code=3).error["code"] == "not-in-registry"
        assert helmtool("diff", "prod", tag, "-o", "json", code=3).error["code"] == "not-in-registry"
    assert kube.versions() == before


def test_a_tag_that_the_clean_up_took_is_found_by_its_twin(helmtool: Helmtool, registry: RealRegistry, kube: Kube) -> None:
    image = registry.push(STABLE)
    result = helmtool("release", "prod", TAG, "--yes")
    assert f"{TAG} is gone from the registry; {STABLE} is still there" in result.err
    assert kube.serving == serving(registry, image)


def test_a_twin_that_is_another_image_is_refused(helmtool: Helmtool, registry: RealRegistry, kube: Kube) -> None:
    stable = registry.push(STABLE, created="2026-04-01T00:00:00Z")
    image = registry.push(TAG)
    before = kube.versions()
    result = helmtool("release", "prod", TAG, "--yes", "-o", "json", code=4)
    assert result.error["code"] == "stable-twin-differs"
    assert image in result.error["message"]
    assert stable in result.error["message"]
    assert kube.versions() == before
    helmtool("release", "prod", STABLE, "--yes")  # what was accepted can still be deployed
    assert kube.serving == serving(registry, stable)


def test_a_tag_that_moves_while_it_asks(helmtool: Helmtool, registry: RealRegistry, kube: Kube) -> None:
    registry.push(TAG)
    running = helmtool.start("release", "prod", TAG, "-o", "json", terminal=True).saw("[y/N]")
    registry.push(TAG, created="2026-05-01T11:00:00Z")
    result = running.type("y\n").wait()
    assert (result.code, result.error["code"]) == (1, "tag-moved"), result
    assert not registry.has(STABLE)
    assert ("Deployment", "newdqmgui") not in kube.versions()


def test_a_tag_that_moved_after_its_test(helmtool: Helmtool, registry: RealRegistry, kube: Kube, testbed: str) -> None:
    tested = registry.push(TAG)
    helmtool("release", "preprod", TAG)
    moved = registry.push(TAG, created="2026-05-01T11:00:00Z")
    before = kube.versions()
    for command in (("release", "prod", TAG, "--yes"), ("diff", "prod", TAG)):
        error = helmtool(*command, "-o", "json", code=4).error
        assert error["code"] == "tag-moved"
        assert moved in error["message"]
        assert f"preprod has it as {tested} (revision 1)" in error["problems"][0]["message"]
    assert kube.versions() == before
    assert not registry.has(STABLE)
    again = helmtool("release", "preprod", TAG)
    assert f"{TAG} has moved: it is {moved[7:19]} now" in again.err
    helmtool("release", "prod", TAG, "--yes")
    assert kube.serving == serving(registry, moved)


def test_a_stable_tag_that_moved_in_production(helmtool: Helmtool, registry: RealRegistry, kube: Kube) -> None:
    first = registry.push(STABLE)
    helmtool("release", "prod", STABLE, "--yes")
    registry.push(STABLE, created="2026-05-01T11:00:00Z")
    error = helmtool("release", "prod", STABLE, "--yes", "-o", "json", code=4).error
    assert error["code"] == "tag-moved"
    assert f"prod has it as {first} (revision 1)" in error["problems"][0]["message"]


def test_an_environment_that_cannot_be_asked_is_named(helmtool: Helmtool, registry: RealRegistry, tmp_path: Path) -> None:
    registry.push(TAG)
    (tmp_path / "testbed.kubeconfig").unlink()
    result = helmtool("release", "prod", TAG, "--yes")
    assert f"compare   skipped: preprod is not asked for its image: no kubeconfig at {tmp_path}/testbed.kubeconfig" in result.err


@pytest.mark.parametrize(
    ("policy", "tag", "code", "deployed"),
    [
        ("off", TAG, 0, TAG),
        ("off", STABLE, 0, STABLE),
        ("require", TAG, 4, ""),
        ("require", STABLE, 0, STABLE),
        ("add", TAG, 0, STABLE),
        ("add", STABLE, 0, STABLE),
    ],
)
def test_policy_and_tag_and_command(
    set_up: Callable[..., Helmtool], registry: RealRegistry, kube: Kube, policy: str, tag: str, code: int, deployed: str
) -> None:
    """The table of docs/how-to/tags.md. What only reads asks no registry, or writes nothing to it."""
    helmtool = set_up(stableTag=policy)
    image = registry.push(tag)
    known = sorted(_tags(registry))
    written = helmtool("release", "prod", tag, "--dry-run", code=code)
    compared = helmtool("diff", "prod", tag, code=code)
    registry.stop()
    rendered = helmtool("render", "prod", tag, code=code)
    merged = helmtool("values", "prod", tag, code=code)
    registry.start()
    assert sorted(_tags(registry)) == known
    if code:
        assert "takes only stable tags" in written.err + compared.err + rendered.err + merged.err
        return
    assert f":{deployed}@{image}\n" in written.out
    assert f":{deployed}@{image}\n" in compared.out
    assert f":{deployed}\n" in rendered.out
    assert f"tag: {deployed}\n" in merged.out
    helmtool("release", "prod", tag, "--yes")
    assert kube.serving == serving(registry, image, deployed)
    assert sorted(_tags(registry)) == sorted({*known, deployed})


def _tags(registry: RealRegistry) -> list[str]:
    found: list[str] = json.loads(registry.call("GET", "/tags/list").read())["tags"]
    return found


@pytest.mark.parametrize(
    ("policy", "tag", "code"), [("required", STABLE, 5), ("warn", STABLE, 0), ("warn", TAG, 5), ("off", STABLE, 0), ("off", TAG, 4)]
)
def test_without_the_registry(
    set_up: Callable[..., Helmtool], registry: RealRegistry, kube: Kube, policy: str, tag: str, code: int
) -> None:
    helmtool = set_up(policies={"resolve": policy, "prepull": "off", "verify": "off"})
    registry.stop()
    before = kube.versions()
    result = helmtool("release", "prod", tag, "--yes", "-o", "json", code=code)
    if code == 0:
        assert kube.serving == [f"{registry.host}/{PATH}:{tag}"]
        assert ("deployed by its tag alone" in result.err) is (policy == "warn")
    else:
        assert kube.versions() == before
        assert result.error["code"] == ("registry-needed" if policy == "off" else "registry-unreachable")


def test_a_registry_that_does_not_take_the_twin(helmtool: Helmtool, registry: RealRegistry, kube: Kube) -> None:
    registry.push(TAG)
    registry.stop()
    data = {"rootdirectory": str(registry.folder / "data")}
    registry.extra = {"storage": {"filesystem": data, "maintenance": {"readonly": {"enabled": True}}}}
    registry.start()
    before = kube.versions()
    result = helmtool("release", "prod", TAG, "--yes", "-o", "json", code=None)
    assert result.code in (4, 5), result
    assert {key: version for key, version in kube.versions().items() if key[0] != "Lease"} == before
    assert not registry.has(STABLE)


def test_a_rollback_brings_the_digest_back(helmtool: Helmtool, registry: RealRegistry, kube: Kube) -> None:
    first = registry.push(TAG)
    second = registry.push("HG0205a")
    helmtool("release", "prod", TAG, "--yes")
    helmtool("release", "prod", "HG0205a", "--yes")
    assert kube.serving == serving(registry, second, "HG0205a-stable")
    helmtool("rollback", "prod", "--yes")
    assert kube.serving == serving(registry, first)
    assert "no changes" in helmtool("diff", "prod").err  # without a tag, the image that serves: the registry is not asked
    assert helmtool("history", "prod", "-o", "json").json[0]["record"]["digest"] == first
